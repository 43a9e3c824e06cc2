rule figures:
    input:
        tables=rules.aggregate.output,
        claims=rules.claims.output,
        formulas=formulas_table,
        landscapes=sorted(set(landscape_files)),
    output:
        [reported_figure(path) for path in drawn_figures],
    log:
        logs / "figures.log",
    benchmark:
        benchmarks / "figures.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        code=source_digest("tlstudy.stages.figures"),
        published=data_digest("published"),
    message:
        "Drawing the figures"
    shell:
        "tlstudy figures --config {params.settings:q} > {log} 2>&1"
