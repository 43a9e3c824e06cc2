rule figures:
    input:
        steps.figures(study).inputs,
    output:
        [reported_figure(path) for path in steps.figures(study).outputs],
        steps.figures(study).record,
    log:
        logs / "figures.log",
    benchmark:
        benchmarks / "figures.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        decided_by=decided_by(steps.figures(study)),
        code=code_of("figures"),
        libraries=in_words(libraries_of("figures")),
    message:
        "Drawing the figures"
    shell:
        "tlstudy figures --config {params.settings:q} > {log} 2>&1"
