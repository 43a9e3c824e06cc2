"""What claims may be about: quantities by name, one number for each run.

Each is a function of the result tables (`tlstudy.columns`) to a series by arm, subset size and
seed. A run that diverged has no values: what it was on the way is no result to compare.
"""

import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlstudy.columns import KEYS
from tlstudy.settings import ENCODER_STAGES, Selection, Study

Tables = Mapping[str, pd.DataFrame]

INDEX = list(KEYS)
POINTS = {"final": "at the end", "matched": "at the train loss that all runs pass"}
# Tables of runs that a study selects, by the key of the selection.
SELECTIONS = ("encoder", "curvature", "reuse")
# A gradient norm adds up if at every epoch it is the first one times the epoch, to this share.
ADDS_UP_WITHIN = 0.1
EPOCHS_TO_TELL = 5  # with fewer a norm that happens to grow would look like one that adds up


@dataclass(frozen=True)
class Quantity:
    """One number for each run.

    Attributes:
        unit: its unit, in words that can follow a number.
        words: what it is, to be read before "of <arm>".
        description: how it is computed.
        table: the table without which it has no value; the table of runs is always needed.
        compute: from the tables to a series by arm, subset_size and seed; what is not finite,
            or not there, counts as no value.
    """

    unit: str
    words: str
    description: str
    table: str
    compute: Callable[[Tables], pd.Series]


def values_of(tables: Tables, name: str) -> pd.Series:
    """The quantity for every run, by arm, subset_size and seed; NaN where it has no value."""
    status = tables["runs"].set_index(INDEX)["status"]
    quantity = QUANTITIES[name]
    if quantity.table not in tables:
        return pd.Series(np.nan, index=status.index)
    values = quantity.compute(tables).reindex(status.index).astype(float)
    return values.where(np.isfinite(values) & (status == "finished"))


def planned_seeds(study: Study, name: str) -> list[int]:
    """Seeds in which the study measures the quantity."""
    table = QUANTITIES[name].table
    if table not in SELECTIONS:
        return list(study.seed)
    selection: Selection = getattr(study, table)
    return [seed for seed in study.seed if seed in selection.seeds]


def why_missing(tables: Tables, name: str, run: tuple[str, int, int]) -> str:
    """Why the quantity has no value for a run (arm, subset_size, seed), in words."""
    status = tables["runs"].set_index(INDEX)["status"]
    if run not in status.index:
        return "there is no such run"
    if status[run] != "finished":
        return "the run diverged"
    table = QUANTITIES[name].table
    if table in SELECTIONS:
        rows = tables.get(table, pd.DataFrame(columns=INDEX)).set_index(INDEX)
        if run not in rows.index:
            return f"not measured, see {table}.seeds and {table}.arms in the configuration"
        if table == "curvature":
            rows = rows.loc[[run]]
            reasons = rows.loc[rows["point"] == name.partition(".")[2], "reason"]
            return next(filter(None, reasons), "its logarithm needs a positive value")
    return "it cannot be computed from what was measured"


def listed_names() -> list[str]:
    """Names of all quantities, each family of names in one: probe.<stem|layer1|...>."""
    families: dict[str, list[str]] = {}
    for name in QUANTITIES:
        family, _, argument = name.partition(".")
        families.setdefault(family, []).append(argument)
    return [
        f"{family}.<{'|'.join(arguments)}>" if any(arguments) else family
        for family, arguments in families.items()
    ]


def described() -> str:
    """The list of quantities for a terminal: name, unit and description, a paragraph each."""
    first = {name.partition(".")[0]: quantity for name, quantity in QUANTITIES.items()}
    indent = {"initial_indent": "    ", "subsequent_indent": "    "}
    return "\n".join(
        f"{name}: {quantity.unit}\n{textwrap.fill(quantity.description, 90, **indent)}"
        for name, quantity in zip(listed_names(), first.values(), strict=True)
    )


def _logarithm(values: pd.Series, base: float) -> pd.Series:
    """Logarithm to a base; NaN where there is none."""
    return np.log(values.where(values > 0)) / np.log(base)


def _of_runs(column: str) -> Callable[[Tables], pd.Series]:
    return lambda tables: tables["runs"].set_index(INDEX)[column]


def _at_epoch(tables: Tables, column: str, which: str) -> pd.Series:
    """A column of the metrics at each run's first or last epoch."""
    ordered = tables["metrics"].sort_values("epoch")
    return ordered.drop_duplicates(INDEX, keep=which).set_index(INDEX)[column]


def _displacement(tables: Tables) -> pd.Series:
    return _at_epoch(tables, "displacement_from_start", "last")


def _train_loss_fall(tables: Tables) -> pd.Series:
    end = tables["runs"].set_index(INDEX)["checkpoint_train_loss"]
    return _at_epoch(tables, "train_loss", "first") - end


def _gradients_cleared(tables: Tables) -> pd.Series:
    settings = tables["runs"].set_index(INDEX)["settings"]
    held = settings.map(_optimiser_holds_network, na_action="ignore").astype(float)
    norms = tables["metrics"].groupby(INDEX)[["epoch", "gradient_norm"]]
    added_up = norms.apply(adds_up).reindex(held.index, fill_value=False)
    return held.mask(held.notna() & added_up, 0.0)


