rule report:
    input:
        tables=rules.aggregate.output,
        claims=rules.claims.output,
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
        report(
            result_table,
            caption="../../report/results-table.rst",
            category="2. Results",
            labels={"Document": "Table of results"},
        ),
    log:
        logs / "report.log",
    benchmark:
        benchmarks / "report.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=str(paths.settings_file(study)),
        configuration=digest(study.model_dump(mode="json")),
        code=source_digest("tlstudy.stages.report"),
        templates=data_digest("report/templates"),
        published=data_digest("published"),
    message:
        "Writing the report"
    shell:
        "tlstudy report --config {params.settings:q} > {log} 2>&1"
