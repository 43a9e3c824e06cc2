rule images:
    output:
        image_files,
        paths.images_folder(study.cache) / "record.json",
    log:
        study.cache / "logs" / "images.log",
    benchmark:
        study.cache / "benchmarks" / "images.tsv"
    priority: before_all
    localrule: True
    conda:
        "../../envs/tlstudy.yaml"
    params:
        cache=cache_folder,
    message:
        "Getting MNIST"
    shell:
        "tlstudy images --cache {params.cache:q} > {log} 2>&1"
