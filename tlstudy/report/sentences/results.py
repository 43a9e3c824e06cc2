"""The table of results: every arm and the paired difference, beside the slides."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from tlstudy.audit.statistics import Summary, paired_differences, reference_arms, summarise
from tlstudy.config.settings import Arm
from tlstudy.data import published
from tlstudy.report.format import MISSING, THIN, join, loss, percent, points, whole
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.protocol import MOST_ARM_COLUMNS, Table, grouped_arms, label

MEASURES = {"balanced_accuracy": "Balanced accuracy", "loss": "Loss, nats"}
ROLES = {"random": "New", "pretrained": "Pretrained"}
DIFFERENCE = "Difference"
NO_INTERVAL = ", too few for an interval"
MOST_COLUMNS = 3  # more groups than this are listed downwards


@dataclass(frozen=True)
class Cell:
    """A value with what stands under it in small print.

    Attributes:
        last: a second line of small print: the last epoch, where another one is reported.
    """

    text: str
    note: str = ""
    last: str = ""


@dataclass(frozen=True)
class Block:
    """The rows of one measure: a head and cells for each."""

    measure: str
    rows: list[tuple[str, list[Cell]]]


@dataclass(frozen=True)
class ResultTable:
    """Columns' heads and one block of rows for each measure."""

    corner: str
    heads: list[str]
    blocks: list[Block]


def role(arm: Arm) -> str:
    """Where the arm starts from, as far as arms of different groups correspond."""
    return "random" if arm.initialisation == "random" else "pretrained"


def reported(inputs: Inputs, arm: str, size: int, measure: str) -> pd.Series:
    """(seeds,) reported values of an arm by seed; diverged runs have none."""
    rows = inputs.runs
    rows = rows[(rows["arm"] == arm) & (rows["subset_size"] == size)]
    return rows.set_index("seed")[f"reported_{measure}"].astype(float).dropna()


def differences(inputs: Inputs, arm: str, size: int, measure: str) -> pd.Series:
    """(seeds,) an arm's reported value less that of its reference, seed by seed."""
    reference = reference_arms(inputs.study)[arm]
    table = paired_differences(inputs.runs, f"reported_{measure}", {arm: reference})
    table = table[table["subset_size"] == size]
    return table.set_index("seed")["difference"].astype(float).dropna()


def group_title(name: str) -> str:
    """How a group of arms is called in heads; `main` is the name of a group left unnamed."""
    return {"published": "Ours, as published", "corrected": "Ours, corrected", "main": "Ours"}.get(
        name, f"Ours, {name.replace('-', ' ')}"
    )


def comparable_pairs(inputs: Inputs) -> bool:
    """True if each group is one new and one pretrained arm, so that groups line up."""
    return all(
        [role(arm) for _, arm in arms] == ["random", "pretrained"]
        for arms in grouped_arms(inputs.study).values()
    )


def result_table(inputs: Inputs, size: int) -> ResultTable:
    """New, pretrained and their difference beside the slides; arm by arm if groups differ."""
    if not comparable_pairs(inputs):
        return _listed(inputs, size)
    table = _side_by_side(inputs, size)
    return table if len(table.heads) <= MOST_COLUMNS else _transposed(table)


def _side_by_side(inputs: Inputs, size: int) -> ResultTable:
    groups = grouped_arms(inputs.study)
    columns = {measure: [_slides_column(measure)] for measure in MEASURES}
    for arms in groups.values():
        for measure in MEASURES:
            columns[measure].append(_pair_column(inputs, arms, size, measure))
    heads = [*ROLES.values(), DIFFERENCE]
    blocks = [
        Block(
            title,
            [
                (head, [column[row] for column in columns[measure]])
                for row, head in enumerate(heads)
            ],
        )
        for measure, title in MEASURES.items()
    ]
    return ResultTable("Network", ["Slides", *map(group_title, groups)], blocks)


def _transposed(table: ResultTable) -> ResultTable:
    blocks = []
    for block in table.blocks:
        columns = zip(*(cells for _, cells in block.rows), strict=True)
        blocks.append(Block(block.measure, list(zip(table.heads, map(list, columns), strict=True))))
    return ResultTable("Protocol", [head for head, _ in table.blocks[0].rows], blocks)


def _slides_column(measure: str) -> list[Cell]:
    slides = published.best().set_index("model")[measure]
    new, pretrained = float(slides["new"]), float(slides["pretrained"])
    difference = difference_text(measure, pretrained - new) + points_unit(measure)
    return [
        *(Cell(_as_published(measure, value)) for value in (new, pretrained)),
        Cell(difference, "one seed: no interval"),
    ]


def _as_published(measure: str, value: float) -> str:
    """A number of the slides with the digits that they give."""
    return f"{value:.4f}" if measure == "loss" else f"{100 * value:.2f}{THIN}%"


def _pair_column(
    inputs: Inputs, arms: Sequence[tuple[str, Arm]], size: int, measure: str
) -> list[Cell]:
    (reference, _), (other, _) = arms
    return [
        *(arm_cell(inputs, name, size, measure) for name in (reference, other)),
        difference_cell(inputs, other, size, measure),
    ]


def _listed(inputs: Inputs, size: int) -> ResultTable:
    """One row for each arm, with its difference from the arm it is compared with."""
    blocks = []
    for measure, title in MEASURES.items():
        for group, arms in grouped_arms(inputs.study).items():
            rows = list(_arm_rows(inputs, arms, size, measure))
            blocks.append(Block(f"{title}: {group_title(group).lower()}", rows))
    return ResultTable("Arm", ["Value", "Difference from the reference"], blocks)


