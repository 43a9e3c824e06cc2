"""Experiment `batchnorm`: fine-tuning after pretrained weights were multiplied by a factor."""

import copy
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn

from tlstudy.networks.batchnorm import recalibrated
from tlstudy.theory.batchnorm_networks import (
    OPTIMISERS,
    PARTS,
    RATES,
    RULES,
    encoder_weights,
    fit,
    network,
    normalisations,
    optimiser,
    outputs,
    rescaled,
)
from tlstudy.theory.shared import Row, measured
from tlstudy.theory.teachers import (
    AUXILIARY_FEATURES,
    DIMENSIONS,
    Teacher,
    main_features,
    orthonormal,
)

STREAM = 103  # every experiment has its own, so that no two draw the same numbers
FACTORS = (1 / 8, 1 / 4, 1 / 2, 2.0)
PRETRAINING_SAMPLES, PRETRAINING_STEPS = 1024, 400
SAMPLES, STEPS, TEST_SAMPLES = 50, 30, 4000
FEATURES, OVERLAP = 4, 0.5
NETWORKS = {"batchnorm": True, "plain": False}


@dataclass(frozen=True)
class Treatment:
    """Factor on a part of a pretrained network, and how the network is fine-tuned then."""

    optimiser: str
    part: str = PARTS[0]
    scale: float = 1.0
    learning_rate_rule: str = "fixed"


class Problem:
    """Samples of two tasks of a seed; half of the main features are auxiliary ones.

    Attributes:
        auxiliary, main, test: inputs (samples, dimensions) and targets (samples,); test samples
            belong to the main task.
        start: seed of the networks' weights; that of the new head is one more.
    """

    def __init__(self, seed: int):
        states = np.random.SeedSequence([STREAM, seed]).generate_state(2, np.uint64) >> 1
        generator = torch.Generator().manual_seed(int(states[0]))
        basis = orthonormal(generator)
        auxiliary = Teacher(basis[:AUXILIARY_FEATURES], generator)
        main = Teacher(main_features(basis, FEATURES, OVERLAP, 0.0), generator)

        def samples(count, of_task):
            inputs = torch.randn(count, DIMENSIONS, generator=generator)
            return inputs, of_task.outputs(inputs)

        self.auxiliary = samples(PRETRAINING_SAMPLES, auxiliary)
        self.main = samples(SAMPLES, main)
        self.test = samples(TEST_SAMPLES, main)
        self.start = int(states[1])


def treatments() -> list[Treatment]:
    """All factors on all parts with all rules and optimisers, after the unscaled runs."""
    swept = itertools.product(OPTIMISERS, PARTS, FACTORS, RULES)
    return [*map(Treatment, OPTIMISERS), *(Treatment(*one) for one in swept)]


def rows(seed: int) -> Iterator[Row]:
    """Rows of `tlstudy.storage.laboratory_columns.LABORATORY`, without seed and experiment.

    The slides propose to trade reuse for adaptation by rescaling the pretrained weights. Here a
    network with BatchNorm, and one without, is pretrained on an auxiliary task. It gets a new head
    and a factor, and then takes as many steps on few samples of the main task as in the slides.
    """
    data = Problem(seed)
    for name, normalised in NETWORKS.items():
        start = _pretrained(data, normalised)
        unscaled: dict[tuple, torch.Tensor] = {}
        for treatment in treatments():
            yield from _rows_of_treatment(data, start, name, treatment, unscaled)


def _pretrained(data: Problem, normalised: bool) -> nn.Sequential:
    """A network trained on the auxiliary task by Adam, with a newly drawn head."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(data.start)
        model = network(DIMENSIONS, normalised)
        chosen = torch.optim.Adam(model.parameters(), lr=RATES["adam"])
        fit(model, *data.auxiliary, chosen, PRETRAINING_STEPS)
        torch.manual_seed(data.start + 1)
        model[-1].reset_parameters()
    return model


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
    factor = treatment.part, treatment.scale
    for with_statistics in (False, True) if NETWORKS[name] else (False,):
        model = rescaled(start, *factor, with_statistics)
        before = copy.deepcopy(model)
        for method in ("pretrained", "fine-tuned"):
            if method == "fine-tuned":
                rule = treatment.optimiser, treatment.learning_rate_rule
                fit(model, *data.main, optimiser(model, *factor, *rule), STEPS)
            condition = {"network": name, "method": method, "samples": SAMPLES, **asdict(treatment)}
            for statistics, found in _predictions(model, data, with_statistics):
                key = (treatment.optimiser, method, statistics)
                reference = unscaled.setdefault(key, found)
                values = _compared(found, reference, data.test[1])
                yield from measured(condition | {"statistics": statistics}, values)
        if not with_statistics:  # the statistics have no part in training
            yield from measured(condition, _moved(before, model))


@torch.no_grad()
def _predictions(
    model: nn.Sequential, data: Problem, with_statistics: bool
) -> Iterator[tuple[str, torch.Tensor]]:
    """Outputs (test samples,) by the BatchNorm statistics used; "" for a network without."""
    used = "rescaled" if with_statistics else "running"
    yield used if normalisations(model) else "", outputs(model.eval(), data.test[0])
    if used == "running" and normalisations(model):
        with recalibrated(model, [data.main[0]]):
            found = outputs(model, data.test[0])
        yield "recalibrated", found


def _compared(
    found: torch.Tensor, reference: torch.Tensor, targets: torch.Tensor
) -> Mapping[str, float]:
    """Error over the variance of the targets, difference over their standard deviation."""
    difference = ((found - reference) ** 2).mean().sqrt() / targets.std()
    error = ((found - targets) ** 2).mean() / targets.var()
    return {"test_error": float(error), "prediction_difference": float(difference)}


@torch.no_grad()
def _moved(before: nn.Sequential, after: nn.Sequential) -> Mapping[str, float]:
    """Change of the encoder's weights by fine-tuning."""
    pairs = list(zip(encoder_weights(before), encoder_weights(after), strict=True))
    cosines = torch.cat([torch.cosine_similarity(*pair, dim=1) for pair in pairs])
    change = sum(float(((new - old) ** 2).sum()) for old, new in pairs)
    size = sum(float((old**2).sum()) for old, _ in pairs)
    return {"alignment": float(cosines.median()), "displacement": (change / size) ** 0.5}
