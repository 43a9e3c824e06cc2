"""The device that a job computes on, and its settings."""

import ctypes
import os
import platform
import resource
import sys
from contextlib import AbstractContextManager

import torch

from tlstudy.storage.errors import UserError

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h


def choose_device(wanted: str, gpus: int | None = None) -> torch.device:
    """Turn auto, cpu or cuda into a device.

    Args:
        gpus: GPUs that the workflow granted; None outside a workflow.

    Raises:
        UserError: cuda was asked for, and there is none or none was granted.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise UserError("device: found 'cuda'; PyTorch sees no GPU here, so use auto or cpu.")
    if wanted == "cuda" and gpus == 0:
        raise UserError("device: found 'cuda'; the workflow runs with --resources gpu=0.")
    use_gpu = wanted == "cuda" or (wanted == "auto" and available and gpus != 0)
    return torch.device("cuda" if use_gpu else "cpu")


def make_deterministic(threads: int | None) -> None:
    """Make the same seed, device and number of threads give the same numbers."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS needs it for this
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    # Filling every new tensor took a tenth to a fifth of a training step on two cores.
    torch.utils.deterministic.fill_uninitialized_memory = False
    # float32 means float32: TF32 would be another precision.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if threads:
        torch.set_num_threads(threads)


def keep_freed_memory() -> None:
    """Let glibc keep freed memory instead of handing it back to the system.

    Activations are blocks of tens of megabytes. Having the system clear their pages anew took a
    third of a step's time on two cores (1.95 s to 1.29 s).
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(M_TOP_PAD, 2**28)


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Context in which forward passes use the precision (float32 or bfloat16)."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def synchronise(device: torch.device) -> None:
    """Wait for the device, so that times are times of work done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def device_name(device: torch.device) -> str:
    """cpu, or the name of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def peak_memory_gib() -> float:
    """Largest resident memory of this process so far, GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2 ** (30 if sys.platform == "darwin" else 20)
