rule report:
    input:
        tables=rules.aggregate.output.tables,
        claims=rules.claims.output.tables,
        formulas=formulas_table,
        landscapes=rules.figures.input.landscapes,
        figures=rules.figures.output.drawn,
        sheets=contact_sheets,
    output:
        report(
            paths.report_file(study),
            caption="../../report/report.rst",
            category="0. Report",
            labels={"Document": "The whole report"},
        ),
        [reported_results(path) for path in result_tables],
        paths.provenance_file(study, "report"),
    log:
        logs / "report.log",
    benchmark:
        benchmarks / "report.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        # With the places of files, which are in the study's configuration file.
        configuration=digest(study.model_dump(mode="json")),
        code=stage_code("report"),
        libraries=in_words(stage_libraries("report")),
    message:
        "Writing the report"
    shell:
        "tlstudy report --config {params.settings:q} > {log} 2>&1"
