rule report:
    input:
        # The study's configuration beside its tables is no output of a job.
        [path for path in steps.report(study).inputs if path != paths.study_file(study)],
    output:
        [reported_page(path) for path in steps.report(study).outputs],
        steps.report(study).record,
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
        code=code_of("report"),
        libraries=in_words(libraries_of("report")),
    message:
        "Writing the report"
    shell:
        "tlstudy report --config {params.settings:q} > {log} 2>&1"
