rule subset:
    input:
        images=images_of,
    output:
        subset_path / "subset.json",
        subset_path / "contact-sheet.png",
        paths.provenance_file(
            study, paths.job_of_subset("{target}", "{drawing}", "{n}", "{seed}")
        ),
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
        logs / "subset" / "{target}" / "{drawing}" / "n~{n}" / "seed~{seed}.log",
    benchmark:
        benchmarks / "subset" / "{target}" / "{drawing}" / "n~{n}" / "seed~{seed}.tsv"
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
