"""Experiment `diagonal`: gradient descent in diagonal linear networks against exact optima."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from tlstudy.theory.diagonal_networks import Task, Weights, descend, even_start, residuals
from tlstudy.theory.diagonal_optima import (
    LEAST_CHANGE,
    LEAST_PENALTY,
    least_solution,
    least_squared_change,
)
from tlstudy.theory.penalty import diagonal_penalty
from tlstudy.theory.shared import Row, measured

STREAM = 101  # every experiment has its own, so that no two draw the same numbers
DIMENSIONS = 100
MAIN_FEATURES, AUXILIARY_FEATURES = 10, 20
OVERLAPS = (0.0, 0.5, 1.0)
SAMPLES = (10, 15, 20, 30, 40, 60)
GAMMA, SCALE, MIDDLE = 0.03, 1.0, 30  # output weights, scale and samples, where not swept
GAMMAS = (0.01, 0.1, 0.3, 1.0)
SCALES = (0.1, 0.3, 3.0, 10.0)


@dataclass(frozen=True)
class Condition:
    """Training data and start of one network."""

    overlap: float
    samples: int
    scale: float = SCALE
    gamma: float = GAMMA


class Problem:
    """The sparse tasks of a seed: Gaussian inputs, coefficients of equal size and random sign.

    Attributes:
        main: (dimensions,) coefficients of the main task, of norm 1.
        auxiliary: (dimensions,) coefficients of the auxiliary tasks, of norm 1, by the share of
            the main task's coefficients that they have too.
        inputs: (samples, dimensions); a condition takes the first ones.
    """

    def __init__(self, seed: int):
        generator = np.random.default_rng([STREAM, seed])
        order = generator.permutation(DIMENSIONS)
        signs = generator.choice([-1.0, 1.0], DIMENSIONS)
        self.auxiliary = {}
        for overlap in OVERLAPS:
            # The main task's features are the first in the order.
            first = MAIN_FEATURES - round(overlap * MAIN_FEATURES)
            self.auxiliary[overlap] = _sparse(order[first : first + AUXILIARY_FEATURES], signs)
        self.main = _sparse(order[:MAIN_FEATURES], generator.choice([-1.0, 1.0], DIMENSIONS))
        self.inputs = generator.normal(size=(max(SAMPLES), DIMENSIONS))


def _sparse(support: np.ndarray, signs: np.ndarray) -> np.ndarray:
    coefficients = np.zeros(DIMENSIONS)
    coefficients[support] = signs[support] / np.sqrt(len(support))
    return coefficients


def conditions() -> list[Condition]:
    """Samples by overlap, and one sweep each of gamma and of the scale."""
    ends = (OVERLAPS[0], OVERLAPS[-1])
    return [
        *(Condition(overlap, samples) for overlap in OVERLAPS for samples in SAMPLES),
        *(Condition(overlap, MIDDLE, gamma=gamma) for overlap in ends for gamma in GAMMAS),
        *(Condition(overlap, MIDDLE, scale=scale) for overlap in ends for scale in SCALES),
    ]


def rows(seed: int) -> Iterator[Row]:
    """Rows of `tlstudy.storage.laboratory_columns.LABORATORY`, without seed and experiment."""
    tasks = Problem(seed)
    yield from fine_tuned_rows(tasks, conditions())
    yield from _rows_from_small_weights(tasks)


def fine_tuned_rows(tasks: Problem, swept: list[Condition]) -> Iterator[Row]:
    """Rows of fine-tuned networks and of the optimal solutions beside them."""
    start, task = _fine_tuning_start(tasks, swept), _main_task(tasks, [c.samples for c in swept])
    end = descend(task, start)
    found, left, change = end.coefficients()[:, 0], residuals(task, end), end.squared_change(start)
    for index, one in enumerate(swept):
        condition = {**asdict(one), "network": "diagonal"}
        values = {
            "test_error": _test_error(tasks, found[index]),
            "residual": left[index],
            "penalty": _penalty(found[index], start, index),
            "squared_change": change[index],
        }
        yield from measured(condition | {"method": "fine-tuned"}, values)
        yield from _optima(tasks, condition, found[index], start, index)


def _optima(
    tasks: Problem, condition: dict, found: np.ndarray, start: Weights, index: int
) -> Iterator[Row]:
    """The optimal solutions with the same outputs on the training samples as descent found.

    The targets are not used: so the comparison is exact wherever descent stopped.
    """
    sizes = start.inner[index, 0] ** 2 + start.outer[index, 0, 0] ** 2
    inputs = tasks.inputs[: condition["samples"]]
    for method, criterion in (("least-penalty", LEAST_PENALTY), ("least-change", LEAST_CHANGE)):
        multipliers = least_solution(criterion, inputs, inputs @ found, sizes)
        best = sizes * criterion.coefficients(multipliers)
        values = {"test_error": _test_error(tasks, best), "penalty": _penalty(best, start, index)}
        if criterion is LEAST_CHANGE:
            values["squared_change"] = least_squared_change(multipliers, sizes)
        yield from measured(condition | {"method": method}, values)


def _rows_from_small_weights(tasks: Problem) -> Iterator[Row]:
    """Without pretraining, from weights of the size of gamma: the main task, and both at once.

    For both tasks only the input weights, which they share, are not zero.
    """
    zeros = np.zeros((len(SAMPLES), DIMENSIONS))
    alone = {"network": "diagonal", "method": "scratch"}
    groups = [(alone, _main_task(tasks, SAMPLES), even_start(zeros, zeros + GAMMA))]
    for overlap in OVERLAPS:
        both = {"network": "diagonal", "method": "multi-task", "overlap": overlap}
        auxiliary = np.stack([tasks.auxiliary[overlap]] * len(SAMPLES))
        start = even_start(zeros + GAMMA, zeros, tasks=2)
        groups.append((both, _main_task(tasks, SAMPLES, auxiliary), start))
    for condition, task, start in groups:
        found = descend(task, start).coefficients()[:, 0]
        for samples, coefficients in zip(SAMPLES, found, strict=True):
            values = {"test_error": _test_error(tasks, coefficients)}
            yield from measured(condition | {"samples": samples}, values)


def _fine_tuning_start(tasks: Problem, swept: list[Condition]) -> Weights:
    """Scaled roots of the auxiliary coefficients as input weights, gamma as output weights.

    Training on the auxiliary task from an infinitesimal start ends with input weights that are
    the roots of its coefficients. Corollary 2 of Lippl & Lindsey starts fine-tuning there, with
    equal paths. (From output weights of zero each path would have half of the coefficient, which
    is a scale of 1 / sqrt 2 here.)
    """
    roots = [one.scale * np.sqrt(np.abs(tasks.auxiliary[one.overlap])) for one in swept]
    gammas = np.array([[one.gamma] for one in swept])
    return even_start(np.stack(roots), np.broadcast_to(gammas, (len(swept), DIMENSIONS)))


def _main_task(tasks: Problem, samples: Sequence[int], auxiliary: np.ndarray | None = None) -> Task:
    """The main task with so many samples for each network."""
    counts = np.array(samples)
    there = np.arange(max(samples)) < counts[:, None]
    inputs = np.where(there[:, :, None], tasks.inputs[: max(samples)], 0.0)
    return Task(inputs, inputs @ tasks.main, counts, auxiliary)


def _penalty(coefficients: np.ndarray, start: Weights, index: int) -> float:
    """Penalty of Corollary 2, with the squares of the scaled weights for the coefficients."""
    inner, gamma = start.inner[index, 0], start.outer[index, 0, 0]
    return diagonal_penalty(coefficients, inner**2, gamma).sum()


def _test_error(tasks: Problem, coefficients: np.ndarray) -> float:
    """Expected squared error over all inputs, over the variance of the targets."""
    return ((coefficients - tasks.main) ** 2).sum() / (tasks.main**2).sum()
