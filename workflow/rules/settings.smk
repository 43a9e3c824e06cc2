# Not a shell command: a configuration of hundreds of arms is longer than a command may be.
rule settings:
    output:
        paths.settings_file(study),
    log:
        logs / "settings.log",
    benchmark:
        benchmarks / "settings.tsv"
    localrule: True
    params:
        configuration=digest(study.model_dump(mode="json")),
    message:
        "Writing down the configuration"
    run:
        write_json_atomically(paths.settings_file(study), study.model_dump(mode="json"))
