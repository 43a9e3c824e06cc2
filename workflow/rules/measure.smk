# One rule for each measurement of the table in tlstudy/config/measurements.py.
for measurement in measurements().values():

    rule:
        name:
            measurement.name
        input:
            images=images_of,
            weights=run_weights,
            study=inputs_of(measuring(measurement.name)),
        output:
            run_path / measurement.file,
            provenance_of_run(measurement.name),
        log:
            paths.log_file(folder, job_of_run(measurement.name)),
        benchmark:
            paths.benchmark_file(folder, job_of_run(measurement.name))
        priority: in_order
        conda:
            "../../envs/tlstudy.yaml"
        threads: threads_of(measurement.name)
        resources:
            gpu=gpus_of(measurement.name),
            mem_mb=memory_of(measurement.name),
            runtime=minutes_of(measurement.name),
        params:
            *settings_of(measurement.name),
            settings=settings_of_jobs,
            gpus=granted_gpus,
            title=run_title,
            name=measurement.name,
            code=code_of(measurement.name),
            libraries=in_words(libraries_of(measurement.name)),
        message:
            measurement.title + " of {params.title}"
        shell:
            "tlstudy {params.name:q} --config {params.settings:q} --arm {wildcards.run:q} "
            "--subset-size {wildcards.n:q} --seed {wildcards.seed:q} "
            "--gpus {params.gpus:q} --threads {threads} 2>&1 | tee {log:q}"
