# One rule for each step that puts runs together, from the tables to the report.
PRODUCTS = {
    "formulas": "Holding the printed variants of Proposition 3 against brute force",
    "aggregate": "Putting all runs into tables",
    "claims": "Judging the claims",
    "figures": "Drawing the figures",
    "report": "Writing the report",
}
for name, told in PRODUCTS.items():
    step = getattr(graph, name)(study)

    rule:
        name:
            name
        input:
            step.inputs,
        output:
            [reported(path) for path in step.outputs],
            step.provenance,
        log:
            paths.log_file(folder, name),
        benchmark:
            paths.benchmark_file(folder, name)
        conda:
            "../../envs/tlstudy.yaml"
        params:
            settings=settings_of_jobs,
            name=name,
            decided_by=digest(step.settings),
            code=step.code,
            libraries=in_words(step.libraries),
        message:
            told
        shell:
            "tlstudy {params.name:q} --config {params.settings:q} > {log:q} 2>&1"
