rule formulas:
    output:
        paths.tables_folder(study) / "formulas.parquet",
    log:
        logs / "formulas.log",
    benchmark:
        benchmarks / "formulas.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        code=source_digest("tlstudy.stages.formulas"),
    message:
        "Holding the printed variants of Proposition 3 against brute force"
    shell:
        "tlstudy formulas --table {output:q} > {log} 2>&1"
