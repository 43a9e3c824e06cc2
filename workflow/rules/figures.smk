from tlstudy.figures.names import category_of, caption_of, labels_of

landscape_files = [
    paths.folder_of_run(study, run) / "landscape.json" for run in runs_with_landscape()
]


rule figures:
    input:
        settings=ancient(paths.settings_file(study)),
        tables=rules.aggregate.output,
        landscapes=sorted(set(landscape_files)),
    output:
        [
            (
                report(
                    path,
                    caption=f"../../report/{caption_of(path)}.rst",
                    category=category_of(path),
                    labels=labels_of(path),
                )
                if path.suffix == ".svg"
                else path
            )
            for path in drawn_figures
        ],
    params:
        code=source_digest("tlstudy.stages.figures"),
    log:
        folder / "logs" / "figures.log",
    benchmark:
        folder / "benchmarks" / "figures.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    shell:
        "tlstudy figures --config {input.settings:q} > {log} 2>&1"
