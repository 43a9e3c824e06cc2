# One rule for the images of each data set or folder; that of MNIST alone is named `images`.
for target in image_targets:

    rule:
        name:
            image_rule(target)
        output:
            paths.image_files(study.cache, target),
            paths.images_record(study.cache, target),
        log:
            paths.log_file(study.cache, paths.job_of_images(target)),
        benchmark:
            paths.benchmark_file(study.cache, paths.job_of_images(target))
        priority: before_all
        localrule: True
        conda:
            "../../envs/tlstudy.yaml"
        params:
            cache=cache_folder,
            target=target_option(target),
        message:
            f"Getting the images of {target.source}"
        shell:
            "tlstudy images --cache {params.cache:q} --target {params.target:q} > {log:q} 2>&1"
