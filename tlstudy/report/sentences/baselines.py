"""What is learnt from the same images without a network, beside the networks."""

from collections.abc import Iterator

import numpy as np

from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.groups import groups_of, is_new
from tlstudy.report.format import POINTS, Cell, bare_points, percent, sentence, summary_cell
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.series import of_arm, reported

MEASURE = "balanced_accuracy"
METHODS = {
    "nearest": "nearest neighbour on pixels",
    "logistic": "logistic regression on pixels",
    "svm": "support vector machine on pixels",
}


def rows(inputs: Inputs, size: int) -> Iterator[list[str | Cell]]:
    """A row for each method: its accuracy, and how far the group's pretrained network is ahead."""
    for pretrained, measured in _pairs(inputs, size):
        for method, words in METHODS.items():
            alone, ahead = _compared(inputs, size, pretrained, measured, method)
            if alone.n:
                accuracy = summary_cell(alone, percent)
                difference = summary_cell(ahead, bare_points, POINTS)
                yield [f"No network: {words}", accuracy, Cell(""), difference]


def lines(inputs: Inputs, size: int) -> list[str]:
    """The best method without a network, and how far the pretrained network is ahead of it."""
    told = []
    for pretrained, measured in _pairs(inputs, size):
        found = {
            method: _compared(inputs, size, pretrained, measured, method) for method in METHODS
        }
        known = {method: pair for method, pair in found.items() if pair[0].mean is not None}
        if not known:
            continue
        best = max(known, key=lambda method: known[method][0].mean)
        alone, ahead = known[best]
        told.append(
            f"Best without a network on the same images: {METHODS[best]}, {alone.text(percent)}. "
            f"{sentence(inputs.named(pretrained))} less that: {ahead.text(bare_points, POINTS)}."
        )
    return told


def _pairs(inputs: Inputs, size: int) -> Iterator[tuple[str, str]]:
    """A group's pretrained arm, and the arm whose images the methods learnt from."""
    there = {*of_size(inputs, size)["arm"]}
    for arms in groups_of(inputs.study).values():
        measured = [arm for arm in arms if arm in there]
        pretrained = [arm for arm in arms if not is_new(inputs.study, arm)]
        if measured and pretrained:
            yield pretrained[0], measured[0]


def of_size(inputs: Inputs, size: int):
    """Rows of the table of baselines."""
    return inputs.baselines[inputs.baselines["subset_size"] == size]


def _compared(
    inputs: Inputs, size: int, pretrained: str, measured: str, method: str
) -> tuple[Summary, Summary]:
    """A method's accuracy, and the pretrained network's less it, seed by seed."""
    found = of_arm(inputs.baselines, measured, size)
    found = found[found["method"] == method].set_index("seed")["test_balanced_accuracy"]
    seeds = inputs.study.seed
    alone = found.reindex(seeds).to_numpy(dtype=float)
    network = reported(inputs, pretrained, size, MEASURE).reindex(seeds).to_numpy(dtype=float)
    return summarise(alone), summarise(np.asarray(network - alone))
