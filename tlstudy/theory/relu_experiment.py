"""Experiment `relu`: fine-tuned two-layer ReLU networks against the least change of the weights."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from tlstudy.theory.penalty import reuse_penalty
from tlstudy.theory.relu_least_change import least_change
from tlstudy.theory.relu_networks import Data, Weights, descend, residuals
from tlstudy.theory.shared import Row, measured
from tlstudy.theory.teachers import (
    AUXILIARY_FEATURES,
    DIMENSIONS,
    Teacher,
    main_features,
    orthonormal,
)

STREAM = 102  # every experiment has its own, so that no two draw the same numbers
UNITS = 64
SMALL = 0.1  # norm of a unit's input weights, and size of its output weight, from scratch
PRETRAINING_SAMPLES, MULTI_TASK_SAMPLES, TEST_SAMPLES = 1024, 256, 4000
PRETRAINING_STEPS, STEPS = 5000, 3000
SAMPLES = (16, 32, 64, 128)
OVERLAPS = (0.0, 0.5, 1.0)
FEATURES, GAMMA, SCALE = 4, 0.03, 1.0  # where they are not swept
MIDDLE, FEW = 64, 32  # samples, where they are not swept
CORRELATED = 0.9
SPARSITIES = (1, 12)
NESTED = 2
SCALES = (0.1, 0.3, 3.0, 10.0)
GAMMAS = (0.1, 0.3, 1.0)
SAME_DIRECTION = 0.9  # cosine from which two directions count as one feature


@dataclass(frozen=True)
class Condition:
    """Training data and start of one network.

    A student with many units learns from Gaussian inputs and a teacher with few units: from
    scratch, fine-tuned after an auxiliary task, or on both tasks at once. Fine-tuning starts with
    pretrained input weights times the scale and with new output weights of +-gamma.
    """

    method: str
    samples: int
    features: int = FEATURES
    overlap: float = float("nan")
    cosine: float = 0.0
    scale: float = float("nan")
    gamma: float = float("nan")


def _fine_tuned(samples: int, overlap: float, **others: float) -> Condition:
    swept = {"scale": SCALE, "gamma": GAMMA, **others}
    return Condition("fine-tuned", samples, overlap=overlap, **swept)


def conditions() -> list[Condition]:
    """Samples by relation of the tasks; sparsity; nested tasks; sweeps of scale and of gamma."""
    ends = (OVERLAPS[0], OVERLAPS[-1])
    return [
        *(Condition("scratch", n) for n in SAMPLES),
        *(_fine_tuned(n, overlap) for n in SAMPLES for overlap in OVERLAPS),
        *(_fine_tuned(n, 0.0, cosine=CORRELATED) for n in SAMPLES),
        *(Condition("multi-task", n, overlap=overlap) for n in SAMPLES for overlap in OVERLAPS),
        *(Condition("scratch", n, features=count) for n in SAMPLES for count in SPARSITIES),
        Condition("scratch", FEW, features=NESTED),
        *(_fine_tuned(FEW, 1.0, features=NESTED, scale=scale) for scale in (SCALE, *SCALES)),
        *(_fine_tuned(MIDDLE, overlap, scale=scale) for overlap in ends for scale in SCALES),
        *(_fine_tuned(MIDDLE, overlap, gamma=gamma) for overlap in ends for gamma in GAMMAS),
    ]


class Problem:
    """Data and starts that all networks of a seed share.

    Attributes:
        basis: (dimensions, dimensions) features, first those of the auxiliary task.
        auxiliary: teacher of the auxiliary task.
        inputs: (samples, dimensions); a condition takes the first ones.
        test_inputs: (TEST_SAMPLES, dimensions).
        small: start from scratch, of one network.
        signs: (UNITS,) of the output weights that fine-tuning starts with.
        generator: for everything that is drawn later.
    """

    def __init__(self, seed: int):
        state = np.random.SeedSequence([STREAM, seed]).generate_state(1, np.uint64)[0]
        self.generator = generator = torch.Generator().manual_seed(int(state >> 1))
        self.basis = orthonormal(generator)
        inner = torch.randn(1, UNITS, DIMENSIONS, generator=generator)
        inner = SMALL * inner / torch.linalg.norm(inner, dim=2, keepdim=True)
        signs = [2.0 * torch.randint(2, (UNITS,), generator=generator) - 1 for _ in range(2)]
        self.auxiliary = Teacher(self.basis[:AUXILIARY_FEATURES], generator)
        self.inputs = torch.randn(max(SAMPLES), DIMENSIONS, generator=generator)
        self.test_inputs = torch.randn(TEST_SAMPLES, DIMENSIONS, generator=generator)
        self.small = Weights(inner, SMALL * signs[0][None, None])
        self.signs = signs[1]

    def auxiliary_data(self, samples: int, networks: int = 1) -> Data:
        """New samples of the auxiliary task, the same for all networks."""
        inputs = torch.randn(samples, DIMENSIONS, generator=self.generator)
        targets = self.auxiliary.outputs(inputs)
        return Data(inputs.expand(networks, -1, -1), targets.expand(networks, -1))

    def teacher(self, one: Condition) -> Teacher:
        """A teacher of a condition's main task, with newly drawn inputs for its deviation."""
        if one.method == "scratch":  # any features are as good as any others
            return Teacher(self.basis[-one.features :], self.generator)
        features = main_features(self.basis, one.features, one.overlap, one.cosine)
        return Teacher(features, self.generator)


