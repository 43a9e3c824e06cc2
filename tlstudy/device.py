"""Where and how a job computes."""

import os
import resource
import sys
from contextlib import AbstractContextManager

import torch

from tlstudy.errors import UserError


def choose_device(wanted: str, gpus: int | None = None) -> torch.device:
    """Turn auto, cpu or cuda into a device; never falls back from what was asked for.

    Args:
        gpus: GPUs that the workflow granted; None outside a workflow. With 0, auto is the
            processor.

    Raises:
        UserError: cuda was asked for and there is none, or none was granted.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise UserError("device: found 'cuda'; PyTorch sees no GPU here, so use auto or cpu.")
    if wanted == "cuda" and gpus == 0:
        raise UserError("device: found 'cuda'; the workflow runs with --resources gpu=0.")
    use_gpu = wanted == "cuda" or (wanted == "auto" and available and gpus != 0)
    return torch.device("cuda" if use_gpu else "cpu")


def make_deterministic(threads: int | None) -> None:
    """Same seed and device, same numbers; they also depend on the number of threads."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS needs it for this
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    # float32 means float32: TF32 would be another precision.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if threads:
        torch.set_num_threads(threads)


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
