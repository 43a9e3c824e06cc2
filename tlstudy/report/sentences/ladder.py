"""The ladder in words and as a table: what is left of the published gap, and what changed it."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from tlstudy.audit.flaws import MENDED
from tlstudy.audit.ladder import arms_of_rung
from tlstudy.audit.statistics import Summary, summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import other_groups, rung_groups
from tlstudy.data import published
from tlstudy.report.format import THIN, count, join, percent, points, sentence, spelled
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import results
from tlstudy.report.sentences.results import Cell

HEADS = ["Gap, points", "Change of the gap", "New", "Pretrained", "Seeds"]
SETTLES = "F9"  # from the rung that mends this on, test values are those of what was learnt
MEASURE = "balanced_accuracy"


def rung_title(group: str) -> str:
    """A rung's name in sentences."""
    return f"\u201c{group.replace('-', ' ')}\u201d"


def summary(inputs: Inputs, size: int, rung: int, part: str) -> Summary:
    """The summary of a part of a rung, as the table of the ladder has it."""
    table = inputs.ladder
    rows = table[
        (table["subset_size"] == size)
        & (table["quantity"] == MEASURE)
        & (table["rung"] == rung)
        & (table["part"] == part)
    ]
    if rows.empty:
        return Summary(0, None, None, None, None, None, None)
    names = ("mean", "low", "high", "interquartile_mean", "smallest", "largest")
    row = rows.iloc[0]
    values = (None if pd.isna(row[name]) else float(row[name]) for name in names)
    return Summary(int(row["seeds"]), *values)


def amount(item: Summary) -> str:
    """Points with their interval, their range or neither, whatever the seeds allow."""
    if item.n == 0:
        return "without a value"
    if item.mean is not None:
        ends = f"{points(item.low, unit=False)} to {points(item.high, unit=False)}"
        return f"{points(item.mean)} (bootstrap interval {ends}, {count(item.n, 'seed')})"
    if item.n == 1:
        return f"{points(item.smallest)} (one seed, so no interval)"
    ends = f"{points(item.smallest, unit=False)} to {points(item.largest)}"
    return f"{ends} (range of {count(item.n, 'seed')}, too few for an interval)"


def short_amount(item: Summary) -> str:
    """The same where seeds and kind of interval were said before."""
    if item.mean is None:
        return amount(item).partition(" (")[0]
    ends = f"{points(item.low, unit=False)} to {points(item.high, unit=False)}"
    return f"{points(item.mean)} ({ends})"


def published_gap() -> float:
    """Pretrained less new in the slides' table, a share."""
    slides = published.best().set_index("model")["balanced_accuracy"]
    return float(slides["pretrained"] - slides["new"])


def headlines(inputs: Inputs, size: int) -> list[str]:
    """What is left of the published gap and what changed it, in a few sentences."""
    if not inputs.study.ladder or inputs.ladder.empty:
        return []
    first = f"{_slides_line()} {_first_line(inputs, size)}"
    left = f"{_left_line(inputs, size)} {_worth(inputs, size)}"
    return [first, left, _largest_line(inputs, size)]


def _slides_line() -> str:
    slides = published.best().set_index("model")["balanced_accuracy"]
    return (
        f"The slides report {100 * slides['pretrained']:.2f}{THIN}% balanced accuracy for the "
        f"pretrained network and {100 * slides['new']:.2f}{THIN}% for the new one: a gap of "
        f"{_plain(published_gap())}, from one seed."
    )


def _plain(share: float) -> str:
    return points(share).lstrip("+")


def _first_line(inputs: Inputs, size: int) -> str:
    first = inputs.study.ladder[0].group
    again = "Run again as published" if first == "published" else f"On the rung {rung_title(first)}"
    text = f"{again}, the gap is {amount(summary(inputs, size, 0, 'gap'))}."
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
    text = f"Once {_mended_by(inputs, first)}, what is left is {amount(item)}{_share(item)}."
    later = [
        f"{short_amount(summary(inputs, size, index, 'gap'))} on {rung_title(ladder[index].group)}"
        for index in range(first + 1, len(ladder))
    ]
    return f"{text} Further up the ladder it is {join(later)}." if later else text


def _share(item: Summary) -> str:
    """The gap as a share of the published one; empty without a mean."""
    if item.mean is None or item.n == 0:
        return ""
    return f": {100 * item.mean / published_gap():.0f}{THIN}% of the published gap"


def _mended_by(inputs: Inputs, rung: int) -> str:
    """The flaws that are mended on a rung, in words."""
    names = [name for item in inputs.study.ladder[: rung + 1] for name in item.mends]
    if not names:
        return "nothing is mended"
    listed = join(MENDED.get(name, name) for name in names)
    verb = "is" if len(names) == 1 else "are"
    return f"{count(len(names), 'flaw')} of the protocol {verb} mended ({listed})"


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
            f"{reach}: pretraining helps there against a new network, as the interval of the gap "
            "lies above zero. Nothing else that learns from these images is compared."
        )
    if gap.high < 0:
        return f"{reach}: pretraining harms there, as the interval of the gap lies below zero."
    return f"{reach}; the interval of the gap contains zero, so which is ahead is not known."


