"""What a device can do at best: products of large matrices, and copies of large tensors."""

import time

import numpy as np
import torch

from tlstudy.networks.device import synchronise

MATRIX = {"cpu": 4096, "cuda": 8192}  # side of the square matrices
COPIED_BYTES = 2**30
REPEATS = 5


def limits(device: torch.device, side: int | None = None) -> dict:
    """Peaks in operations a second by precision, and memory bandwidth in bytes a second.

    Medians would count what else the machine is doing, so each is the best of several.

    Args:
        side: of the square matrices, if it is to be another than the device's.
    """
    side = side or MATRIX[device.type]
    peaks = {name: matrix_peak(device, name, side) for name in precisions(device)}
    return {"operations_per_second": peaks, "bytes_per_second": bandwidth(device)}


def precisions(device: torch.device) -> tuple[str, ...]:
    """Arithmetic that the device's matrix products can be asked for."""
    return ("float32", "tf32", "bfloat16") if device.type == "cuda" else ("float32", "bfloat16")


def matrix_peak(device: torch.device, precision: str, side: int) -> float:
    """Operations a second in the product of two large square matrices."""
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    try:
        matrix = torch.randn(side, side, device=device).to(kind)
        return 2 * side**3 / _best(device, lambda: matrix @ matrix)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def bandwidth(device: torch.device) -> float:
    """Bytes read and written a second in a copy of a large tensor."""
    source = torch.ones(COPIED_BYTES // 4, device=device)
    target = torch.empty_like(source)
    return 2 * COPIED_BYTES / _best(device, lambda: target.copy_(source))


def _best(device: torch.device, work) -> float:
    work()
    best = np.inf
    for _ in range(REPEATS):
        synchronise(device)
        began = time.perf_counter()
        work()
        synchronise(device)
        best = min(best, time.perf_counter() - began)
    return best
