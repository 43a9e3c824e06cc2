rule weights:
    input:
        lambda wildcards: source_files(sources_of(wildcards)),
    output:
        weights_path / "weights.safetensors",
        weights_path / "record.json",
    log:
        study.cache / "logs" / "weights" / "{architecture}" / "{sources}.log",
    benchmark:
        study.cache / "benchmarks" / "weights" / "{architecture}" / "{sources}.tsv"
    localrule: True
    conda:
        "../../envs/tlstudy.yaml"
    params:
        cache=cache_folder,
        sources=lambda wildcards: source_options(sources_of(wildcards)),
        code=source_digest("tlstudy.networks.weights", PLUMBING),
    message:
        "Getting pretrained weights: the first of {wildcards.sources} that can be had"
    shell:
        "tlstudy weights --cache {params.cache:q} --architecture {wildcards.architecture} "
        "{params.sources:q} > {log} 2>&1"
