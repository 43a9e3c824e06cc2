rule report:
    input:
        tables=rules.aggregate.output,
        claims=rules.claims.output,
        formulas=formulas_table,
        landscapes=rules.figures.input.landscapes,
        figures=rules.figures.output,
        sheets=contact_sheets,
    output:
        report(
            paths.report_file(study),
            caption="../../report/report.rst",
            category="0. Report",
            labels={"Document": "The whole report"},
        ),
        [reported_results(path) for path in result_tables],
    log:
        logs / "report.log",
    benchmark:
        benchmarks / "report.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        configuration=digest(study.model_dump(mode="json")),
        code=source_digest("tlstudy.stages.report"),
        templates=data_digest("report/templates"),
        published=data_digest("published"),
    message:
        "Writing the report"
    shell:
        "tlstudy report --config {params.settings:q} > {log} 2>&1"
