"""Tables on the network's stages, the curvature of the loss, and the reuse of features."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from tlstudy.audit.quantities import values_of
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.groups import label_of, pairs_of
from tlstudy.measures.hessian import TOLERANCE
from tlstudy.measures.least_change import STATIONARY
from tlstudy.report.figures import curvature as figure
from tlstudy.report.format import Cell, number, percent, sentence
from tlstudy.report.inputs import Inputs
from tlstudy.report.names import stage_words
from tlstudy.report.sentences.series import of_arm
from tlstudy.report.tables import Table

NONE = summarise(np.array([]))
POINTS = {"final": "At the final weights", "matched": "At the same training loss"}
QUANTITIES = {
    "normalised_eigenvalue": "Largest Hessian eigenvalue, filter-normalised",
    "rise": "Rise of the loss along random directions",
    "hessian_eigenvalue": "Largest Hessian eigenvalue, raw",
}
LEAST = "Distance from the start over the least change found for the same training loss"
FEATURES = {
    "similarity": "Similarity of the features before and after training (debiased CKA)",
    "dimensions-before": "Dimensions of the features before training (participation ratio)",
    "dimensions-after": "Dimensions after training",
    "shared-dimensions": "Shared dimensions of before and after (ENSD)",
    "log-evidence": "Evidence for the labels before training (LogME)",
    "reconstruction-before": "Images decoded from the features before training (R\u00b2)",
    "reconstruction-after": "Images decoded from the features after training (R\u00b2)",
}
REUSE = (
    "Median cosine between a filter and its start",
    "That cosine if filters had moved as far at right angles",
    "Share of a convolution\u2019s change within the top directions of its start (median)",
    "That share over the share in a random span",
    f"{LEAST}: its own optimiser",
    f"{LEAST}: gradient descent",
    "Seeds in which gradient descent did not reach that training loss in {descent} steps",
    "Share of the least change at right angles to the gradient, after at most {explicit} gradients",
)


def measured_arms(inputs: Inputs, table: pd.DataFrame, size: int) -> list[str]:
    """Arms with rows in the table, in the study's order."""
    there = set(table.loc[table["subset_size"] == size, "arm"])
    return [arm for arm in inputs.study.arms if arm in there]


def _by_arm(
    inputs: Inputs, titles: Iterable[str], columns: Mapping[str, list[str]]
) -> Table | None:
    """A row for each title, a column for each measured arm; None without one."""
    if not columns:
        return None
    heads = ["Measure", *(label_of(inputs.study, arm) for arm in columns)]
    return Table(heads, [list(row) for row in zip(titles, *columns.values(), strict=True)])


def encoder_table(inputs: Inputs, size: int) -> Table | None:
    """Balanced accuracy of every measure and stage of the encoder, over seeds."""
    rows = inputs.encoder[inputs.encoder["subset_size"] == size].fillna({"stage": ""})
    keys = list(rows[["measure", "stage"]].drop_duplicates().itertuples(index=False, name=None))
    groups = rows.groupby(["arm", "measure", "stage"])["test_balanced_accuracy"]
    found = {key: summarise(values.to_numpy(dtype=float)) for key, values in groups}
    arms = measured_arms(inputs, rows, size)
    columns = {
        arm: [found.get((arm, *key), NONE).text(percent, short=True) for key in keys]
        for arm in arms
    }
    return _by_arm(inputs, [measure_words(*key) for key in keys], columns)


def measure_words(measure: str, stage: str) -> str:
    """A measure at a stage, in a few words."""
    place = stage_words(stage)
    return {
        "probe": f"Linear probe before training, {place}",
        "frozen": f"Held up to {place}, rest trained",
        "put-back": f"Fine-tuned, {place} put back",
        "fine-tuned": "Fine-tuned, everything trained",
    }[measure]


def curvature_table(inputs: Inputs, size: int) -> Table | None:
    """The pretrained network's curvature as a multiple of the new one's; None without a pair."""
    rows = inputs.curvature[inputs.curvature["subset_size"] == size]
    pairs = pairs_of(inputs.study, measured_arms(inputs, inputs.curvature, size)).values()
    lines = [
        [
            f"{title}: {inputs.named(pair[1])} over {inputs.named(pair[0])}",
            *(multiple(figure.ratio(rows, pair, quantity, point)) for point in POINTS),
        ]
        for pair in pairs
        for quantity, title in QUANTITIES.items()
    ]
    return Table(["Multiple", *POINTS.values()], lines) if lines else None