def rows(seed: int, swept: Sequence[Condition] | None = None) -> Iterator[Row]:
    """Rows of `tlstudy.storage.laboratory_columns.LABORATORY`, without seed and experiment.

    Pretraining is on many samples of the auxiliary task, from small weights.
    """
    shared = Problem(seed)
    data = shared.auxiliary_data(PRETRAINING_SAMPLES)
    pretrained = descend([data], shared.small, PRETRAINING_STEPS)
    groups: dict[tuple[int, bool], list[Condition]] = {}
    for one in conditions() if swept is None else swept:
        groups.setdefault((one.samples, one.method == "multi-task"), []).append(one)
    for group in groups.values():
        yield from _rows_of_group(shared, pretrained, group)


def _rows_of_group(shared: Problem, pretrained: Weights, group: list[Condition]) -> Iterator[Row]:
    """Rows of conditions with the same number of samples and of tasks."""
    taught = [shared.teacher(one) for one in group]
    inputs = shared.inputs[: group[0].samples]
    targets = torch.stack([one.outputs(inputs) for one in taught])
    main = Data(inputs.expand(len(group), -1, -1), targets)
    tasks, start = [main], _start(shared, pretrained, group)
    if group[0].method == "multi-task":
        tasks.append(shared.auxiliary_data(MULTI_TASK_SAMPLES, len(group)))
    end = descend(tasks, start, STEPS)
    left, errors = residuals(tasks, end), _test_errors(shared, taught, end)
    for index, one in enumerate(group):
        values = {"test_error": errors[index], "residual": left[index], **_used(shared, end, index)}
        yield from measured({**asdict(one), "network": "relu"}, values)
    tuned = [index for index, one in enumerate(group) if one.method == "fine-tuned"]
    if tuned:
        parts = (main.of(tuned), start.of(tuned), end.of(tuned))
        of_tuned = ([group[index] for index in tuned], [taught[index] for index in tuned])
        yield from _changes(shared, *of_tuned, *parts)


def _start(shared: Problem, pretrained: Weights, group: list[Condition]) -> Weights:
    """Small weights, or for fine-tuning scaled pretrained input weights and +-gamma."""
    tasks = 2 if group[0].method == "multi-task" else 1
    inner, outer = [], []
    for one in group:
        tuned = one.method == "fine-tuned"
        inner.append(one.scale * pretrained.inner[0] if tuned else shared.small.inner[0])
        outer.append(one.gamma * shared.signs[None] if tuned else shared.small.outer[0])
    return Weights(torch.stack(inner), torch.stack(outer).expand(-1, tasks, -1))


def _test_errors(shared: Problem, taught: list[Teacher], weights: Weights) -> list[float]:
    """Mean squared error over the variance of the targets, on test inputs."""
    found = weights.outputs(shared.test_inputs.expand(len(taught), -1, -1))
    wanted = torch.stack([one.outputs(shared.test_inputs) for one in taught])
    return (((found - wanted) ** 2).mean(dim=1) / wanted.var(dim=1)).tolist()


def _used(shared: Problem, weights: Weights, index: int) -> dict[str, float]:
    """Number of features of the main task's solution, and its share on auxiliary features."""
    mass, direction = unit_masses(weights, index)
    near = (direction @ shared.basis[:AUXILIARY_FEATURES].T).amax(dim=1) >= SAME_DIRECTION
    return {
        "features_used": features_used(mass, direction),
        "reused_mass": float(mass[near].sum() / mass.sum()),
    }


def unit_masses(weights: Weights, index: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Masses |m| = ||w|| |v|, (units,), and directions, (units, dimensions), of a network."""
    norms = torch.linalg.norm(weights.inner[index], dim=1)
    return norms * weights.outer[index, 0].abs(), weights.inner[index] / norms[:, None]


def features_used(mass: torch.Tensor, direction: torch.Tensor) -> float:
    """Effective number of features; units of one direction (cosine of 0.9 or more) count as one.

    One over the probability that two units, drawn by their mass, have the same direction
    (Leinster & Cobbold 2012, order 2). It is the participation ratio if all directions differ.
    """
    same = (direction @ direction.T >= SAME_DIRECTION).to(mass.dtype)
    same.fill_diagonal_(1)
    return float(mass.sum() ** 2 / (mass @ same @ mass))


def _changes(
    shared: Problem,
    group: list[Condition],
    taught: list[Teacher],
    data: Data,
    start: Weights,
    end: Weights,
) -> Iterator[Row]:
    """Squared change and penalty of fine-tuning and of the least change at the same loss."""
    least = least_change(data, start, [end, start])
    for method, weights in (("fine-tuned", end), ("least-change", least)):
        errors, changes = _test_errors(shared, taught, weights), weights.squared_change(start)
        for index, one in enumerate(group):
            values = {
                "squared_change": changes[index],
                "penalty": unit_penalty(weights, start, index),
                "alignment": alignment(weights, start, index),
            }
            if method == "least-change":
                values |= {"test_error": errors[index], **_used(shared, weights, index)}
            yield from measured({**asdict(one), "network": "relu", "method": method}, values)


def unit_penalty(weights: Weights, start: Weights, index: int) -> float:
    """Least squared change that reaches the same units from the start: Proposition 3, summed."""
    end, begin = weights.inner[index].double(), start.inner[index].double()
    norm, before = torch.linalg.norm(end, dim=1), torch.linalg.norm(begin, dim=1)
    strength = norm * weights.outer[index, 0].double()
    cosine = ((end * begin).sum(dim=1) / (norm * before)).clamp(-1, 1)
    gamma = start.outer[index, 0].double()
    return float(reuse_penalty(strength, gamma, before, cosine).penalty.sum())


def alignment(weights: Weights, start: Weights, index: int) -> float:
    """Cosine of a unit's input weights with those before fine-tuning, weighted by its mass."""
    mass, direction = unit_masses(weights, index)
    before = start.inner[index] / torch.linalg.norm(start.inner[index], dim=1, keepdim=True)
    return float((mass * (direction * before).sum(dim=1)).sum() / mass.sum())
