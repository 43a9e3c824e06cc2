rule aggregate:
    input:
        files=sorted(
            {
                paths.folder_of_run(study, run) / name
                for run in study_runs
                for name in ("run.json", "metrics.parquet", "layers.parquet")
            }
        ),
        # The sentinels read these too.
        subsets=sorted(
            {paths.run_subset_folder(study, run) / "subset.json" for run in study_runs}
        ),
        landscapes=sorted(set(landscape_files)),
        curvature=sorted(
            {
                paths.curvature_file(study, run)
                for run in selected(study, study.curvature)
            }
        ),
        encoder=sorted(
            {paths.encoder_file(study, run) for run in selected(study, study.encoder)}
        ),
        laboratory=laboratory_files,
        reuse=sorted(
            {paths.reuse_file(study, run) for run in selected(study, study.reuse)}
        ),
    output:
        paths.provenance_file(study, "aggregate"),
        tables=paths.aggregated_tables(study),
    log:
        logs / "aggregate.log",
    benchmark:
        benchmarks / "aggregate.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        decided_by=decided_by(steps.aggregate(study)),
        code=stage_code("aggregate"),
        libraries=in_words(stage_libraries("aggregate")),
    message:
        "Putting all runs into tables"
    shell:
        "tlstudy aggregate --config {params.settings:q} > {log} 2>&1"
