rule reuse:
    input:
        images=ancient(image_files),
        weights=run_weights,
        subset=run_subset,
        run=run_path / "run.json",
        plane=run_path / "plane.safetensors",
    output:
        run_path / "reuse.parquet",
        provenance_of_run("reuse"),
    log:
        logs / "reuse" / "{run}" / "n~{n}" / "seed~{seed}.log",
    benchmark:
        benchmarks / "reuse" / "{run}" / "n~{n}" / "seed~{seed}.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    threads: 4
    resources:
        gpu=gpus,
        mem_mb=memory_of("reuse"),
        runtime=minutes_of("reuse"),
    params:
        settings=settings_of_jobs,
        gpus=granted_gpus,
        decided_by=measurement_decided_by(steps.reuse),
        code=stage_code("reuse"),
        libraries=in_words(stage_libraries("reuse")),
    message:
        "Reuse of features in {wildcards.run}, n = {wildcards.n}, seed {wildcards.seed}"
    shell:
        "tlstudy reuse --config {params.settings:q} --arm {wildcards.run} "
        "--subset-size {wildcards.n} --seed {wildcards.seed} "
        "--gpus {params.gpus} --threads {threads} 2>&1 | tee {log}"
