rule aggregate:
    input:
        steps.aggregate(study).inputs,
    output:
        steps.aggregate(study).outputs,
        steps.aggregate(study).record,
    log:
        logs / "aggregate.log",
    benchmark:
        benchmarks / "aggregate.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        decided_by=decided_by(steps.aggregate(study)),
        code=code_of("aggregate"),
        libraries=in_words(libraries_of("aggregate")),
    message:
        "Putting all runs into tables"
    shell:
        "tlstudy aggregate --config {params.settings:q} > {log} 2>&1"
