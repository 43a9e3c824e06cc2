"""The ladder in words and as a table: the gap after each fix, and the fix that changed it most."""

import math
from dataclasses import replace

import pandas as pd

from tlstudy.audit.flaws import MENDED
from tlstudy.audit.ladder import PUT_BACK, arms_of_rung
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import is_of_slides
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.format import (
    POINTS,
    THIN,
    Cell,
    bare_points,
    count,
    join,
    percent,
    place,
    points,
    quoted,
    sentence,
    summary_cell,
    whole,
)
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import baselines
from tlstudy.report.sentences.series import of_arm
from tlstudy.report.tables import Table

HEADS = ["Rung", "Gap, points", "Change of the gap", "New", "Pretrained"]
SETTLES = "F9"  # from the rung that mends this on, test values are those of what was learnt
MEASURE = "balanced_accuracy"
PARTS = {"new": percent, "pretrained": percent, "gap": bare_points, "step": bare_points}
READINGS = {
    "lies above": "pretraining helps there against a new network",
    "lies below": "pretraining harms there",
    "contains": "which network is ahead is not known",
}
EXAMPLE = 0.6  # an accuracy in the middle of those here


def rung_title(group: str) -> str:
    """A rung's name in sentences."""
    return quoted(group.replace("-", " "))


def summary(inputs: Inputs, size: int, rung: int, part: str) -> Summary:
    """The summary of a part of a rung, as the table of the ladder has it."""
    table = inputs.ladder
    rows = table[
        (table["subset_size"] == size)
        & (table["quantity"] == MEASURE)
        & (table["rung"] == rung)
        & (table["part"] == part)
    ]
    return Summary.of_row({"seeds": 0} if rows.empty else rows.iloc[0])


def _published(model: str) -> float:
    """A network's balanced accuracy in the slides' table."""
    return float(published.best().set_index("model").loc[model, MEASURE])


def published_gap() -> float:
    """Pretrained less new in the slides' table, a share."""
    return _published("pretrained") - _published("new")


def _as_printed(model: str) -> str:
    return f"{100 * _published(model):.2f}{THIN}%"


def headlines(inputs: Inputs, size: int) -> list[str]:
    """What is left of the gap and what changed it, in a few sentences."""
    ladder = inputs.study.ladder
    if not ladder or inputs.ladder.empty:
        return []
    settled = [index for index, rung in enumerate(ladder) if SETTLES in rung.mends]
    left = range(max(1, settled[0] if settled else len(ladder) - 1), len(ladder))
    gaps = [_gap_line(inputs, size, rung) for rung in left]
    return [
        f"{_slides_line(inputs.study)} {_gap_line(inputs, size, 0)}".strip(),
        " ".join([*gaps, _worth(inputs, size)]),
        *baselines.lines(inputs, size),
        _largest_line(inputs, size),
        *disagreements(inputs, size),
        *_best_looks(inputs.study),
    ]


def _slides_line(study: Study) -> str:
    """The slides' own gap, where the study repeats their experiment."""
    if not is_of_slides(study):
        return ""
    return (
        f"The slides report {_as_printed('pretrained')} balanced accuracy for the pretrained "
        f"network and {_as_printed('new')} for the new one: a gap of "
        f"{points(published_gap()).lstrip('+')}, from one seed."
    )


def _best_looks(study: Study) -> list[str]:
    """A warning on the rungs that report their best epoch."""
    best = {arm.group for arm in study.arms.values() if arm.reported_epoch == "best-on-test"}
    rungs = [rung_title(rung.group) for rung in study.ladder if rung.group in best]
    if not rungs:
        return []
    return [
        f"Values on {join(rungs)} are the best of many looks at the test images, so they are too "
        "high."
    ]


