rule claims:
    input:
        steps.claims(study).inputs,
    output:
        steps.claims(study).outputs,
        steps.claims(study).record,
    log:
        logs / "claims.log",
    benchmark:
        benchmarks / "claims.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        decided_by=decided_by(steps.claims(study)),
        code=code_of("claims"),
        libraries=in_words(libraries_of("claims")),
    message:
        "Judging the claims"
    shell:
        "tlstudy claims --config {params.settings:q} > {log} 2>&1"
