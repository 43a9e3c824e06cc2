rule encoder:
    input:
        images=ancient(image_files),
        weights=run_weights,
        subset=run_subset,
        run=run_path / "run.json",
        metrics=run_path / "metrics.parquet",
        plane=run_path / "plane.safetensors",
    output:
        run_path / "encoder.parquet",
        provenance_of_run("encoder"),
    log:
        logs / "encoder" / "{run}" / "n~{n}" / "seed~{seed}.log",
    benchmark:
        benchmarks / "encoder" / "{run}" / "n~{n}" / "seed~{seed}.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    threads: 4
    resources:
        gpu=gpus,
        mem_mb=memory_of("encoder"),
        runtime=minutes_of("encoder"),
    params:
        settings=settings_of_jobs,
        gpus=granted_gpus,
        decided_by=measurement_decided_by(steps.encoder),
        code=stage_code("encoder"),
        libraries=in_words(stage_libraries("encoder")),
    message:
        "Encoder of {wildcards.run}, n = {wildcards.n}, seed {wildcards.seed}"
    shell:
        "tlstudy encoder --config {params.settings:q} --arm {wildcards.run} "
        "--subset-size {wildcards.n} --seed {wildcards.seed} "
        "--gpus {params.gpus} --threads {threads} 2>&1 | tee {log}"
