"""The curves in numbers: what the figures by arm show, as one table."""

from tlstudy.audit.sentinels.weights import STRONG
from tlstudy.config.groups import label_of
from tlstudy.report.format import MISSING, degrees, is_number, loss, number, percent, signed
from tlstudy.report.inputs import Inputs
from tlstudy.report.names import layer_name
from tlstudy.report.sentences import protocol, series
from tlstudy.report.sentences.how_it_was_run import tested_images
from tlstudy.report.tables import Table, table_of_arms

AT_THE_END = "Balanced accuracy after the last epoch ({epoch} test images)"
TITLES = (
    "Reported balanced accuracy, lowest to highest seed ({reported} test images)",
    "Training loss, first to last epoch",
    AT_THE_END,
    "Gradient norm, first to last epoch",
    "Distance of all weights from the start",
)
OF_MOVED = (
    "Angle of all weights from the start",
    "Distance of the last layer\u2019s weights",
    "Distance of the median convolution",
    "Rank correlation with Adam\u2019s step size",
    "Largest angle that a layer turned in one epoch",
    "Layer with more than half of the squared norm",
)
ABOUT = (
    "Medians over seeds; the largest angle is that of all seeds. A distance is a share of the "
    "norm at the start. {of_curves}{adds_up}Rank correlation: over layers, between "
    "the measured change and the one that Adam\u2019s step size alone predicts. From {strong} "
    "up, the order of the layers follows the sizes of their weights, whatever the layers are "
    "for. Below that, the step size alone does not account for it. Where one layer holds more "
    "than half of the squared norm, distances and angles of the whole network mostly show that "
    "layer."
)
OF_CURVES = (
    "Balanced accuracy after the last epoch is that of the curves, with the BatchNorm statistics "
    "that the arm reports. "
)
ADDS_UP = (
    "A gradient norm \u201cadds up\u201d where gradients were never set back to zero: its "
    "growth comes from that. "
)


def curves_table(inputs: Inputs, size: int) -> Table:
    """A row for each measure and a column for each arm; the other way round for many arms."""
    arms = list(inputs.study.arms)
    columns = [
        [*_curves(inputs, arm, size), *(_movement(inputs, arm, size) or [MISSING] * len(OF_MOVED))]
        for arm in arms
    ]
    asked, reported = inputs.study.evaluation.epoch_images, tested_images(inputs.runs)
    amounts = {"epoch": protocol.tested_images(inputs.study, asked), "reported": reported}
    titles = [title.format(**amounts) for title in TITLES + OF_MOVED]
    rows = [list(row) for row in zip(titles, *columns, strict=True)]
    if not _differs_at_the_end(inputs):
        del rows[TITLES.index(AT_THE_END)]
    return table_of_arms("Measure", [label_of(inputs.study, arm) for arm in arms], rows)


def about_curves(inputs: Inputs) -> str:
    """How to read the table."""
    untrained = any(arm.optimiser_holds != "network" for arm in inputs.study.arms.values())
    of_curves = OF_CURVES * _differs_at_the_end(inputs)
    return ABOUT.format(adds_up=ADDS_UP * untrained, of_curves=of_curves, strong=STRONG)


def _differs_at_the_end(inputs: Inputs) -> bool:
    """Whether an arm reports another epoch than the last one, whose value is told beside it."""
    return any(arm.reported_epoch != "final" for arm in inputs.study.arms.values())


def _curves(inputs: Inputs, arm: str, size: int) -> list[str]:
    """An arm's values of `TITLES`."""
    reported = series.reported(inputs, arm, size, "balanced_accuracy").sort_values()
    accuracy = f"test_balanced_accuracy_{inputs.study.arms[arm].batchnorm}"
    slope = series.slope_of_added_up(inputs, arm, size)
    added_up = "" if slope is None else f", adds up (log-log slope {number(slope)})"
    distance = percent(series.last(inputs, arm, size, "displacement_from_start"))
    if series.lost_at_once(inputs, arm, size):
        distance = "diverged in the first epoch"
    elif series.never_moved(inputs, arm, size):
        distance = "did not move"
    elif ended := series.diverged_after(inputs, arm, size):
        distance = f"{distance} after epoch {ended}, the last before all had diverged"
    return [
        _ends(reported, percent),
        _ends(series.by_epoch(inputs, arm, size, "train_loss"), loss),
        percent(series.last(inputs, arm, size, accuracy)),
        _ends(series.by_epoch(inputs, arm, size, "gradient_norm"), number) + added_up,
        distance,
    ]


def _ends(values, shown) -> str:
    """The first and the last value; once if they are shown alike."""
    ends = dict.fromkeys(shown(values.iloc[end]) for end in (0, -1)) if len(values) else {}
    return " to ".join(ends) or MISSING


def _movement(inputs: Inputs, arm: str, size: int) -> list[str]:
    """An arm's values of `OF_MOVED`; empty if its weights never moved."""
    if not series.moved(inputs, arm, size):
        return []
    turned = series.largest_turn(inputs, arm, size)
    heavy = series.heaviest_tensor(inputs, arm, size)
    correlation = series.step_size_correlation(inputs, arm, size)
    return [
        degrees(series.last(inputs, arm, size, "angle_from_start")),
        percent(series.distance_of_kind(inputs, arm, size, "linear-weight")),
        percent(series.distance_of_kind(inputs, arm, size, "convolution")),
        signed(f"{correlation:.2f}") if is_number(correlation) else MISSING,
        f"{degrees(turned['angle_from_previous'])} ({layer_name(turned['layer'])}, epoch "
        f"{turned['epoch']})",
        f"{layer_name(heavy.layer)}: {percent(heavy.share)}; others moved {percent(heavy.others)}"
        if heavy
        else "none",
    ]
