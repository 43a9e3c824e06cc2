rule claims:
    input:
        rules.aggregate.output,
    output:
        [
            paths.tables_folder(study) / f"{name}.parquet"
            for name in (
                "ladder",
                "claims",
                "claim-values",
                "laboratory-claims",
                "laboratory-claim-values",
            )
        ],
    log:
        logs / "claims.log",
    benchmark:
        benchmarks / "claims.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        stated=digest(
            study.model_dump(
                mode="json",
                include={
                    "ladder",
                    "claims",
                    "encoder",
                    "curvature",
                    "reuse",
                    "laboratory",
                },
            )
        ),
        code=source_digest("tlstudy.stages.claims"),
    message:
        "Judging the claims"
    shell:
        "tlstudy claims --config {params.settings:q} > {log} 2>&1"