def _optimiser_holds_network(settings: str) -> bool:
    return json.loads(settings)["optimiser_holds"] == "network"


def adds_up(metrics: pd.DataFrame) -> bool:
    """Whether a run's gradient norm is the first one times the epoch, at every epoch.

    That is what gradients do that are never cleared while the weights stay: published, 17.496
    at epoch 1 and 30 times 17.483 at epoch 30 (F2).

    Args:
        metrics: epoch and gradient_norm of one run.
    """
    ordered = metrics.sort_values("epoch")
    norms, epochs = ordered["gradient_norm"].to_numpy(), ordered["epoch"].to_numpy()
    known = np.isfinite(norms)
    if known.sum() < EPOCHS_TO_TELL or norms[known][0] <= 0:
        return False
    relative = norms[known] / norms[known][0] / (epochs[known] / epochs[known][0])
    return bool(np.all(np.abs(relative - 1) <= ADDS_UP_WITHIN))


def _gradient_growth(tables: Tables) -> pd.Series:
    first, last = (_at_epoch(tables, "gradient_norm", which) for which in ("first", "last"))
    return _logarithm(last / first.where(first > 0), 10)


def _head_excess(tables: Tables) -> pd.Series:
    layers = tables["layers"]
    sums = layers.groupby([*INDEX, "kind", "layer"])[
        ["displacement_from_previous", "predicted_displacement"]
    ].sum(min_count=1)
    beyond = sums["displacement_from_previous"] / sums["predicted_displacement"]
    kinds = beyond.index.get_level_values("kind")
    head = beyond[kinds == "linear-weight"].groupby(INDEX).median()  # a single layer
    convolutions = beyond[kinds == "convolution"].groupby(INDEX).median()
    return _logarithm(head / convolutions, 2)


def _encoder_angle(tables: Tables) -> pd.Series:
    layers = tables["layers"]
    layers = layers[layers["kind"] == "convolution"].sort_values("epoch")
    last = layers.drop_duplicates([*INDEX, "layer"], keep="last")
    return _logarithm(last.groupby(INDEX)["angle_from_start"].median(), 2)


def _encoder(measure: str, stage: str = "") -> Callable[[Tables], pd.Series]:
    def compute(tables: Tables) -> pd.Series:
        rows = tables["encoder"]
        rows = rows[(rows["measure"] == measure) & (rows["stage"].fillna("") == stage)]
        return rows.set_index(INDEX)["test_balanced_accuracy"]

    return compute


def _curvature(column: str, point: str) -> Callable[[Tables], pd.Series]:
    def compute(tables: Tables) -> pd.Series:
        rows = tables["curvature"]
        return _logarithm(rows[rows["point"] == point].set_index(INDEX)[column], 2)

    return compute


def _filter_alignment(tables: Tables) -> pd.Series:
    return _over_convolutions(tables, "alignment").groupby(INDEX).median()


def _span_excess(tables: Tables) -> pd.Series:
    within = _over_convolutions(tables, "share-within")
    ratios = within / _over_convolutions(tables, "share-within-random")
    return _logarithm(ratios.groupby(INDEX).median(), 2)


def _over_convolutions(tables: Tables, measure: str) -> pd.Series:
    rows = tables["reuse"]
    return rows[rows["measure"] == measure].set_index([*INDEX, "layer"])["value"]


def _drift_excess(way: str) -> Callable[[Tables], pd.Series]:
    def compute(tables: Tables) -> pd.Series:
        rows = tables["reuse"].set_index(INDEX)
        drifts = {
            name: rows.loc[rows["measure"] == f"drift.{name}", "value"]
            for name in (way, "explicit")
        }
        return _logarithm(drifts[way] / drifts["explicit"], 2)

    return compute


def _encoder_family() -> dict[str, Quantity]:
    """Quantities of the encoder table; which stages a measure has: `tlstudy.encoder`."""
    measures = {
        "probe": (
            ENCODER_STAGES,
            "read off {stage} linearly",
            "Balanced accuracy on test images of a linear readout (logistic regression) of a "
            "stage's averaged outputs before the network is trained.",
        ),
        "frozen": (
            ENCODER_STAGES,
            "everything up to {stage} held",
            "Balanced accuracy on test images where everything up to the stage is held as it was "
            "before training and the rest is trained.",
        ),
        "put-back": (
            (*ENCODER_STAGES, "head", "encoder"),
            "{stage} put back",
            "Balanced accuracy on test images after fine-tuning, the weights of one stage put "
            "back to where they started; encoder: all stages before the head.",
        ),
    }
    return {
        f"{measure}.{stage}": Quantity(
            unit="share",
            words=f"balanced accuracy, {words.format(stage=stage)},",
            description=description,
            table="encoder",
            compute=_encoder(measure, stage),
        )
        for measure, (stages, words, description) in measures.items()
        for stage in stages
    }


