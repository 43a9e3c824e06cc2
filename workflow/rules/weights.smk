rule weights:
    input:
        lambda wildcards: source_files(sources_of(wildcards)),
    output:
        paths.weights_files(study.cache / job_of_weights),
    log:
        paths.log_file(study.cache, job_of_weights),
    benchmark:
        paths.benchmark_file(study.cache, job_of_weights)
    priority: before_all
    localrule: True
    conda:
        "../../envs/tlstudy.yaml"
    params:
        cache=cache_folder,
        title=weights_title,
        sources=lambda wildcards: source_options(sources_of(wildcards)),
        code=code_digest(["tlstudy.networks.weights:cache_weights"]),
    message:
        "Getting pretrained weights of {wildcards.architecture}: {params.title}"
    shell:
        "tlstudy weights --cache {params.cache:q} --architecture {wildcards.architecture:q} "
        "{params.sources:q} > {log:q} 2>&1"
