"""The device that a job computes on, and its settings."""

import ctypes
import logging
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from tlstudy.storage.errors import UserError
from tlstudy.storage.randomness import Stream, derived_seed

log = logging.getLogger(__name__)

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h
MOST_ON_A_GPU = 64  # jobs that are told apart


# Of the GPUs that this process took; the system opens them when it ends, however that happens.
_held: list[FileLock] = []


def prepared(wanted: str, gpus: int | None, threads: int | None) -> torch.device:
    """Get this process ready for a run's work, and choose its device as `choose_device` does.

    Args:
        threads: processor threads; None for PyTorch's own choice.
    """
    make_deterministic(threads)
    keep_freed_memory()
    device = choose_device(wanted, gpus)
    log.info("on %s", device_name(device))
    return device


def choose_device(wanted: str, gpus: int | None = None) -> torch.device:
    """Turn auto, cpu or cuda into a device; of several GPUs, one that no other job computes on.

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
    if wanted == "cuda" or (wanted == "auto" and available and gpus != 0):
        names = visible_gpus(torch.cuda.device_count(), os.environ.get("CUDA_VISIBLE_DEVICES"))
        return torch.device("cuda", take_gpu(names, lock_folder()))
    return torch.device("cpu")


def visible_gpus(count: int, setting: str | None) -> list[str]:
    """Names of the GPUs that PyTorch sees, which are the same in all processes of a machine.

    Args:
        setting: CUDA_VISIBLE_DEVICES, such as "2,3": PyTorch then calls the GPUs 0 and 1.
    """
    names = [name.strip() for name in setting.split(",")] if setting else []
    return names if len(names) == count else [str(number) for number in range(count)]


def take_gpu(names: Sequence[str], folder: Path) -> int:
    """Position of the GPU with the fewest jobs, of all users of the lock folder.

    The GPU is taken until this process ends. If all are taken, jobs share them evenly.

    Args:
        names: one or more.

    Raises:
        UserError: the folder's file system locks no files.
    """
    if not names:
        raise ValueError("no GPU to take")
    for place in range(MOST_ON_A_GPU):
        for position, name in enumerate(names):
            # A soft lock would stay where a job was killed.
            file = folder / f"gpu-{name}-{place}.lock"
            lock = FileLock(file, blocking=False, fallback_to_soft=False)
            try:
                lock.acquire()
            except Timeout:
                continue
            except OSError as error:
                if error.filename is not None:  # the lock's file cannot be made
                    raise
                raise UserError(
                    f"{folder}: files cannot be locked here ({error.strerror}); jobs that share "
                    "GPUs need locks. Set TMPDIR to a folder on a disk of this machine."
                ) from error
            _held.append(lock)
            return position
    log.warning("%s: calls every lock taken, so this job takes the first GPU", folder)
    return 0


def lock_folder() -> Path:
    """Folder of the locks of this user's jobs on this machine."""
    folder = Path(tempfile.gettempdir()) / f"tlstudy-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


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


def has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16; True where PyTorch does not tell."""
    told = getattr(torch.cpu, "get_capabilities", dict)()
    if told.get("architecture") == "x86_64":
        return bool(told.get("avx512_bf16") or told.get("amx_bf16"))
    return bool(told.get("bf16", True))


@contextmanager
def chance(seed: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Context of an epoch's steps: what dropout and the like draw follows from seed and epoch.

    So a training that goes on from a checkpoint draws the same.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed((derived_seed(seed, Stream.DROPOUT) + epoch) % 2**63)
        yield


@contextmanager
def repeatable(architecture: str) -> Iterator[None]:
    """Context of steps that PyTorch refuses where it cannot do them twice alike.

    Raises:
        UserError: an operation of the network has no fixed order of sums on this device.
    """
    try:
        yield
    except RuntimeError as error:
        operation, refused, _ = str(error).partition(" does not have a deterministic")
        if not refused:
            raise
        raise UserError(
            f"architecture: found {architecture}; the same seed would give other numbers each time "
            f"on this device, as PyTorch has no deterministic {operation}: give `device: cpu`."
        ) from None


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