def _gap_line(inputs: Inputs, size: int, rung: int) -> str:
    """The gap on a rung, and its share of the published one where that stands beside it."""
    ladder = inputs.study.ladder
    gap = summary(inputs, size, rung, "gap")
    if not gap.n:
        return f"On the rung {rung_title(ladder[rung].group)} no seed has a value of both networks."
    share = ""
    if gap.mean is not None and is_of_slides(inputs.study):
        share = f", {100 * gap.mean / published_gap():.0f}{THIN}% of the published gap"
    flaws = [name for item in ladder[: rung + 1] for name in item.mends if _is_flaw(name)]
    return (
        f"With {count(len(flaws), 'flaw')} mended ({rung_title(ladder[rung].group)}), the gap is "
        f"{gap.text(bare_points, POINTS)}{share}."
    )


def _worth(inputs: Inputs, size: int) -> str:
    """Whether pretraining helps on the last rung, and how far both networks get there."""
    last = len(inputs.study.ladder) - 1
    new, pretrained, gap = (
        summary(inputs, size, last, part) for part in ("new", "pretrained", "gap")
    )
    if gap.n == 0:
        return "The last rung has no seed in which both networks finished."
    if gap.mean is None:
        return f"An interval needs {MINIMUM_SEEDS} seeds."
    return (
        f"On the last rung the new network reaches {percent(new.mean)} and the pretrained one "
        f"{percent(pretrained.mean)}. The interval of the gap {place(gap)} zero: "
        f"{READINGS[place(gap)]}."
    )


def _largest_line(inputs: Inputs, size: int) -> str:
    """The rung that changed the gap most, and the rungs that cannot be told from no change."""
    steps = {
        index: item
        for index in range(1, len(inputs.study.ladder))
        if (item := summary(inputs, size, index, "step")).mean is not None
    }
    told = [index for index, item in steps.items() if place(item) != "contains"]
    if not told:
        return "No rung is known to have changed the gap: the seeds leave each change open."
    largest = max(told, key=lambda index: abs(steps[index].mean))
    rungs = range(1, len(inputs.study.ladder))
    unsettled = [_mends(inputs, index) for index in rungs if index not in told]
    return (
        f"Largest change of the gap: {steps[largest].text(bare_points, POINTS)}, by "
        f"{_mends(inputs, largest)}. Another order of the fixes can give it another share. "
        f"Not told apart from no change: {'; '.join(unsettled) or 'none'}."
    )


def _mends(inputs: Inputs, rung: int) -> str:
    """F1, F2: what is done instead."""
    names = inputs.study.ladder[rung].mends
    flaws, words = filter(_is_flaw, names), join(MENDED.get(name, name) for name in names)
    return ": ".join(filter(None, (", ".join(flaws), words))) or "nothing mended"


def _is_flaw(name: str) -> bool:
    return name in MENDED and name[0] == "F"


def ladder_table(inputs: Inputs, size: int) -> Table:
    """A row for each rung with what it mends: gap, change, both arms; the slides first, if any."""
    slides = [bare_points(published_gap()), "", *map(_as_printed, ("new", "pretrained"))]
    printed = Cell("Slides", "as printed, one seed; 10\u202f000 test images")
    images = images_by_rung(inputs, size)
    rows = [[printed, *map(Cell, slides)]] if is_of_slides(inputs.study) else []
    for index, rung in enumerate(inputs.study.ladder):
        new, pretrained, gap, step = (
            summary_cell(summary(inputs, size, index, part), shown) for part, shown in PARTS.items()
        )
        title = sentence(rung.group.replace("-", " "))
        rows.append(
            [
                Cell(title, f"{_mends(inputs, index)}; {whole(images.get(index, 0))} test images"),
                replace(gap, last=_on_first(inputs, size, index)),
                replace(step, last=_alone(inputs, size, index)) if index else Cell(""),
                replace(new, last=_recomputed(inputs, size, index)),
                pretrained,
            ]
        )
    return Table(HEADS, rows)


def _alone(inputs: Inputs, size: int, rung: int) -> str:
    """What the rung's fixes change where all else is sound already."""
    item = summary(inputs, size, rung, f"{PUT_BACK}step")
    if not item.n:
        return ""
    return f"alone, in the sound protocol: {item.text(bare_points, short=True)}"