def _largest_line(inputs: Inputs, size: int) -> str:
    """The rung that changed the gap most."""
    steps = {
        index: item
        for index in range(1, len(inputs.study.ladder))
        if (item := summary(inputs, size, index, "step")).n
    }
    if not steps:
        return "No two rungs can be compared."
    told = {index: item for index, item in steps.items() if not _contains_zero(item)}
    if not told:
        return "No rung changed the gap by more than the seeds leave open."
    index = max(told, key=lambda key: abs(_middle(told[key])))
    start = "What" if steps[index].mean is not None else "In these seeds, what"
    line = f"{start} changed the gap most is {_fix(inputs, index)}: by {amount(steps[index])}."
    if index > 1:
        line += " That is its share in this order of the fixes; in another order it is another."
    return f"{line} {_unsettled(inputs, steps)}".rstrip()


def _middle(item: Summary) -> float:
    return item.mean if item.mean is not None else (item.smallest + item.largest) / 2


def _fix(inputs: Inputs, rung: int) -> str:
    names = inputs.study.ladder[rung].mends
    words = join(MENDED.get(name, name) for name in names)
    flaws = join(name for name in names if name in MENDED and name != words and name[0] == "F")
    return f"{flaws} ({words})" if flaws else words or rung_title(inputs.study.ladder[rung].group)


def _unsettled(inputs: Inputs, steps: dict[int, Summary]) -> str:
    """The fixes whose effect on the gap cannot be told from none."""
    names = [_fix(inputs, index) for index, item in steps.items() if _contains_zero(item)]
    return f"Not told apart from no change: {join(names)}." if names else ""


def _contains_zero(item: Summary) -> bool:
    return item.mean is not None and item.low <= 0 <= item.high


def hidden_line(inputs: Inputs, size: int) -> str:
    """What new networks have learnt on the rungs that judge them by running statistics (F9)."""
    runs = inputs.runs[inputs.runs["subset_size"] == size]
    parts = []
    for index, rung in enumerate(inputs.study.ladder):
        arm = arms_of_rung(inputs.study, index)["new"]
        settings = inputs.study.arms[arm]
        if settings.batchnorm == "running" and settings.optimiser_holds == "network":
            rows = runs.loc[runs["arm"] == arm, "final_test_balanced_accuracy_recalibrated"]
            item = summarise(rows.to_numpy(dtype=float))
            if item.mean is not None:
                ends = f"{percent(item.low)} to {percent(item.high)}"
                parts.append(f"{percent(item.mean)} ({ends}) on {rung_title(rung.group)}")
    if not parts:
        return ""
    return (
        "Running BatchNorm statistics hide what a new network has learnt: with recomputed ones it "
        f"has, after the last epoch, {join(parts)}."
    )


def ladder_rows(inputs: Inputs, size: int) -> list[tuple[Cell, list[Cell]]]:
    """The slides, then a row for each rung with what it mends: gap, its change, both arms."""
    rows = [(Cell("Slides", "as printed"), _slides_cells())]
    for index, rung in enumerate(inputs.study.ladder):
        new, pretrained, gap, step = (
            summary(inputs, size, index, part) for part in ("new", "pretrained", "gap", "step")
        )
        title = sentence(rung.group.replace("-", " "))
        rows.append(
            (
                Cell(title, _mends_text(rung.mends)),
                [
                    _ends_below(gap, _bare),
                    _ends_below(step, _bare) if index else Cell(""),
                    *(_ends_below(item, percent) for item in (new, pretrained)),
                    Cell("", str(gap.n)),
                ],
            )
        )
    return rows


def _ends_below(item: Summary, shown: Callable[[float], str]) -> Cell:
    """A value with its interval; the number of seeds has a column of its own."""
    found = results.cell(item, shown)
    return replace(found, note=found.note.partition(";")[0])


def _bare(share: float) -> str:
    return points(share, unit=False)


def _mends_text(mends: list[str]) -> str:
    flaws = ", ".join(name for name in mends if name[0] == "F" and name[1:].isdigit())
    words = join(MENDED.get(name, name) for name in mends)
    return f"{flaws}: {words}" if flaws else words or "nothing mended"


def _slides_cells() -> list[Cell]:
    slides = published.best().set_index("model")["balanced_accuracy"]
    values = [Cell(f"{100 * slides[name]:.2f}{THIN}%") for name in ("new", "pretrained")]
    return [Cell(_bare(published_gap())), Cell(""), *values, Cell("", "1")]


def shown_rungs(inputs: Inputs) -> str:
    """Which rungs the figures by arm show; empty where they show all."""
    others = other_groups(inputs.study)
    if not others:
        return ""
    shown = [rung_title(group) for group in rung_groups(inputs.study) if group not in others]
    return (
        f"Where a figure has a line or a panel for each arm, it shows the rungs {join(shown)}; "
        f"the other {count(len(others), 'rung')} are folded in under it."
    )
