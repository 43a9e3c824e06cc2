rule curvature:
    input:
        images=ancient(image_files),
        weights=run_weights,
        subset=run_subset,
        run=run_path / "run.json",
        metrics=run_path / "metrics.parquet",
        plane=run_path / "plane.safetensors",
    output:
        run_path / "curvature.parquet",
        provenance_of_run("curvature"),
    log:
        logs / "curvature" / "{run}" / "n~{n}" / "seed~{seed}.log",
    benchmark:
        benchmarks / "curvature" / "{run}" / "n~{n}" / "seed~{seed}.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    threads: 4
    resources:
        gpu=gpus,
        mem_mb=memory_of("curvature"),
        runtime=minutes_of("curvature"),
    params:
        settings=settings_of_jobs,
        gpus=granted_gpus,
        decided_by=measurement_decided_by(steps.curvature),
        code=stage_code("curvature"),
        libraries=in_words(stage_libraries("curvature")),
    message:
        "Sharpness of the loss of {wildcards.run}, n = {wildcards.n}, seed {wildcards.seed}"
    shell:
        "tlstudy curvature --config {params.settings:q} --arm {wildcards.run} "
        "--subset-size {wildcards.n} --seed {wildcards.seed} "
        "--gpus {params.gpus} --threads {threads} 2>&1 | tee {log}"