def disagreements(inputs: Inputs, size: int) -> list[str]:
    """Where a fix changes the gap otherwise in the sound protocol than at its place, in words."""
    ladder = inputs.study.ladder
    orders = {
        index: item
        for index in range(1, len(ladder))
        if (item := summary(inputs, size, index, "order")).n
    }
    if not orders:
        return []
    told = {
        index: item
        for index, item in orders.items()
        if item.mean is not None and place(item) != "contains"
    }
    if not told:
        return [
            "No fix is known to change the gap otherwise at its place on the ladder than in the "
            "sound protocol."
        ]
    listed = (
        f"{_mends(inputs, index)} ({item.text(bare_points, POINTS)})"
        for index, item in told.items()
    )
    return [
        "The order of the fixes matters. On the ladder these change the gap by another amount than "
        f"alone in the sound protocol (difference in brackets): {'; '.join(listed)}."
    ]


def _recomputed(inputs: Inputs, size: int, rung: int) -> str:
    """What a new network has learnt where running BatchNorm statistics hide it (F9)."""
    arm = arms_of_rung(inputs.study, rung)["new"]
    settings = inputs.study.arms[arm]
    if settings.batchnorm != "running" or settings.optimiser_holds != "network":
        return ""
    rows = _after_last_epoch(inputs, arm, size)
    item = summarise(rows["test_balanced_accuracy_recalibrated"].to_numpy(dtype=float))
    if item.mean is None:
        return ""
    return (
        f"recomputed BatchNorm statistics, last epoch, {whole(rows['test_images'].min())} images: "
        f"{item.text(percent, short=True)}"
    )


def _after_last_epoch(inputs: Inputs, arm: str, size: int) -> pd.DataFrame:
    """Rows of the epochs' table by seed: they have both BatchNorm statistics."""
    rows = of_arm(inputs.metrics, arm, size)
    if inputs.study.arms[arm].early_stopping:
        return rows.sort_values("epoch").drop_duplicates("seed", keep="last").set_index("seed")
    return rows[rows["epoch"] == inputs.study.arms[arm].epochs].set_index("seed")


def _on_first(inputs: Inputs, size: int, rung: int) -> str:
    """The gap after the last epoch on as many test images as the rung with the fewest has."""
    images = images_by_rung(inputs, size)
    fewest = min(images.values(), default=0)
    if images.get(rung, 0) <= fewest:
        return ""
    values = {}
    for part, arm in arms_of_rung(inputs.study, rung).items():
        rows = _after_last_epoch(inputs, arm, size)
        values[part] = rows[f"test_balanced_accuracy_{inputs.study.arms[arm].batchnorm}"]
    gap = summarise((values["pretrained"] - values["new"]).to_numpy(dtype=float))
    return f"on the first {whole(fewest)} test images: {gap.text(bare_points, short=True)}"


def spread_of_images(inputs: Inputs, size: int) -> str:
    """How far another choice of test images would move an accuracy; empty without results."""
    amounts, table = images_by_rung(inputs, size).values(), inputs.ladder
    gaps = table[(table["subset_size"] == size) & (table["part"] == "gap")]
    with_interval = gaps[(gaps["quantity"] == MEASURE) & gaps["mean"].notna()]
    over_both = with_interval["images"].notna()
    if not amounts or over_both.all():  # also where there is no interval
        return ""
    deviation = math.sqrt(EXAMPLE * (1 - EXAMPLE) / min(amounts))
    return (
        "All seeds are tested on the same images. "
        f"{'Some' if over_both.any() else 'The'} intervals are over seeds. They leave out "
        f"that another choice of {whole(min(amounts))} test images would move an accuracy of "
        f"{percent(EXAMPLE)} by {points(deviation).lstrip('+')} (one standard deviation)."
    )


def images_by_rung(inputs: Inputs, size: int) -> dict[int, int]:
    """Test images behind the reported values, by rung; the fewest where its arms differ."""
    runs = inputs.runs[inputs.runs["subset_size"] == size].dropna(subset="reported_test_images")
    amounts = runs.groupby("arm")["reported_test_images"].min()
    found = {
        rung: [amounts[arm] for arm in arms_of_rung(inputs.study, rung).values() if arm in amounts]
        for rung in range(len(inputs.study.ladder))
    }
    return {rung: int(min(values)) for rung, values in found.items() if values}
