rule formulas:
    output:
        steps.formulas(study).outputs,
        steps.formulas(study).record,
    log:
        logs / "formulas.log",
    benchmark:
        benchmarks / "formulas.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        decided_by=decided_by(steps.formulas(study)),
        code=code_of("formulas"),
        libraries=in_words(libraries_of("formulas")),
    message:
        "Holding the printed variants of Proposition 3 against brute force"
    shell:
        "tlstudy formulas --config {params.settings:q} > {log} 2>&1"
