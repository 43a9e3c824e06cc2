"""The ladder in words and as a table: the gap after each fix, and the fix that changed it most."""

import math
from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from tlstudy.audit.flaws import MENDED
from tlstudy.audit.ladder import arms_of_rung
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import other_groups, rung_groups
from tlstudy.data import published
from tlstudy.report.format import (
    POINTS,
    THIN,
    Cell,
    bare_points,
    count,
    join,
    percent,
    points,
    quoted,
    sentence,
    spelled,
    summary_cell,
    whole,
)
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.series import of_arm
from tlstudy.report.tables import Table

HEADS = ["Rung", "Gap, points", "Change of the gap", "New", "Pretrained", "Seeds"]
SETTLES = "F9"  # from the rung that mends this on, test values are those of what was learnt
MEASURE = "balanced_accuracy"
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


def in_points(item: Summary, short: bool = False) -> str:
    """+3.1 points (bootstrap interval +2.0 to +4.2, 5 seeds)."""
    return item.text(bare_points, POINTS, short)


def published_accuracies() -> pd.Series:
    """Balanced accuracy in the slides' table, by model: new and pretrained."""
    return published.best().set_index("model")["balanced_accuracy"]


def published_gap() -> float:
    """Pretrained less new in the slides' table, a share."""
    slides = published_accuracies()
    return float(slides["pretrained"] - slides["new"])


def headlines(inputs: Inputs, size: int) -> list[str]:
    """What is left of the published gap and what changed it, in a few sentences."""
    if not inputs.study.ladder or inputs.ladder.empty:
        return []
    first = f"{_slides_line()} {_first_line(inputs, size)}"
    left = f"{_left_line(inputs, size)} {_worth(inputs, size)}"
    return [first, left, _largest_line(inputs, size)]


def _slides_line() -> str:
    new, pretrained = (_as_printed(name) for name in ("new", "pretrained"))
    return (
        f"The slides report {pretrained} balanced accuracy for the pretrained network and {new} "
        f"for the new one: a gap of {points(published_gap()).lstrip('+')}, from one seed."
    )


def _as_printed(model: str) -> str:
    return f"{100 * published_accuracies()[model]:.2f}{THIN}%"


def _first_line(inputs: Inputs, size: int) -> str:
    first = inputs.study.ladder[0].group
    again = "Run again as published" if first == "published" else f"On the rung {rung_title(first)}"
    text = f"{again}, the gap is {in_points(summary(inputs, size, 0, 'gap'))}."
    arms = [arm for arm in inputs.study.arms.values() if arm.group == first]
    if any(arm.optimiser_holds == "another-network" for arm in arms):
        text += " It compares a trained network with one that was never trained."
    if any(arm.reported_epoch == "best-on-test" for arm in arms):
        text += " Each value is the best of many looks at the test images, so it is too high."
    return text


def _left_line(inputs: Inputs, size: int) -> str:
    """The gap at each rung from the one that settles BatchNorm on, beside the published one."""
    ladder = inputs.study.ladder
    settled = [index for index, rung in enumerate(ladder) if SETTLES in rung.mends]
    first = settled[0] if settled else len(ladder) - 1
    item = summary(inputs, size, first, "gap")
    share = ""
    if item.mean is not None:
        share = f": {100 * item.mean / published_gap():.0f}{THIN}% of the published gap"
    text = f"{_mended_by(inputs, first)}, a gap of {in_points(item)} is left{share}."
    later = [
        f"{in_points(summary(inputs, size, index, 'gap'), short=True)} on "
        f"{rung_title(ladder[index].group)}"
        for index in range(first + 1, len(ladder))
    ]
    return f"{text} Further up the ladder it is {join(later)}." if later else text


def _mended_by(inputs: Inputs, rung: int) -> str:
    """The flaws that are mended on a rung, in words."""
    names = [name for item in inputs.study.ladder[: rung + 1] for name in item.mends]
    if not names:
        return "With nothing mended"
    verb = "is" if len(names) == 1 else "are"
    listed = join(MENDED.get(name, name) for name in names)
    return f"Once {count(len(names), 'flaw')} of the protocol {verb} mended ({listed})"


def _worth(inputs: Inputs, size: int) -> str:
    """Whether pretraining helps on the last rung, and how far both networks get there."""
    last = len(inputs.study.ladder) - 1
    new, pretrained, gap = (
        summary(inputs, size, last, part) for part in ("new", "pretrained", "gap")
    )
    if gap.n == 0:
        return "The last rung has no seed in which both networks finished."
    if gap.mean is None:
        return (
            f"On the last rung both networks finished in {count(gap.n, 'seed')}; an interval needs "
            f"{spelled(MINIMUM_SEEDS)}."
        )
    reach = (
        f"On the last rung the new network reaches {percent(new.mean)} and the pretrained one "
        f"{percent(pretrained.mean)}"
    )
    if gap.low > 0:
        return (
            f"{reach}. The interval of the gap lies above zero: pretraining helps there against a "
            "new network. Nothing else that learns from these images is compared."
        )
    if gap.high < 0:
        return f"{reach}. The interval of the gap lies below zero: pretraining harms there."
    return f"{reach}. The interval of the gap contains zero, so which is ahead is not known."


