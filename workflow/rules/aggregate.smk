rule aggregate:
    input:
        settings=ancient(paths.settings_file(study)),
        files=sorted(
            {
                paths.folder_of_run(study, run) / name
                for run in study_runs
                for name in ("run.json", "metrics.parquet", "layers.parquet")
            }
        ),
    output:
        [paths.tables_folder(study) / f"{name}.parquet" for name in ("runs", "metrics", "layers")],
    params:
        arms=digest({name: arm.model_dump(mode="json") for name, arm in study.arms.items()}),
        code=source_digest("tlstudy.stages.aggregate"),
    log:
        folder / "logs" / "aggregate.log",
    benchmark:
        folder / "benchmarks" / "aggregate.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    shell:
        "tlstudy aggregate --config {input.settings:q} > {log} 2>&1"
