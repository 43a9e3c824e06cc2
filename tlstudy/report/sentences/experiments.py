"""Sentences and numbers on the network's stages, the curvature of the loss, and kept features."""

import numpy as np
import pandas as pd

from tlstudy.audit.quantities import values_of
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.groups import label_of
from tlstudy.measures.least_change import STATIONARY
from tlstudy.report.figures import curvature as figure
from tlstudy.report.format import count, join, number, percent
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.series import of_arm
from tlstudy.report.tables import Table

CONVERGED = 0.01  # at this residual `tlstudy.measures.curvature.lanczos` stops
POINTS = {"final": "at the final weights", "matched": "at the same training loss"}
# Said wherever eigenvalues of two networks are compared.
RAW_EIGENVALUE = (
    "This is the raw eigenvalue. It changes with the scale of the weights before BatchNorm, which "
    "no output depends on (Dinh et al. 2017), so it does not say which network is smoother."
)
QUANTITIES = {
    "hessian_eigenvalue": "Largest Hessian eigenvalue",
    "rise": "Rise of the loss along random directions",
}
WAYS = {"training": "its own optimiser", "gradient-descent": "gradient descent"}


def measured_arms(inputs: Inputs, table: pd.DataFrame, size: int) -> list[str]:
    """Arms with rows in the table, in the study's order."""
    there = set(table.loc[table["subset_size"] == size, "arm"])
    return [arm for arm in inputs.study.arms if arm in there]


def measured(inputs: Inputs, arm: str, size: int, measure: str, stage: str) -> Summary:
    """Balanced accuracy on test images of one measure of the encoder, over seeds."""
    rows = of_arm(inputs.encoder, arm, size)
    rows = rows[(rows["measure"] == measure) & (rows["stage"].fillna("") == stage)]
    return summarise(rows["test_balanced_accuracy"].to_numpy(dtype=float))