def _arm_rows(
    inputs: Inputs, arms: Sequence[tuple[str, Arm]], size: int, measure: str
) -> Iterator[tuple[str, list[Cell]]]:
    references, named = reference_arms(inputs.study), inputs.study.arms
    several = len({name for name, _ in arms} - set(references)) > 1
    for name, arm in arms:
        difference = Cell("reference")
        if name in references:
            other = references[name]
            difference = difference_cell(inputs, name, size, measure)
            if several:
                difference = replace(difference, last=f"from {label(other, named[other])}")
        yield label(name, arm), [arm_cell(inputs, name, size, measure), difference]


def arm_cell(inputs: Inputs, arm: str, size: int, measure: str) -> Cell:
    """An arm's value with its interval or range, and how many runs stand behind it."""
    summary = summarise(reported(inputs, arm, size, measure).to_numpy())
    found = cell(summary, lambda value: value_text(measure, value))
    # That seeds are few is said once, at the difference: a value alone claims no interval.
    note = found.note.removesuffix(NO_INTERVAL) if summary.n != 1 else ""
    notes = [note, _lost(inputs, arm, size)]
    last = last_epoch_text(inputs, arm, size, measure)
    return Cell(found.text, "; ".join(note for note in notes if note), last)


def last_epoch_text(inputs: Inputs, arm: str, size: int, measure: str) -> str:
    """The last epoch on the final test images, for arms that report the best one on test images."""
    settings, rows = inputs.study.arms[arm], inputs.runs
    rows = rows[(rows["arm"] == arm) & (rows["subset_size"] == size)]
    rows = rows[rows["status"] == "finished"]
    summary = summarise(rows[f"final_test_{measure}_{settings.batchnorm}"].to_numpy(dtype=float))
    if settings.reported_epoch != "best-on-test" or summary.n == 0:
        return ""
    found = cell(summary, lambda value: value_text(measure, value))
    note = f" ({found.note.removesuffix(NO_INTERVAL)})" if summary.n > 1 else ""
    amounts = join((whole(amount) for amount in sorted(set(rows["final_test_images"]))), "or")
    return f"last epoch, {amounts} images: {found.text}{note}"


def _lost(inputs: Inputs, arm: str, size: int) -> str:
    rows = inputs.runs[(inputs.runs["arm"] == arm) & (inputs.runs["subset_size"] == size)]
    lost = int((rows["status"] != "finished").sum())
    return f"{lost} of {len(rows)} diverged" if lost else ""


def difference_cell(inputs: Inputs, arm: str, size: int, measure: str) -> Cell:
    """The paired difference with its interval; from fewer than five seeds there is none."""
    summary = summarise(differences(inputs, arm, size, measure).to_numpy())
    unit = points_unit(measure)
    return cell(summary, lambda value: difference_text(measure, value), unit)


def points_unit(measure: str) -> str:
    """Unit of a difference, written once after an interval or a range."""
    return "" if measure == "loss" else f"{THIN}points"


def cell(summary: Summary, shown: Callable[[float], str], unit: str = "") -> Cell:
    """A mean with its interval, a range or a single value, whatever the seeds allow."""
    if summary.n == 0:
        return Cell(MISSING, "no finished run")
    if summary.n == 1:
        return Cell(shown(summary.smallest) + unit, "one seed: no interval")
    if summary.mean is None:
        text = f"{shown(summary.smallest)} to {shown(summary.largest)}{unit}"
        return Cell(text, f"range of {summary.n} seeds{NO_INTERVAL}")
    # One unit is enough for both ends.
    low = shown(summary.low).removesuffix(f"{THIN}%")
    between = f"{low} to {shown(summary.high)}"
    return Cell(shown(summary.mean) + unit, f"{between}; {summary.n} seeds")


def value_text(measure: str, value: float) -> str:
    """A share in per cent, a loss in nats."""
    return loss(value) if measure == "loss" else percent(value)


def difference_text(measure: str, value: float) -> str:
    """A difference with its sign: percentage points, or nats."""
    return loss(value, sign=True) if measure == "loss" else points(value, unit=False)


def seed_table(inputs: Inputs, size: int) -> Table:
    """Reported values of every run: the points behind the means, seed by seed.

    Many arms are listed downwards.
    """
    names = [(name, label(name, arm)) for name, arm in inputs.study.arms.items()]
    heads = ["Seed", *(title for _, title in names)]
    rows = [
        [str(seed), *(_run_text(inputs, name, size, seed) for name, _ in names)]
        for seed in inputs.study.seed
    ]
    middle = ["Interquartile mean", *(_middle(inputs, name, size) for name, _ in names)]
    table = Table(heads, [*rows, middle])
    if len(names) <= MOST_ARM_COLUMNS:
        return table
    columns = [list(column) for column in zip(table.heads, *table.rows, strict=True)]
    return Table(["Arm", *columns[0][1:]], columns[1:])


def _run_text(inputs: Inputs, arm: str, size: int, seed: int) -> str:
    values = [reported(inputs, arm, size, measure).get(seed) for measure in MEASURES]
    if None not in values:
        return f"{percent(values[0])}, {loss(values[1])}"
    rows = inputs.runs
    there = rows[(rows["arm"] == arm) & (rows["subset_size"] == size) & (rows["seed"] == seed)]
    return str(there["status"].iloc[0]) if len(there) else "no result"


def _middle(inputs: Inputs, arm: str, size: int) -> str:
    summaries = [summarise(reported(inputs, arm, size, measure).to_numpy()) for measure in MEASURES]
    if summaries[0].interquartile_mean is None:
        return "fewer than five seeds"
    shares, losses = (summary.interquartile_mean for summary in summaries)
    return f"{percent(shares)}, {loss(losses)}"