def convergence(inputs: Inputs, size: int) -> str:
    """How well the eigenvalues are converged; empty if none was measured."""
    table = inputs.curvature
    rows = table.loc[table["subset_size"] == size, ["normalised_residual", "residual"]]
    residuals = rows.stack().dropna()
    if residuals.empty:
        return ""
    reached = int((residuals <= TOLERANCE).sum())
    return (
        f"Lanczos reached a residual of at most {percent(TOLERANCE)} of the eigenvalue in "
        f"{reached} of {len(residuals)} cases. The largest residual is {percent(residuals.max())}. "
        f"Above {percent(TOLERANCE)}, the largest eigenvalue may be higher than given."
    )


def multiple(item: Summary) -> str:
    """Doublings as a factor, with its interval or range."""
    return item.text(lambda value: number(2**value, 2))


def reuse_table(inputs: Inputs, size: int) -> Table | None:
    """How filters moved, and how far the network had to move, for each measured arm."""
    arms, settings = measured_arms(inputs, inputs.reuse, size), inputs.study.reuse
    titles = [
        title.format(descent=settings.descent_steps, explicit=settings.explicit_steps)
        for title in REUSE
    ]
    return _by_arm(inputs, titles, {arm: _reuse(inputs, arm, size) for arm in arms})


def _reuse(inputs: Inputs, arm: str, size: int) -> list[str]:
    """The values of an arm below the titles of `REUSE`."""
    rows = of_arm(inputs.reuse, arm, size)

    def values(measure: str) -> pd.DataFrame:
        return rows[rows["measure"] == measure]

    def median(measure: str) -> float:
        """Median over convolutions of a seed, mean over seeds."""
        return float(values(measure).groupby("seed")["value"].median().mean())

    def summary(quantity: str) -> Summary:
        found = values_of({"runs": inputs.runs, "reuse": inputs.reuse}, quantity)
        return summarise(
            np.array([v for (name, n, _), v in found.items() if (name, n) == (arm, size)])
        )

    trained, descended = (
        set(values(f"drift.{way}")["seed"]) for way in ("training", "gradient-descent")
    )
    across = values("across.explicit")["value"]
    return [
        summary("filter_alignment").text(lambda value: number(value, 4)),
        number(median("alignment-if-across"), 4),
        percent(median("share-within")),
        multiple(summary("log2_span_excess")),
        multiple(summary("log2_drift_excess.training")),
        multiple(summary("log2_drift_excess.gradient-descent")),
        f"{len(trained - descended)} of {len(trained)}",
        f"{percent(across.min())} to {percent(across.max())}",
    ]


def features_table(inputs: Inputs, size: int) -> Table | None:
    """A column for each stage, a row for each arm below the title of each measure."""
    rows = inputs.features[inputs.features["subset_size"] == size]
    arms, stages = measured_arms(inputs, rows, size), list(rows["stage"].unique())
    if not arms:
        return None
    groups = rows.groupby(["measure", "arm", "stage"])["value"]
    found = {key: summarise(values.to_numpy(dtype=float)) for key, values in groups}
    lines: list[list[str | Cell]] = []
    for measure, title in FEATURES.items():
        lines.append([title])
        for arm in arms:
            values = [found.get((measure, arm, stage), NONE) for stage in stages]
            cells = [item.text(lambda value: number(value, 3), short=True) for item in values]
            lines.append([label_of(inputs.study, arm), *cells])
    return Table(["Arm", *map(sentence, map(stage_words, stages))], lines)


def about_reuse(inputs: Inputs, size: int) -> str:
    """How to read the search for the least change; empty if nothing was measured."""
    if not measured_arms(inputs, inputs.reuse, size):
        return ""
    return (
        "The search for the least change has converged if at most "
        f"{percent(STATIONARY)} of the change is at right angles to the gradient: no smaller "
        "change nearby then reaches that loss. If the share is larger, the search stopped early: "
        "the least change is smaller than the one found, and the multiples of it are, if "
        "anything, too small."
    )
