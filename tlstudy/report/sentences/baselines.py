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
        images = "" if pretrained else f", images of {inputs.named(measured)}"
        for method, words in METHODS.items():
            accuracy = summarise(_accuracies(inputs, measured, size, method))
            if not accuracy.n:
                continue
            difference = Cell("")
            if pretrained:
                ahead = _ahead(inputs, size, pretrained, measured, method)
                difference = summary_cell(ahead, bare_points, POINTS)
                if ahead.n and len(groups_of(inputs.study)) > 1:
                    difference = replace(difference, last=f"{inputs.named(pretrained)} less this")
            name = f"No network{images}: {words}"
            yield [name, summary_cell(accuracy, percent), Cell(""), difference]


def alone(inputs: Inputs, arms: list[str], size: int) -> Iterator[list[str | Cell]]:
    """A row for each method that learnt from the images of these arms."""
    measured = _measured(inputs, arms, size)
    for arm in measured:
        images = f", images of {inputs.named(arm)}" * (len(measured) > 1)
        for method, words in METHODS.items():
            accuracy = summarise(_accuracies(inputs, arm, size, method))
            if accuracy.n:
                yield [f"No network{images}: {words}", summary_cell(accuracy, percent), Cell("")]


def lines(inputs: Inputs, size: int) -> list[str]:
    """The best method without a network, and how far the pretrained network is ahead of it."""
    told = []
    for pretrained, measured in _pairs(inputs, size):
        found = {m: summarise(_accuracies(inputs, measured, size, m)) for m in METHODS}
        known = {
            method: accuracy for method, accuracy in found.items() if accuracy.mean is not None
        }
        if not known or not pretrained:
            continue
        best = max(known, key=lambda method: known[method].mean)
        ahead = _ahead(inputs, size, pretrained, measured, best)
        less = f"{sentence(inputs.named(pretrained))} less that: {ahead.text(bare_points, POINTS)}."
        told.append(
            f"Best without a network on the same images: {METHODS[best]}, "
            f"{known[best].text(percent)}. {less if ahead.n else ''}".strip()
        )
    return told


def are_compared(inputs: Inputs, size: int) -> bool:
    """Whether some pretrained network has the images that the methods learnt from."""
    return any(pretrained for pretrained, _ in _pairs(inputs, size))


def _pairs(inputs: Inputs, size: int) -> Iterator[tuple[str | None, str]]:
    """A group's pretrained arm, and an arm with the same images that the methods learnt from.

    None in place of the first where no pretrained arm of the group has the images.
    """
    for arms in groups_of(inputs.study).values():
        pretrained = [arm for arm in arms if not is_new(inputs.study, arm)]
        for measured in _measured(inputs, arms, size):
            images = _images(inputs, measured)
            alike = [arm for arm in pretrained if _images(inputs, arm) == images]
            yield (alike[0] if alike else None), measured


def _measured(inputs: Inputs, arms: list[str], size: int) -> list[str]:
    """Arms whose images the methods learnt from, one for those with the same images."""
    there = {*of_size(inputs, size)["arm"]}
    of_images: dict[tuple[str, str], str] = {}
    for arm in filter(there.__contains__, arms):  # arms of a sweep mostly have the same
        of_images.setdefault(_images(inputs, arm), arm)
    return list(of_images.values())


def _images(inputs: Inputs, arm: str) -> tuple[str, str]:
    """What decides an arm's images, but for their number and the seed."""
    settings = inputs.study.arms[arm]
    return settings.target.model_dump_json(), settings.drawing


def of_size(inputs: Inputs, size: int):
    """Rows of the table of baselines."""
    return inputs.baselines[inputs.baselines["subset_size"] == size]


def _ahead(inputs: Inputs, size: int, pretrained: str, measured: str, method: str) -> Summary:
    """The pretrained network's accuracy less the method's, seed by seed."""
    network = reported(inputs, pretrained, size, MEASURE).reindex(inputs.study.seed)
    found = _accuracies(inputs, measured, size, method)
    return summarise(network.to_numpy(dtype=float) - found)


def _accuracies(inputs: Inputs, measured: str, size: int, method: str) -> np.ndarray:
    """(seeds,) a method's balanced accuracy on the test images, NaN where there is none."""
    found = of_arm(inputs.baselines, measured, size)
    found = found[found["method"] == method].set_index("seed")["test_balanced_accuracy"]
    return found.reindex(inputs.study.seed).to_numpy(dtype=float)
