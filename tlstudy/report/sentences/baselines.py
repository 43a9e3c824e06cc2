"""What is learnt from the same images without a network, beside the networks."""

from collections.abc import Iterator
from dataclasses import replace

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
            found, ahead = _compared(inputs, size, pretrained, measured, method)
            if found.n:
                accuracy = summary_cell(found, percent)
                difference = summary_cell(ahead, bare_points, POINTS)
                if ahead.n and len(groups_of(inputs.study)) > 1:
                    difference = replace(difference, last=f"{inputs.named(pretrained)} less this")
                yield [f"No network: {words}", accuracy, Cell(""), difference]


def alone(inputs: Inputs, arms: list[str], size: int) -> Iterator[list[str | Cell]]:
    """A row for each method that learnt from the images of these arms."""
    there = {*of_size(inputs, size)["arm"]}
    # Arms of a sweep mostly learn from the same images.
    of_images: dict[tuple[str, str], str] = {}
    for arm in filter(there.__contains__, arms):
        of_images.setdefault(_images(inputs, arm), arm)
    for arm in of_images.values():
        images = f", images of {inputs.named(arm)}" * (len(of_images) > 1)
        for method, words in METHODS.items():
            accuracy = summarise(_accuracies(inputs, arm, size, method))
            if accuracy.n:
                yield [f"No network{images}: {words}", summary_cell(accuracy, percent), Cell("")]


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
        accuracy, ahead = known[best]
        less = f"{sentence(inputs.named(pretrained))} less that: {ahead.text(bare_points, POINTS)}."
        told.append(
            f"Best without a network on the same images: {METHODS[best]}, "
            f"{accuracy.text(percent)}. {less if ahead.n else ''}".strip()
        )
    return told


def _pairs(inputs: Inputs, size: int) -> Iterator[tuple[str, str]]:
    """A group's pretrained arm, and an arm with the same images that the methods learnt from."""
    there = {*of_size(inputs, size)["arm"]}
    for arms in groups_of(inputs.study).values():
        for pretrained in [arm for arm in arms if not is_new(inputs.study, arm)][:1]:
            images = _images(inputs, pretrained)
            alike = [arm for arm in arms if arm in there and _images(inputs, arm) == images]
            yield from [(pretrained, measured) for measured in alike[:1]]


def _images(inputs: Inputs, arm: str) -> tuple[str, str]:
    """What decides an arm's images, but for their number and the seed."""
    settings = inputs.study.arms[arm]
    return settings.target.model_dump_json(), settings.drawing


def of_size(inputs: Inputs, size: int):
    """Rows of the table of baselines."""
    return inputs.baselines[inputs.baselines["subset_size"] == size]


def _compared(
    inputs: Inputs, size: int, pretrained: str, measured: str, method: str
) -> tuple[Summary, Summary]:
    """A method's accuracy, and the pretrained network's less it, seed by seed."""
    found = _accuracies(inputs, measured, size, method)
    network = reported(inputs, pretrained, size, MEASURE).reindex(inputs.study.seed)
    return summarise(found), summarise(network.to_numpy(dtype=float) - found)


def _accuracies(inputs: Inputs, measured: str, size: int, method: str) -> np.ndarray:
    """(seeds,) a method's balanced accuracy on the test images, NaN where there is none."""
    found = of_arm(inputs.baselines, measured, size)
    found = found[found["method"] == method].set_index("seed")["test_balanced_accuracy"]
    return found.reindex(inputs.study.seed).to_numpy(dtype=float)
