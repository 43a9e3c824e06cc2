"""Sentences on what a fine-tuned network kept of its start, computed."""

import numpy as np

from tlstudy.audit.quantities import values_of
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.measures.least_change import STATIONARY
from tlstudy.report.format import count, join, number, percent
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.experiments import multiple
from tlstudy.report.sentences.protocol import label

WAYS = {"training": "by its own optimiser", "gradient-descent": "along the gradient"}


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
    across = _median(inputs, arm, size, "alignment-if-across")
    within = _median(inputs, arm, size, "share-within")
    return (
        f"The median filter of {named} ends at a cosine of {number(middle, 4)} to where it began "
        f"({number(across, 4)} had it moved at right angles to itself). Within its start\u2019s "
        f"top directions lies {percent(within)} of a convolution\u2019s change (median), "
        f"{multiple(span)} times the share in a random span."
    )


def _median(inputs: Inputs, arm: str, size: int, measure: str) -> float:
    """Median over convolutions of a seed, mean over seeds."""
    rows = inputs.reuse[(inputs.reuse["arm"] == arm) & (inputs.reuse["subset_size"] == size)]
    return float(rows[rows["measure"] == measure].groupby("seed")["value"].median().mean())


def _drifts(inputs: Inputs, arm: str, size: int) -> str:
    ways = {way: _summary(inputs, arm, size, f"log2_drift_excess.{way}") for way in WAYS}
    parts = [f"{WAYS[way]} {multiple(item)} times" for way, item in ways.items() if item.n]
    named = f"\u201c{label(arm, inputs.study.arms[arm])}\u201d"
    sentences = [_not_reached(inputs, arm, size, named)]
    if parts:
        sentences.insert(
            0,
            f"To the same train loss {named} goes {join(parts)} as far as the least change that "
            f"was found. {_convergence(inputs, arm, size)}",
        )
    return " ".join(filter(None, sentences))


def _convergence(inputs: Inputs, arm: str, size: int) -> str:
    """How far the search for the least change came."""
    rows = inputs.reuse[(inputs.reuse["arm"] == arm) & (inputs.reuse["subset_size"] == size)]
    across = rows.loc[rows["measure"] == "across.explicit", "value"]
    if across.empty or across.max() <= STATIONARY:
        return "Nothing nearby does with less."
    return (
        f"The search was stopped after {count(inputs.study.reuse.explicit_steps, 'gradient')} with "
        f"{percent(across.min())} to {percent(across.max())} of that change still at right angles "
        "to the gradient: the least is smaller, and these factors are too small, if anything."
    )


def _not_reached(inputs: Inputs, arm: str, size: int, named: str) -> str:
    """In how many runs gradient descent did not come to the train loss; empty if it always did."""
    rows = inputs.reuse[(inputs.reuse["arm"] == arm) & (inputs.reuse["subset_size"] == size)]
    seeds = {
        way: set(rows.loc[rows["measure"] == f"drift.{way}", "seed"])
        for way in ("training", "gradient-descent")
    }
    missed = len(seeds["training"] - seeds["gradient-descent"])
    if not missed:
        return ""
    return (
        f"Following the gradient, {named} did not come to that train loss within "
        f"{count(inputs.study.reuse.descent_steps, 'step')} in {missed} of "
        f"{len(seeds['training'])} runs: so short must its steps be for the loss to fall."
    )
