"""Whether a device computes what it should, each check with its bound. No check judges by time."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks import runs
from benchmarks.computing import FLOAT32
from benchmarks.exactness import Start, cosine
from benchmarks.pairs import apart
from benchmarks.work import Work
from tlstudy.networks import checkpoint
from tlstudy.networks.batchnorm import BatchNorm2d
from tlstudy.networks.trainer import Outcome, Trainer
from tlstudy.storage.scratch import Scratch

EPOCHS, TEST_IMAGES, ENDED_AFTER = 3, 100, 2

# Exact BatchNorm leaves the rounding of the convolutions: cosines of 0.9998 to 0.9999 on
# processors. A device that rounds twice as much has four times the distance from 1. Products in
# TF32 or bfloat16, or a BatchNorm that sums one value after the other, are far below.
LEAST_COSINE = 0.999
# Relative, of the train losses of the first epochs, each one step. Before any step there is only
# the rounding of a forward pass. Adam's first steps are as long for a gradient that is all
# rounding as for any other, so differences grow by the step: two ways to compute on a processor,
# our BatchNorm and PyTorch's with channels first, were 5e-8, 6e-4 and 1.4e-2 apart.
MOST_DIFFERENCE = (1e-5, 0.01, 0.1)


def check(name: str, found: float, bound: float, most: bool = True) -> dict:
    """A row: what was found, the most that is allowed or the least, and whether it is."""
    return {
        "check": name,
        "found": found,
        "bound": bound,
        "bound_is": "most" if most else "least",
        "passed": found <= bound if most else found >= bound,
    }


def first_gradient(work: Work, *_: object) -> Iterator[dict]:
    """The first gradient points where float64's does."""
    name = "cosine of the first gradient with float64's"
    yield check(name, cosine_on_device(work), LEAST_COSINE, most=False)


def cosine_on_device(work: Work) -> float:
    """Cosine of the device's first gradient with that in float64 on the processor."""
    runs.set_up(work)
    start = Start(work, None)
    network = start.network_with(BatchNorm2d, torch.channels_last).to(work.torch_device())
    return cosine(start.gradient(network, torch.channels_last), start.exact_gradient())


def run_again(work: Work, *_: object) -> Iterator[dict]:
    """The same run in another process has the same numbers."""
    again = apart(numbers_of_run, _short(work))
    yield _same("the same run again", _first_run(_short(work)), again)


def resumed_run(work: Work, *_: object) -> Iterator[dict]:
    """A run that was ended and goes on from its checkpoint has the same numbers."""
    resumed = numbers_of_resumed_run(_short(work))
    yield _same(f"ended after {ENDED_AFTER} epochs and resumed", _first_run(_short(work)), resumed)


def processor_run(work: Work, *_: object) -> Iterator[dict]:
    """The same run on the processor has nearly the same train losses."""
    short = _short(work)
    ours, theirs = _first_run(short), numbers_of_run(replace(short, device="cpu"))
    for epoch, bound in enumerate(MOST_DIFFERENCE):
        one, other = (float.fromhex(each[f"metrics {epoch} train_loss"]) for each in (ours, theirs))
        name = f"train loss of epoch {epoch + 1} beside the processor's, relative difference"
        yield check(name, abs(one - other) / abs(other), bound)


def numbers_of_run(work: Work) -> dict[str, str]:
    """All numbers of a run; see `all_numbers`."""
    runs.set_up(work)
    trainer = runs.trainer(work, FLOAT32)
    return all_numbers(trainer, trainer.run())


def numbers_of_resumed_run(work: Work) -> dict[str, str]:
    """The same of a run that was ended on the way and goes on with a new trainer."""
    runs.set_up(work)
    with TemporaryDirectory(prefix="resumed-") as name:
        with _scratch(name) as scratch:
            train_and_end(runs.trainer(work, FLOAT32), scratch, ENDED_AFTER)
        trainer = runs.trainer(work, FLOAT32)
        with _scratch(name) as scratch:
            outcome = checkpoint.train_from_checkpoint(trainer, scratch)
            if scratch.resumed_after_epochs != [ENDED_AFTER]:
                raise RuntimeError(f"resumed after epochs {scratch.resumed_after_epochs}")
        return all_numbers(trainer, outcome)


def train_and_end(trainer: Trainer, scratch: Scratch, epochs: int) -> None:
    """Train some epochs and leave the scratch as a process that is ended then would.

    Raises:
        RuntimeError: the training has no more epochs.
    """

    def end(outcome: Outcome) -> None:
        checkpoint.keep(trainer, outcome, scratch)
        if len(outcome.metrics) == epochs:
            raise InterruptedError

    try:
        trainer.run(after_epoch=end)
    except InterruptedError:
        return
    raise RuntimeError("the training was done before it could be ended")


def all_numbers(trainer: Trainer, outcome: Outcome) -> dict[str, str]:
    """All that a training leaves, by name, to the last digit; times apart."""
    found = {"loss at the end": _exact(outcome.checkpoint_train_loss)}
    for kind, rows in (("metrics", outcome.metrics), ("layers", outcome.layers)):
        for index, row in enumerate(rows):
            values = {name: _exact(value) for name, value in row.items() if "seconds" not in name}
            found |= {f"{kind} {index} {name}": value for name, value in values.items()}
    for statistics, score in outcome.final.items():
        found |= {f"{statistics} {name}": _exact(value) for name, value in vars(score).items()}
    for name, tensor in trainer.network.state_dict().items():
        found[name] = hashlib.sha256(tensor.cpu().numpy().tobytes()).hexdigest()
    return found


def _exact(value: float | str) -> str:
    return value if isinstance(value, str) else float(value).hex()


def _same(name: str, expected: dict[str, str], found: dict[str, str]) -> dict:
    if found.keys() != expected.keys():
        raise RuntimeError(f"{name}: other numbers: {sorted(found.keys() ^ expected.keys())}")
    different = sum(value != expected[key] for key, value in found.items())
    return check(f"{name}: of {len(found):,} numbers and tensors, other than before", different, 0)


def _short(work: Work) -> Work:
    return replace(work, epochs=EPOCHS, test_images=min(TEST_IMAGES, work.test_images))


@cache
def _first_run(work: Work) -> dict[str, str]:
    return numbers_of_run(work)


def _scratch(name: str) -> Scratch:
    return Scratch(Path(name), {"run": "short"}, time.monotonic())
