"""How long a job may take, so that a scheduler can be asked for it.

From operation counts and constants alone: the same on every machine and at any time, whatever
results are there, so that a dry run and the run itself ask for the same. `tlstudy plan` has the
same counts, and the times of this machine.
"""

from math import ceil

from tlstudy.config.settings import Study
from tlstudy.config.study import Run
from tlstudy.jobs.operations import operations

# Operations a second, far below what is reached, as a job that runs out of time is lost. A core: a
# quarter of what the slowest of the kept audit's trainings reached on an AMD EPYC (Zen 4), an
# eighth of the fastest. A GPU: not measured; a tenth or less of the float32 peak of those built
# for data centres since 2017.
CORE_SPEED = 1e10
GPU_SPEED = 1e12
# For the start, shared file systems that are slow, and all that is not counted as operations.
LEAST_MINUTES = 30


def runtime_minutes(study: Study, run: Run, stage: str, threads: int, gpus: int) -> int:
    """Minutes that a job of a stage is given, many times what it should take.

    Args:
        gpus: GPUs that it computes on; with 0 it computes on `threads` cores.
    """
    speed = gpus * GPU_SPEED or threads * CORE_SPEED
    return LEAST_MINUTES + ceil(operations(study, run, stage) / speed / 60)
