job_of_subset = paths.job_of_subset("{target}", "{drawing}", "{n}", "{seed}")


rule subset:
    input:
        images=images_of,
    output:
        subset_path / paths.SUBSET_RECORD,
        subset_path / "contact-sheet.png",
        paths.provenance_file(study, job_of_subset),
        sheet=report(
            subset_path / "contact-sheet.svg",
            caption="../../report/contact-sheet.rst",
            category="1. Images",
            labels={
                "Images": "{target}",
                "Drawing": "{drawing}",
                "Training images": "{n}",
                "Seed": "{seed}",
            },
        ),
    log:
        paths.log_file(folder, job_of_subset),
    benchmark:
        paths.benchmark_file(folder, job_of_subset)
    priority: in_order
    conda:
        "../../envs/tlstudy.yaml"
    params:
        settings=settings_of_jobs,
        code=code_of("subset"),
        libraries=in_words(libraries_of("subset")),
    message:
        "Drawing {wildcards.n} training images of {wildcards.target} ({wildcards.drawing}), "
        "seed {wildcards.seed}"
    shell:
        "tlstudy subset --config {params.settings:q} --target {wildcards.target:q} "
        "--drawing {wildcards.drawing:q} --subset-size {wildcards.n:q} --seed {wildcards.seed:q} > {log:q} 2>&1"
