"""The machine that a study runs on: its processor or GPUs, its load, and what it is slow at."""

import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import psutil

from tlstudy.config.settings import Study
from tlstudy.storage.environment import processor_name
from tlstudy.watching.finding import counted

GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
MEMORY_USED = 0.9  # share of the memory that jobs may have


@dataclass(frozen=True)
class Machine:
    """Where a study runs.

    Attributes:
        device: name of the processor or GPU.
        on_gpu: whether jobs compute on a GPU, one each.
        slots: cores or GPUs that the workflow has.
        real: those of them that the machine has.
    """

    device: str
    on_gpu: bool
    slots: int
    real: int

    @property
    def unit(self) -> str:
        return "GPU" if self.on_gpu else "core"

    def told(self) -> str:
        """2 cores."""
        return counted(self.real, self.unit)


def this_machine(study: Study, cores: int | None = None, gpus: int | None = None) -> Machine:
    """The machine, with the cores and GPUs that the workflow is given.

    Args:
        cores: None for all of the machine.
        gpus: None for one where there is one.

    Raises:
        UserError: the study is for a GPU and there is none here.
    """
    wanted = study.device != "cpu" and gpus != 0
    if wanted and (study.device == "cuda" or has_gpu()):
        import torch  # takes seconds

        from tlstudy.networks.device import choose_device

        if torch.cuda.is_available():  # jobs choose one, which takes it; here it is only looked at
            return Machine(torch.cuda.get_device_name(), True, gpus or 1, gpus or 1)
        choose_device(study.device)  # tells a study for a GPU that there is none
    there = cores_here()
    return Machine(processor_name(), False, cores or there, min(cores or there, there))


def has_gpu() -> bool:
    """Whether this machine shows the device of a GPU: NVIDIA's, AMD's, or Windows' under Linux.

    Asking PyTorch would take seconds on every call of Snakemake.
    """
    return any(Path(name).exists() for name in GPU_DEVICES)


def threads_of_job(cores: int, memory: int, jobs: int) -> int:
    """Threads with which jobs at once use all cores and fit into this machine's memory.

    Jobs of few threads bear other work beside them: threads of one job wait for each other.

    Args:
        memory: of a job, MB.
        jobs: how many there are.
    """
    fitting = int(MEMORY_USED * psutil.virtual_memory().total / 1e6 / memory)
    return ceil(cores / max(1, min(cores, fitting, jobs)))


def cores_here() -> int:
    """Cores that this process may use."""
    process = psutil.Process()
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else os.cpu_count() or 1


def load_now() -> str:
    """What makes the time longer now; empty where the machine has cores to spare."""
    load = psutil.getloadavg()[0]
    return f"the load is now {load:.1f}, so it takes longer" if load > cores_here() / 2 else ""


def without_bfloat16(study: Study, machine: Machine) -> str:
    """A sentence where a study asks a processor for bfloat16 that it lacks; empty elsewhere.

    Without instructions for it, ResNet-50 is evaluated a quarter as fast as in float32 (Intel Xeon
    with AVX-512 alone, 64 pixels, PyTorch 2.15).
    """
    evaluated = study.evaluation.precision == "bfloat16"
    trained = any(arm.precision == "bfloat16" for arm in study.arms.values())
    if not study.arms or not (evaluated or trained) or machine.on_gpu:
        return ""
    from tlstudy.networks.device import has_bfloat16

    if has_bfloat16():
        return ""
    told = "This processor has no bfloat16: what asks for it is several times slower than float32."
    write = "Write `evaluation: {precision: float32}` into the study's file."
    return f"{told} {write}" if evaluated else told