def encoder_table(inputs: Inputs, size: int) -> Table | None:
    """Every measure and stage, a column for each arm; None if nothing was measured."""
    arms = measured_arms(inputs, inputs.encoder, size)
    rows = inputs.encoder[inputs.encoder["subset_size"] == size]
    keys = rows[["measure", "stage"]].fillna("").drop_duplicates().itertuples(index=False)
    if not arms:
        return None
    return Table(
        ["Measure", *(label_of(inputs.study, arm) for arm in arms)],
        [
            [
                measure_words(*key),
                *(measured(inputs, arm, size, *key).text(percent, short=True) for arm in arms),
            ]
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
    rows = inputs.curvature[inputs.curvature["subset_size"] == size]
    arms = measured_arms(inputs, inputs.curvature, size)
    return [
        _curvature_sentence(inputs, rows, pair, quantity)
        for pair in figure.pairs(inputs.study, arms)
        for quantity in QUANTITIES
    ]


def _curvature_sentence(
    inputs: Inputs, rows: pd.DataFrame, pair: tuple[str, str], quantity: str
) -> str:
    new, pretrained = map(inputs.named, pair)
    ratios = {point: figure.ratio(rows, pair, quantity, point) for point in POINTS}
    parts = [f"{multiple(item)} {POINTS[point]}" for point, item in ratios.items() if item.n]
    text = (
        f"{QUANTITIES[quantity]} of {pretrained}, as a multiple of that of {new}: "
        f"{join(parts) or 'no value'}."
    )
    return f"{text} {RAW_EIGENVALUE}" if parts and quantity == "hessian_eigenvalue" else text


def convergence_sentence(inputs: Inputs, size: int) -> str:
    """How well the eigenvalues are converged; empty if none was measured."""
    table = inputs.curvature
    residuals = table.loc[table["subset_size"] == size, "residual"].dropna()
    if residuals.empty:
        return ""
    open_ones = int((residuals > CONVERGED).sum())
    text = (
        f"Lanczos reached a residual of at most {percent(CONVERGED)} of the eigenvalue in "
        f"{len(residuals) - open_ones} of {len(residuals)} cases"
    )
    if not open_ones:
        return f"{text}."
    return (
        f"{text}. In the others it stopped at {percent(residuals.max())} at most, and the largest "
        "eigenvalue may be higher than given."
    )


def multiple(item: Summary) -> str:
    """Doublings as a factor, with its interval or range."""
    return item.text(lambda value: number(2**value, 2))


def reuse_sentences(inputs: Inputs, size: int) -> list[str]:
    """Span and alignment of every measured arm, then how far each had to move."""
    arms = measured_arms(inputs, inputs.reuse, size)
    lines = [line(inputs, arm, size) for line in (_filters, _drifts, _not_reached) for arm in arms]
    return [line for line in lines if line]


def _summary(inputs: Inputs, arm: str, size: int, quantity: str) -> Summary:
    values = values_of({"runs": inputs.runs, "reuse": inputs.reuse}, quantity)
    chosen = [value for (name, n, _), value in values.items() if (name, n) == (arm, size)]
    return summarise(np.array(chosen))


def _filters(inputs: Inputs, arm: str, size: int) -> str:
    span = _summary(inputs, arm, size, "log2_span_excess")
    cosine = _summary(inputs, arm, size, "filter_alignment")
    if not span.n or not cosine.n:
        return f"{inputs.named(arm)} has no fine-tuned weights to compare."
    middle = cosine.mean if cosine.mean is not None else (cosine.smallest + cosine.largest) / 2
    return (
        f"The median filter of {inputs.named(arm)} ends at a cosine of {number(middle, 4)} to its "
        f"start. Had it moved as far at right angles to itself, the cosine would be "
        f"{number(_median(inputs, arm, size, 'alignment-if-across'), 4)}. Of a convolution\u2019s "
        f"change, {percent(_median(inputs, arm, size, 'share-within'))} (median) lies within the "
        f"top directions of its start. That is the share in a random span times {multiple(span)}."
    )


def _median(inputs: Inputs, arm: str, size: int, measure: str) -> float:
    """Median over convolutions of a seed, mean over seeds."""
    rows = _rows(inputs, arm, size, measure)
    return float(rows.groupby("seed")["value"].median().mean())


def _rows(inputs: Inputs, arm: str, size: int, measure: str) -> pd.DataFrame:
    rows = of_arm(inputs.reuse, arm, size)
    return rows[rows["measure"] == measure]


def _drifts(inputs: Inputs, arm: str, size: int) -> str:
    """How far each way of training went, as a multiple of the least change that was found."""
    ways = {way: _summary(inputs, arm, size, f"log2_drift_excess.{way}") for way in WAYS}
    parts = [f"{multiple(item)} with {WAYS[way]}" for way, item in ways.items() if item.n]
    if not parts:
        return ""
    return (
        f"Distance of {inputs.named(arm)} from its start, as a multiple of the least change found "
        f"for the same training loss: {join(parts)}. {_convergence(inputs, arm, size)}"
    )


def _convergence(inputs: Inputs, arm: str, size: int) -> str:
    """How far the search for the least change came."""
    across = _rows(inputs, arm, size, "across.explicit")["value"]
    if across.empty or across.max() <= STATIONARY:
        return "No smaller change nearby reaches that loss."
    return (
        f"The search stopped after {count(inputs.study.reuse.explicit_steps, 'gradient')} with "
        f"{percent(across.min())} to {percent(across.max())} of that change still at right angles "
        "to the gradient. So the least change is smaller, and these factors are too small, if "
        "anything."
    )


def _not_reached(inputs: Inputs, arm: str, size: int) -> str:
    """In how many runs gradient descent did not reach the train loss; empty if it always did."""
    trained, descended = (set(_rows(inputs, arm, size, f"drift.{way}")["seed"]) for way in WAYS)
    missed = len(trained - descended)
    if not missed:
        return ""
    return (
        f"Gradient descent from the start of {inputs.named(arm)} did not reach that training loss "
        f"within {count(inputs.study.reuse.descent_steps, 'step')} in {missed} of {len(trained)} "
        "runs: the loss falls only with steps this short."
    )
