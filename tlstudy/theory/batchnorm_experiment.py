"""Experiment `batchnorm`: fine-tuning after pretrained weights were multiplied by a factor."""

import copy
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tlstudy.theory.batchnorm_networks import (
    OPTIMISERS,
    PARTS,
    RULES,
    encoder_weights,
    fit,
    network,
    normalisations,
    optimiser,
    outputs,
    recalibrated,
    rescaled,
)
from tlstudy.theory.rows import Row, measured
from tlstudy.theory.teachers import (
    AUXILIARY_FEATURES,
    DIMENSIONS,
    main_features,
    orthonormal,
    teacher,
)

STREAM = 103  # every experiment has its own, so that no two draw the same numbers
FACTORS = (1 / 8, 1 / 4, 1 / 2, 2.0)
RATES = {"sgd": 0.1, "adam": 0.01}
PRETRAINING_SAMPLES, PRETRAINING_STEPS = 1024, 400
SAMPLES, STEPS, TEST_SAMPLES = 50, 30, 4000
FEATURES, OVERLAP = 4, 0.5
NETWORKS = {"batchnorm": True, "plain": False}


@dataclass(frozen=True)
class Problem:
    """Data of a seed.

    Attributes:
        auxiliary, main, test: inputs (samples, dimensions) and targets (samples,); test samples
            belong to the main task.
        start: seed of the networks' weights and of the new head.
    """

    auxiliary: tuple[torch.Tensor, torch.Tensor]
    main: tuple[torch.Tensor, torch.Tensor]
    test: tuple[torch.Tensor, torch.Tensor]
    start: int


@dataclass(frozen=True)
class Treatment:
    """Factor on a part of a pretrained network, and how the network is fine-tuned then."""

    optimiser: str
    part: str = PARTS[0]
    scale: float = 1.0
    learning_rate_rule: str = "fixed"


def problem(seed: int) -> Problem:
    """Samples of two tasks; half of the main features are auxiliary ones."""
    states = np.random.SeedSequence([STREAM, seed]).generate_state(2, np.uint64) >> 1
    generator = torch.Generator().manual_seed(int(states[0]))
    basis = orthonormal(generator)
    teachers = [
        teacher(features, generator)
        for features in (basis[:AUXILIARY_FEATURES], main_features(basis, FEATURES, OVERLAP, 0.0))
    ]
    data = []
    for one, count in zip(
        (teachers[0], teachers[1], teachers[1]),
        (PRETRAINING_SAMPLES, SAMPLES, TEST_SAMPLES),
        strict=True,
    ):
        inputs = torch.randn(count, DIMENSIONS, generator=generator)
        data.append((inputs, one.outputs(inputs)))
    return Problem(*data, start=int(states[1]))


def treatments() -> list[Treatment]:
    """All factors on all parts with all rules and optimisers, after the unscaled runs."""
    unscaled = [Treatment(name) for name in OPTIMISERS]
    swept = itertools.product(OPTIMISERS, PARTS, FACTORS, RULES)
    return [*unscaled, *(Treatment(*one) for one in swept)]


def rows(seed: int) -> Iterator[Row]:
    """Rows of `tlstudy.storage.columns.LABORATORY`, without seed and experiment.

    The slides propose to trade reuse for adaptation by rescaling the pretrained weights. Here a
    network with BatchNorm, and one without, is pretrained on an auxiliary task. It gets a new head
    and a factor, and then takes as many steps on few samples of the main task as in the slides.
    """
    data = problem(seed)
    for name, normalised in NETWORKS.items():
        start = with_new_head(pretrained(data, normalised), data.start)
        unscaled: dict[tuple, torch.Tensor] = {}
        for treatment in treatments():
            yield from _rows_of_treatment(data, start, name, treatment, unscaled)


def pretrained(data: Problem, normalised: bool) -> nn.Sequential:
    """A network trained on the auxiliary task by Adam."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(data.start)
        model = network(DIMENSIONS, normalised)
    chosen = torch.optim.Adam(model.parameters(), lr=RATES["adam"])
    fit(model, *data.auxiliary, chosen, PRETRAINING_STEPS)
    return model


def with_new_head(model: nn.Sequential, seed: int) -> nn.Sequential:
    """A copy with a newly drawn head."""
    result = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        result[-1].reset_parameters()
    return result


def _rows_of_treatment(
    data: Problem,
    start: nn.Sequential,
    name: str,
    treatment: Treatment,
    unscaled: dict[tuple, torch.Tensor],
) -> Iterator[Row]:
    """Rows before and after fine-tuning.

    Args:
        unscaled: outputs of the unscaled runs, which come first and are collected here.
    """
    for with_statistics in (False, True) if NETWORKS[name] else (False,):
        model = rescaled(start, treatment.part, treatment.scale, with_statistics)
        before = copy.deepcopy(model)
        for method in ("pretrained", "fine-tuned"):
            if method == "fine-tuned":
                train(model, data, treatment)
            condition = {"network": name, "method": method, "samples": SAMPLES, **vars(treatment)}
            for statistics, found in _predictions(model, data, with_statistics):
                key = (treatment.optimiser, method, statistics)
                reference = unscaled.setdefault(key, found)
                values = _compared(found, reference, data.test[1])
                yield from measured(condition | {"statistics": statistics}, values)
        if not with_statistics:  # the statistics have no part in training
            yield from measured(condition, moved(before, model))


def train(model: nn.Sequential, data: Problem, treatment: Treatment) -> None:
    """Fine-tune a rescaled network."""
    chosen = optimiser(
        model,
        treatment.optimiser,
        RATES[treatment.optimiser],
        treatment.part,
        treatment.scale,
        treatment.learning_rate_rule,
    )
    fit(model, *data.main, chosen, STEPS)


@torch.no_grad()
def _predictions(
    model: nn.Sequential, data: Problem, with_statistics: bool
) -> Iterator[tuple[str, torch.Tensor]]:
    """Outputs (test samples,) by the BatchNorm statistics used; "" for a network without."""
    inputs = data.test[0]
    if not normalisations(model):
        yield "", outputs(model.eval(), inputs)
    elif with_statistics:
        yield "rescaled", outputs(model.eval(), inputs)
    else:
        yield "running", outputs(model.eval(), inputs)
        yield "recalibrated", outputs(recalibrated(model, data.main[0]), inputs)


def _compared(
    found: torch.Tensor, reference: torch.Tensor, targets: torch.Tensor
) -> Mapping[str, float]:
    """Error over the variance of the targets, difference over their standard deviation."""
    difference = ((found - reference) ** 2).mean().sqrt() / targets.std()
    error = ((found - targets) ** 2).mean() / targets.var()
    return {"test_error": float(error), "prediction_difference": float(difference)}


@torch.no_grad()
def moved(before: nn.Sequential, after: nn.Sequential) -> Mapping[str, float]:
    """Change of the encoder's weights by fine-tuning."""
    pairs = list(zip(encoder_weights(before), encoder_weights(after), strict=True))
    cosines = torch.cat([torch.cosine_similarity(*pair, dim=1) for pair in pairs])
    change = sum(float(((new - old) ** 2).sum()) for old, new in pairs)
    size = sum(float((old**2).sum()) for old, _ in pairs)
    return {"alignment": float(cosines.median()), "displacement": (change / size) ** 0.5}
