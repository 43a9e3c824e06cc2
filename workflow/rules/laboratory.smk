rule laboratory:
    output:
        paths.laboratory_file(study, "{experiment}", "{seed}"),
        paths.laboratory_facts(study, "{experiment}", "{seed}"),
        paths.provenance_file(study, paths.job_of_laboratory("{experiment}", "{seed}")),
    log:
        paths.log_file(folder, paths.job_of_laboratory("{experiment}", "{seed}")),
    benchmark:
        paths.benchmark_file(folder, paths.job_of_laboratory("{experiment}", "{seed}"))
    priority: in_order
    conda:
        "../../envs/tlstudy.yaml"
    threads: 1
    params:
        settings=settings_of_jobs,
        code=lambda wildcards: code_of("laboratory", wildcards.experiment),
        libraries=lambda wildcards: in_words(
            libraries_of("laboratory", wildcards.experiment)
        ),
    message:
        "Laboratory: {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "tlstudy laboratory --config {params.settings:q} --experiment {wildcards.experiment:q} "
        "--seed {wildcards.seed:q} > {log:q} 2>&1"
