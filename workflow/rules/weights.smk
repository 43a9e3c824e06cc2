def cached_sources():
    """Ordered source lists by (architecture, folder name)."""
    lists = {}
    for run in study_runs:
        if run.sources:
            weights = paths.weights_folder(
                study.cache, run.settings.architecture, run.sources
            )
            lists[run.settings.architecture, weights.name] = run.sources
    return lists


source_lists = cached_sources()


def source_options(wildcards):
    texts = [
        source if isinstance(source, str) else source.model_dump_json()
        for source in source_lists[wildcards.architecture, wildcards.sources]
    ]
    return [part for text in texts for part in ("--source", text)]


def source_files(wildcards):
    """The user's own files among the sources."""
    sources = source_lists[wildcards.architecture, wildcards.sources]
    return [source.file for source in sources if not isinstance(source, str)]


rule weights:
    input:
        source_files,
    output:
        weights_path + "/weights.safetensors",
        weights_path + "/record.json",
    params:
        sources=source_options,
        cache=str(study.cache),
        code=source_digest("tlstudy.weights"),
    log:
        str(study.cache) + "/logs/weights/{architecture}/{sources}.log",
    benchmark:
        str(study.cache) + "/benchmarks/weights/{architecture}/{sources}.tsv"
    conda:
        "../../envs/tlstudy.yaml"
    localrule: True
    shell:
        "tlstudy weights --cache {params.cache:q} --architecture {wildcards.architecture} "
        "{params.sources:q} > {log} 2>&1"
