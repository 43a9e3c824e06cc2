rule figures:
    input:
        tables=rules.aggregate.output.tables,
        claims=rules.claims.output.tables,
        formulas=formulas_table,
        landscapes=sorted(set(landscape_files)),
    output:
        paths.provenance_file(study, "figures"),
        drawn=[reported_figure(path) for path in drawn_figures],
    log:
        logs / "figures.log",
    benchmark:
        benchmarks / "figures.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        decided_by=decided_by(steps.figures(study)),
        code=stage_code("figures"),
        libraries=in_words(stage_libraries("figures")),
    message:
        "Drawing the figures"
    shell:
        "tlstudy figures --config {params.settings:q} > {log} 2>&1"
