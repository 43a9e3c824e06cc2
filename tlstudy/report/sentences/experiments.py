"""Sentences on the encoder's stages and on the curvature of the loss, computed."""

import pandas as pd

from tlstudy.audit.statistics import Summary, summarise
from tlstudy.report.figures import curvature as figure
from tlstudy.report.format import MISSING, count, join, number, percent
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.protocol import Table, label

MEASURES = {
    ("probe", "layer4"): "a linear readout of the last stage, before any training on digits",
    ("frozen", "layer4"): "the last layer trained alone",
    ("fine-tuned", ""): "everything trained",
    ("put-back", "encoder"): "everything trained and the convolutions then put back",
}
CONVERGED = 0.01  # at this residual `tlstudy.measures.curvature.lanczos` stops
POINTS = {"final": "at the final weights", "matched": "at the same training loss"}
# Said wherever eigenvalues of two networks are compared.
RAW_EIGENVALUE = (
    "This is the raw eigenvalue. It changes with the scale of the weights before BatchNorm, which "
    "no output depends on (Dinh et al. 2017), so it does not say which network is smoother."
)
QUANTITIES = {
    "hessian_eigenvalue": "the largest Hessian eigenvalue",
    "rise": "the rise of the loss along random directions",
}


def measured(inputs: Inputs, arm: str, size: int, measure: str, stage: str) -> Summary:
    """Balanced accuracy on test images of one measure of the encoder, over seeds."""
    table = inputs.encoder
    rows = table[
        (table["arm"] == arm)
        & (table["subset_size"] == size)
        & (table["measure"] == measure)
        & (table["stage"].fillna("") == stage)
    ]
    return summarise(rows["test_balanced_accuracy"].to_numpy(dtype=float))


def share_text(item: Summary) -> str:
    """A mean with its interval, a range or one value, in per cent."""
    if item.n == 0:
        return MISSING
    if item.mean is not None:
        ends = f"{percent(item.low)} to {percent(item.high)}"
        return f"{percent(item.mean)} ({ends})"
    ends = dict.fromkeys(map(percent, (item.smallest, item.largest)))
    return " to ".join(ends)


def encoder_arms(inputs: Inputs, size: int) -> list[str]:
    """Arms whose stages were measured."""
    table = inputs.encoder
    there = set(table.loc[table["subset_size"] == size, "arm"])
    return [arm for arm in inputs.study.arms if arm in there]


def encoder_sentence(inputs: Inputs, size: int) -> str:
    """The ends of what was measured, every arm: read off untrained, and everything trained."""
    arms = encoder_arms(inputs, size)
    if not arms:
        return ""
    parts = [
        f"{words}, {join(_with_label(inputs, arm, size, key) for arm in arms)}"
        for key, words in MEASURES.items()
    ]
    return f"Balanced accuracy with {'; with '.join(parts)}."


def _with_label(inputs: Inputs, arm: str, size: int, key: tuple[str, str]) -> str:
    item = measured(inputs, arm, size, *key)
    value = percent(item.mean) if item.mean is not None else share_text(item)
    return f"{value} (\u201c{label(arm, inputs.study.arms[arm])}\u201d)"


def encoder_table(inputs: Inputs, size: int) -> Table | None:
    """Every measure and stage, a column for each arm; None if nothing was measured."""
    arms = encoder_arms(inputs, size)
    rows = inputs.encoder[inputs.encoder["subset_size"] == size]
    keys = rows[["measure", "stage"]].fillna("").drop_duplicates().itertuples(index=False)
    if not arms:
        return None
    return Table(
        ["Measure", *(label(arm, inputs.study.arms[arm]) for arm in arms)],
        [
            [measure_words(*key), *(share_text(measured(inputs, arm, size, *key)) for arm in arms)]
            for key in keys
        ],
    )


def measure_words(measure: str, stage: str) -> str:
    """A measure at a stage, in a few words."""
    place = {"head": "last layer", "encoder": "stem to stage 4", "stem": "stem"}.get(
        stage, f"stage {stage.removeprefix('layer')}"
    )
    return {
        "probe": f"Linear readout before training, {place}",
        "frozen": f"Held up to {place}, rest trained",
        "put-back": f"Fine-tuned, {place} put back",
        "fine-tuned": "Fine-tuned, everything trained",
    }[measure]


def curvature_sentences(inputs: Inputs, size: int) -> list[str]:
    """The pretrained network's curvature as a multiple of the new one's, quantity by quantity."""
    table = inputs.curvature
    rows = table[table["subset_size"] == size]
    arms = [arm for arm in inputs.study.arms if arm in set(rows["arm"])]
    return [
        _curvature_sentence(inputs, rows, pair, quantity)
        for pair in figure.pairs(inputs.study, arms)
        for quantity in QUANTITIES
    ]


def _curvature_sentence(
    inputs: Inputs, rows: pd.DataFrame, pair: tuple[str, str], quantity: str
) -> str:
    new, pretrained = (inputs.study.arms[arm].label or arm for arm in pair)
    parts = [
        f"{multiple(item)} {where}"
        for point, where in POINTS.items()
        if (item := figure.ratio(rows, pair, quantity, point)).n
    ]
    text = f"Of \u201c{pretrained}\u201d {QUANTITIES[quantity]}"
    if not parts:
        return f"{text} has no value to compare with that of \u201c{new}\u201d."
    text = f"{text} is, as a multiple of that of \u201c{new}\u201d, {join(parts)}."
    return f"{text} {RAW_EIGENVALUE}" if quantity == "hessian_eigenvalue" else text


def convergence_sentence(inputs: Inputs, size: int) -> str:
    """How well the eigenvalues are converged; empty if none was measured."""
    table = inputs.curvature
    residuals = table.loc[table["subset_size"] == size, "residual"].dropna()
    if residuals.empty:
        return ""
    open_ones = int((residuals > CONVERGED).sum())
    text = f"Lanczos stopped at a residual of {percent(CONVERGED)} of the eigenvalue or less"
    if not open_ones:
        return f"{text} each time."
    return (
        f"{text} in {len(residuals) - open_ones} of {len(residuals)} cases; elsewhere the products "
        f"ran out, at {percent(residuals.max())} at most, and the largest eigenvalue may be higher "
        "than given."
    )


def multiple(item: Summary) -> str:
    """Doublings as a factor, with its interval or range."""
    if item.mean is not None:
        ends = f"{number(2**item.low, 2)} to {number(2**item.high, 2)}"
        seeds = count(item.n, "seed")
        return f"{number(2**item.mean, 2)} (bootstrap interval {ends}, {seeds})"
    ends = dict.fromkeys(number(2**value, 2) for value in (item.smallest, item.largest))
    return f"{' to '.join(ends)} ({count(item.n, 'seed')}, no interval)"
