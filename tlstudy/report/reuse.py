"""Sentences on what a fine-tuned network kept of its start, computed."""

import numpy as np

from tlstudy.quantities import values_of
from tlstudy.report.experiments import multiple
from tlstudy.report.inputs import Inputs
from tlstudy.report.protocol import label
from tlstudy.report.words import join, number
from tlstudy.statistics import Summary, summarise

WAYS = {"training": "the run\u2019s own optimiser", "gradient-descent": "following the gradient"}


def reuse_sentences(inputs: Inputs, size: int) -> list[str]:
    """Span and alignment of every measured arm, then how far each had to move."""
    table = inputs.reuse
    there = set(table.loc[table["subset_size"] == size, "arm"])
    arms = [arm for arm in inputs.study.arms if arm in there]
    return [
        *(_filters(inputs, arm, size) for arm in arms),
        *filter(None, (_drifts(inputs, arm, size) for arm in arms)),
    ]


def _summary(inputs: Inputs, arm: str, size: int, quantity: str) -> Summary:
    values = values_of({"runs": inputs.runs, "reuse": inputs.reuse}, quantity)
    chosen = [value for (name, n, _), value in values.items() if (name, n) == (arm, size)]
    return summarise(np.array(chosen))


def _filters(inputs: Inputs, arm: str, size: int) -> str:
    span = _summary(inputs, arm, size, "log2_span_excess")
    cosine = _summary(inputs, arm, size, "filter_alignment")
    named = f"\u201c{label(arm, inputs.study.arms[arm])}\u201d"
    if not span.n or not cosine.n:
        return f"{named} has no fine-tuned weights to compare."
    middle = cosine.mean if cosine.mean is not None else (cosine.smallest + cosine.largest) / 2
    return (
        f"The median filter of {named} ends at a cosine of {number(middle, 3)} to where it began; "
        "the share of a convolution\u2019s change within its start\u2019s top directions is "
        f"{multiple(span)} times that in a random span."
    )


def _drifts(inputs: Inputs, arm: str, size: int) -> str:
    ways = {way: _summary(inputs, arm, size, f"log2_drift_excess.{way}") for way in WAYS}
    parts = [f"{multiple(item)} times {WAYS[way]}" for way, item in ways.items() if item.n]
    if not parts:
        return ""
    named = f"\u201c{label(arm, inputs.study.arms[arm])}\u201d"
    return (
        f"To the same train loss {named} goes further than the least change that was found: "
        f"{join(parts)}."
    )