def _largest_line(inputs: Inputs, size: int) -> str:
    """The rung that changed the gap most, and the rungs that cannot be told from no change."""
    steps = {
        index: item
        for index in range(1, len(inputs.study.ladder))
        if (item := summary(inputs, size, index, "step")).mean is not None
    }
    told = [index for index, item in steps.items() if item.low > 0 or item.high < 0]
    if not told:
        return "No rung is known to have changed the gap: the seeds leave each change open."
    largest = max(told, key=lambda index: abs(steps[index].mean))
    fix = sentence(_fix(inputs, largest))
    line = f"{fix} changed the gap most: by {in_points(steps[largest])}."
    if largest > 1:
        line += " Another order of the fixes can give it another share."
    unsettled = [_fix(inputs, index) for index in steps if index not in told]
    return f"{line} Not told apart from no change: {join(unsettled)}." if unsettled else line


def _fix(inputs: Inputs, rung: int) -> str:
    names = inputs.study.ladder[rung].mends
    words = join(MENDED.get(name, name) for name in names)
    flaws = join(filter(_is_flaw, names))
    return f"{flaws} ({words})" if flaws else words or rung_title(inputs.study.ladder[rung].group)


def _is_flaw(name: str) -> bool:
    return name in MENDED and name[0] == "F"


def hidden_line(inputs: Inputs, size: int) -> str:
    """What new networks have learnt on the rungs that judge them by running statistics (F9)."""
    parts = []
    for index, rung in enumerate(inputs.study.ladder):
        arm = arms_of_rung(inputs.study, index)["new"]
        settings = inputs.study.arms[arm]
        if settings.batchnorm == "running" and settings.optimiser_holds == "network":
            rows = of_arm(inputs.runs, arm, size)["final_test_balanced_accuracy_recalibrated"]
            item = summarise(rows.to_numpy(dtype=float))
            if item.mean is not None:
                parts.append(f"{item.text(percent, short=True)} on {rung_title(rung.group)}")
    if not parts:
        return ""
    return (
        "Running BatchNorm statistics hide what a new network has learnt. With recomputed "
        f"statistics its accuracy after the last epoch is {join(parts)}."
    )


def ladder_table(inputs: Inputs, size: int) -> Table:
    """The slides, then a row for each rung with what it mends: gap, its change, both arms."""
    slides = [bare_points(published_gap()), "", *map(_as_printed, ("new", "pretrained"))]
    rows = [[Cell("Slides", "as printed"), *map(Cell, slides), Cell("", "1")]]
    for index, rung in enumerate(inputs.study.ladder):
        new, pretrained, gap, step = (
            summary(inputs, size, index, part) for part in ("new", "pretrained", "gap", "step")
        )
        words = join(MENDED.get(name, name) for name in rung.mends)
        flaws = ", ".join(filter(_is_flaw, rung.mends))
        mends = f"{flaws}: {words}" if flaws else words or "nothing mended"
        rows.append(
            [
                Cell(sentence(rung.group.replace("-", " ")), mends),
                _ends_below(gap, bare_points),
                _ends_below(step, bare_points) if index else Cell(""),
                _ends_below(new, percent),
                _ends_below(pretrained, percent),
                Cell("", str(gap.n)),
            ]
        )
    return Table(HEADS, rows)


def _ends_below(item: Summary, shown: Callable[[float], str]) -> Cell:
    """A value with its interval; the number of seeds has a column of its own."""
    found = summary_cell(item, shown)
    return replace(found, note=found.note.partition(";")[0])


def shown_rungs(inputs: Inputs) -> str:
    """Which rungs the figures by arm show; empty where they show all."""
    others = other_groups(inputs.study)
    if not others:
        return ""
    shown = [rung_title(group) for group in rung_groups(inputs.study) if group not in others]
    return (
        f"Figures with a line or a panel for each arm show the rungs {join(shown)}. A second "
        f"figure, folded in below, shows the other {count(len(others), 'rung')}."
    )


def tested_on(inputs: Inputs, size: int) -> str:
    """How many test images each rung is judged on, what more of them do, and their own spread."""
    amounts = images_by_rung(inputs, size)
    if not amounts:
        return ""
    fewest = min(amounts.values())
    titles = [rung_title(rung.group) for rung in inputs.study.ladder]
    alike = {
        amount: [titles[rung] for rung in amounts if amounts[rung] == amount]
        for amount in amounts.values()
    }
    told = " and ".join(f"{whole(amount)} on {join(rungs)}" for amount, rungs in alike.items())
    others = [
        f"{in_points(gap, short=True)} on {titles[rung]}"
        for rung, amount in amounts.items()
        if amount > fewest and (gap := gap_on_first(inputs, size, rung)).n
    ]
    again = f" On the first {whole(fewest)} of them the gap is {join(others)}." if others else ""
    deviation = math.sqrt(EXAMPLE * (1 - EXAMPLE) / fewest)
    return (
        f"All seeds are tested on the same images: {told if len(alike) > 1 else whole(fewest)}."
        f"{again} The intervals are over seeds. They leave out that another choice of "
        f"{whole(fewest)} test images would move an accuracy of {percent(EXAMPLE)} by "
        f"{points(deviation).lstrip('+')} (one standard deviation)."
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


def gap_on_first(inputs: Inputs, size: int, rung: int) -> Summary:
    """Pretrained less new after the last epoch on the images that are looked at every epoch."""
    values = {}
    for part, arm in arms_of_rung(inputs.study, rung).items():
        settings = inputs.study.arms[arm]
        rows = of_arm(inputs.metrics, arm, size)
        rows = rows[rows["epoch"] == settings.epochs].set_index("seed")
        values[part] = rows[f"test_balanced_accuracy_{settings.batchnorm}"]
    return summarise((values["pretrained"] - values["new"]).to_numpy(dtype=float))
