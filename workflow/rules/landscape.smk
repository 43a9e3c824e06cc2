rule landscape:
    input:
        images=ancient(image_files),
        weights=run_weights,
        subset=run_subset,
        run=run_path / "run.json",
        plane=run_path / "plane.safetensors",
    output:
        run_path / "landscape.json",
        provenance_of_run("landscape"),
    log:
        logs / "landscape" / "{run}" / "n~{n}" / "seed~{seed}.log",
    benchmark:
        benchmarks / "landscape" / "{run}" / "n~{n}" / "seed~{seed}.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    threads: 4
    resources:
        gpu=gpus,
        mem_mb=memory_of("landscape"),
        runtime=minutes_of("landscape"),
    params:
        settings=settings_of_jobs,
        gpus=granted_gpus,
        decided_by=measurement_decided_by(steps.landscape),
        code=stage_code("landscape"),
        libraries=in_words(stage_libraries("landscape")),
    message:
        "Loss landscapes of {wildcards.run}, n = {wildcards.n}, seed {wildcards.seed}"
    shell:
        "tlstudy landscape --config {params.settings:q} --arm {wildcards.run} "
        "--subset-size {wildcards.n} --seed {wildcards.seed} "
        "--gpus {params.gpus} --threads {threads} 2>&1 | tee {log}"
