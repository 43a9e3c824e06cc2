rule train:
    input:
        images=images_of,
        weights=run_weights,
        study=inputs_of(training),
    output:
        [run_path / name for name in paths.KEPT],
        # For the measurements only; hundreds of megabytes, so it does not stay.
        temp(run_path / paths.PLANE),
        provenance_of_run("train"),
    log:
        paths.log_file(folder, job_of_run("train")),
    benchmark:
        paths.benchmark_file(folder, job_of_run("train"))
    priority: in_order
    conda:
        "../../envs/tlstudy.yaml"
    threads: threads_of("train")
    resources:
        gpu=gpus_of("train"),
        mem_mb=memory_of("train"),
        runtime=minutes_of("train"),
    params:
        *settings_of("train"),
        settings=settings_of_jobs,
        gpus=granted_gpus,
        title=run_title,
        code=code_of("train"),
        libraries=in_words(libraries_of("train")),
    message:
        "Training {params.title}"
    shell:
        "tlstudy train --config {params.settings:q} --arm {wildcards.run:q} "
        "--subset-size {wildcards.n:q} --seed {wildcards.seed:q} "
        "--gpus {params.gpus:q} --threads {threads} 2>&1 | tee {log:q}"
