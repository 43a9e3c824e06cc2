rule images:
    output:
        image_files,
        paths.images_folder(study.cache) / "record.json",
    params:
        cache=str(study.cache),
    log:
        study.cache / "logs" / "images.log",
    benchmark:
        study.cache / "benchmarks" / "images.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    localrule: True
    shell:
        "tlstudy images --cache {params.cache:q} > {log} 2>&1"
