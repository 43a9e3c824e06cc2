"""What jobs ask for, what this call has for them, and how long they will take."""

from tlstudy.config.study import distinct, runs_of_step
from tlstudy.jobs.calls import note_call
from tlstudy.jobs.cost import memory_mb, on_one_core, runtime_minutes
from tlstudy.jobs.machine import has_gpu, threads_of_job
from tlstudy.jobs.workflow import time_ahead

gpu_limit = workflow.global_resources.get("gpu")


def is_elsewhere():
    """Whether jobs run on a cluster."""
    return workflow.remote_exec or not workflow.local_exec


def gpus(wildcards):
    """GPUs that a job asks for: one where the study may use it and the workflow has one to give.

    On a machine without a GPU none is asked for, so that a limit of GPUs does not limit how many
    runs train at once. What machines a cluster has is not known here.
    """
    refused = study.device == "cpu" or (gpu_limit and gpu_limit.value == 0)
    none_here = study.device == "auto" and not is_elsewhere() and not has_gpu()
    return 0 if refused or none_here else 1


def gpus_of(step):
    """GPUs that a job of the step asks for."""
    return 0 if on_one_core(step) else gpus


def threads_of(step):
    """Threads of a job; on a processor of this machine its jobs share the cores."""
    if on_one_core(step):
        return 1
    jobs = len(distinct(runs_of_step(study, step)))

    def threads(wildcards):
        # Without --cores nothing is computed, as in Snakemake's report.
        cores = workflow.resource_settings.cores
        if cores is None or gpus(wildcards) or is_elsewhere():
            return 4
        return threads_of_job(cores, memory_mb(the_run(wildcards), step), jobs)

    return threads


def jobs_ahead():
    """The jobs that are about to start, by rule and wildcards."""
    return [(job.rule.name, *job.wildcards) for job in workflow.dag.needrun_jobs()]


def this_call():
    return ["snakemake", *sys.argv[1:]]


def cores_and_gpus():
    """What this call has for jobs on this machine."""
    limit = gpu_limit.value if gpu_limit else 1
    return workflow.resource_settings.cores, limit if gpus(None) else 0


def keep_call():
    """For `tlstudy status`; a note that cannot be written stops no job."""
    given = (0, 0) if is_elsewhere() else cores_and_gpus()
    try:
        note_call(moved_study(), this_call(), *given)
    except (UserError, OSError) as error:
        logger.warning(f"The call is not noted ({error}).")


def time_of_jobs_ahead():
    """How long they will take; no failure to tell it may stop them."""
    if is_elsewhere():
        return ""
    try:
        return time_ahead(study, written_settings(), jobs_ahead(), *cores_and_gpus())
    except Exception as error:
        return f"How long it will take is not known ({error})."


def granted_gpus(wildcards, resources):
    """GPUs that a job has, under whichever name a profile asks for them.

    What follows from resources makes nothing run again.
    """
    return max(resources.gpu, int("gpu" in resources.get("gres", "")))


def minutes_of(step):
    """What a job of the step asks for; after each failure it asks for as much again."""

    def minutes(wildcards, threads, attempt):
        given = 0 if on_one_core(step) else gpus(wildcards)
        return attempt * runtime_minutes(
            study, the_run(wildcards), step, threads, given
        )

    return minutes


def memory_of(step):
    """Likewise, in MB."""
    return lambda wildcards, attempt: attempt * memory_mb(the_run(wildcards), step)