def _curvature_family() -> dict[str, Quantity]:
    columns = {
        "log2_hessian_eigenvalue": (
            "hessian_eigenvalue",
            "largest Hessian eigenvalue (log2)",
            "log2 of the largest eigenvalue of the train loss's Hessian; no value where it is not "
            "positive. final: at the final weights; matched: at the train loss that all runs pass. "
            "It changes with the scale of the weights before BatchNorm, so it does not say which "
            "of two networks is smoother.",
        ),
        "log2_rise": (
            "rise",
            "rise of the train loss along random directions (log2)",
            "log2 of the train loss's mean rise, in nats, along filter-normalised random "
            "directions; no value where it does not rise. final and matched: as above.",
        ),
    }
    return {
        f"{name}.{point}": Quantity(
            unit="doublings",
            words=f"{words}, {where},",
            description=description,
            table="curvature",
            compute=_curvature(column, point),
        )
        for name, (column, words, description) in columns.items()
        for point, where in POINTS.items()
    }


def _reuse_family() -> dict[str, Quantity]:
    ways = {"training": "the run's own way", "gradient-descent": "gradient descent's way"}
    return {
        "filter_alignment": Quantity(
            "cosine",
            "alignment of the filters with their start",
            "Cosine between a filter before and after training: median over the filters of a "
            "convolution, then over convolutions (downsampling ones apart).",
            "reuse",
            _filter_alignment,
        ),
        "log2_span_excess": Quantity(
            "doublings",
            "excess of the change within the start's top directions (log2)",
            "log2 of the share of a convolution's change that lies in the span of the input "
            "directions that hold half of its squared norm before training, over the share in a "
            "random span of that size; median over convolutions (downsampling ones apart).",
            "reuse",
            _span_excess,
        ),
        **{
            f"log2_drift_excess.{way}": Quantity(
                "doublings",
                f"excess of {words} over the least change (log2)",
                "log2 of how far all weights are from their start where the train loss first is "
                "below the matched one (curvature.train_loss), over the least change that was "
                "found to meet the same train loss; training: by the run's own optimiser; "
                "gradient-descent: following the gradient in short steps.",
                "reuse",
                _drift_excess(way),
            )
            for way, words in ways.items()
        },
    }


QUANTITIES: dict[str, Quantity] = {
    "balanced_accuracy": Quantity(
        "share",
        "balanced accuracy",
        "Balanced accuracy on test images as the arm reports it, 0 to 1.",
        "runs",
        _of_runs("reported_balanced_accuracy"),
    ),
    "loss": Quantity(
        "nats",
        "test loss",
        "Mean loss on test images as the arm reports it; losses of softmax outputs and of logits "
        "do not compare.",
        "runs",
        _of_runs("reported_loss"),
    ),
    "displacement": Quantity(
        "of the initial norm",
        "displacement",
        "How far all weights together moved: ||w_T - w_0|| / ||w_0|| after the last epoch.",
        "metrics",
        _displacement,
    ),
    "train_loss_fall": Quantity(
        "nats",
        "fall of the train loss",
        "Train loss in the first epoch, before any update, less that of the final weights.",
        "metrics",
        _train_loss_fall,
    ),
    "trajectory_rank": Quantity(
        "dimensions",
        "rank of the path",
        "Rank of the centred path of the weights; at least 2 where it spans a plane.",
        "runs",
        _of_runs("trajectory_rank"),
    ),
    "gradients_cleared": Quantity(
        "yes (1) or no (0)",
        "clearing of the gradients",
        "1 if gradients were cleared before each step: the optimiser held the network's own "
        "weights, and the observed gradient norm is not, within 10 % at every epoch, the first "
        "epoch's times the epoch (with fewer than 5 epochs this cannot be told, and the settings "
        "decide); else 0.",
        "metrics",
        _gradients_cleared,
    ),
    "log10_gradient_growth": Quantity(
        "powers of ten",
        "growth of the gradient norm (log10)",
        "log10 of the last epoch's gradient norm over the first epoch's.",
        "metrics",
        _gradient_growth,
    ),
    "log2_encoder_angle": Quantity(
        "doublings",
        "angle between the convolutions and their start (log2)",
        "log2 of the angle, in degrees, between a convolution's weights before training and after "
        "the last epoch: median over convolutions (downsampling ones apart).",
        "layers",
        _encoder_angle,
    ),
    "log2_head_excess": Quantity(
        "doublings",
        "excess movement of the last layer (log2)",
        "log2 of the last layer's movement over Adam's prediction for it, divided by the median "
        "over convolutions (downsampling ones apart) of the same ratio; movement and prediction "
        "are each added up over the epochs. No value where another optimiser trained or nothing "
        "moved.",
        "layers",
        _head_excess,
    ),
    **_encoder_family(),
    "fine-tuned": Quantity(
        "share",
        "balanced accuracy, fine-tuned,",
        "Balanced accuracy on the same test images as probe, frozen and put-back after "
        "fine-tuning, nothing held or put back.",
        "encoder",
        _encoder("fine-tuned"),
    ),
    **_curvature_family(),
    **_reuse_family(),
}
