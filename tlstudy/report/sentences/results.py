"""The table of results: every arm and the paired difference, beside the slides."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from tlstudy.audit.statistics import summarise
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import groups_of, is_of_slides, label_of, pairs_of
from tlstudy.config.settings import Study
from tlstudy.data import published
from tlstudy.report.format import (
    POINTS,
    THIN,
    Cell,
    bare_points,
    join,
    loss,
    percent,
    sentence,
    summary_cell,
    whole,
)
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import baselines
from tlstudy.report.sentences.series import difference_summary, of_arm, reported, reported_summary
from tlstudy.report.tables import Table, table_of_arms

MEASURES = {"balanced_accuracy": "Balanced accuracy", "loss": "Loss, nats"}
# How a measure and a difference of it are written, and the unit of the difference.
VALUES: dict[str, Callable[[float], str]] = {"balanced_accuracy": percent, "loss": loss}
DIFFERENCES = {"balanced_accuracy": (bare_points, POINTS), "loss": (partial(loss, sign=True), "")}


def group_title(study: Study, name: str) -> str:
    """How a group of arms is called in heads, beside the slides if they are repeated.

    `main` is the name of a group left unnamed.
    """
    if not is_of_slides(study):
        alone = len(groups_of(study)) == 1
        return "This study" if alone or name == "main" else sentence(name.replace("-", " "))
    if name == "main":
        return "Ours"
    words = {"published": "as published"}.get(name, name.replace("-", " "))
    return f"Ours, {words}"


def comparable_pairs(inputs: Inputs) -> bool:
    """True if each group is one new and one pretrained arm after it, so that groups line up.

    And if both learn the same images: others are not compared.
    """
    groups, pairs = groups_of(inputs.study), pairs_of(inputs.study, inputs.study.arms)
    compared = all(inputs.references.get(other) == first for first, other in pairs.values())
    return compared and [*pairs.values()] == [*map(tuple, groups.values())]


def result_table(inputs: Inputs, size: int) -> Table:
    """Protocols with both arms and their difference; or all arms one by one.

    The slides stand beside them if the study repeats their experiment.
    """
    groups = groups_of(inputs.study)
    rows: list[list[str | Cell]] = []
    if not comparable_pairs(inputs):
        for measure, title in MEASURES.items():
            for group, arms in groups.items():
                group = f": {group_title(inputs.study, group).lower()}" if len(groups) > 1 else ""
                rows.append([f"{title}{group}"])
                rows += _arm_rows(inputs, arms, size, measure)
                if measure == "balanced_accuracy":
                    rows += baselines.alone(inputs, arms, size)
        heads = ["Arm", "Value", "Difference from the reference"]
        if len(inputs.study.arms) == 1:
            heads, rows = heads[:2], [row[:2] for row in rows]
        return Table(heads, rows)
    for measure, title in MEASURES.items():
        rows += [[title], *([_slides_row(measure)] if is_of_slides(inputs.study) else [])]
        for group, arms in groups.items():
            cells = [arm_cell(inputs, arm, size, measure) for arm in arms]
            difference = difference_cell(inputs, arms[1], size, measure)
            rows.append([group_title(inputs.study, group), *cells, difference])
        if measure == "balanced_accuracy":
            rows += baselines.rows(inputs, size)
    return Table(["Protocol", "New", "Pretrained", "Difference"], rows)


def _slides_row(measure: str) -> list[str | Cell]:
    slides = published.best().set_index("model")[measure]
    new, pretrained = float(slides["new"]), float(slides["pretrained"])
    # With the digits that the slides give.
    shown = (
        f"{v:.4f}" if measure == "loss" else f"{100 * v:.2f}{THIN}%" for v in (new, pretrained)
    )
    write, unit = DIFFERENCES[measure]
    difference = Cell(write(pretrained - new) + unit, "one seed, no interval")
    return ["Slides", *map(Cell, shown), difference]


def _arm_rows(
    inputs: Inputs, arms: list[str], size: int, measure: str
) -> Iterator[list[str | Cell]]:
    """One row for each arm, with its difference from the arm it is compared with."""
    for arm in arms:
        difference = Cell("reference")
        if arm in inputs.references:
            other = label_of(inputs.study, inputs.references[arm])
            difference = difference_cell(inputs, arm, size, measure)
            difference = replace(difference, last=f"from {other}")
        yield [label_of(inputs.study, arm), arm_cell(inputs, arm, size, measure), difference]


def arm_cell(inputs: Inputs, arm: str, size: int, measure: str) -> Cell:
    """An arm's value with its interval or range, and how many of its runs diverged."""
    found = summary_cell(reported_summary(inputs, arm, size, measure), VALUES[measure])
    runs = of_arm(inputs.runs, arm, size)
    lost = int((runs["status"] != "finished").sum())
    note = f"{found.note}; {lost} of {len(runs)} diverged" if lost else found.note
    return Cell(found.text, note, last_epoch_text(inputs, arm, size, measure))


def last_epoch_text(inputs: Inputs, arm: str, size: int, measure: str) -> str:
    """The last epoch on the final test images, for arms that report the best one on test images."""
    settings, rows = inputs.study.arms[arm], of_arm(inputs.runs, arm, size)
    if settings.reported_epoch != "best-on-test":
        return ""
    rows = rows[rows["status"] == "finished"]
    summary = summarise(rows[f"final_test_{measure}_{settings.batchnorm}"].to_numpy(dtype=float))
    if summary.n == 0:
        return ""
    amounts = join((whole(amount) for amount in sorted(set(rows["final_test_images"]))), "or")
    return f"last epoch, {amounts} images: {summary.text(VALUES[measure], short=True)}"


def difference_cell(inputs: Inputs, arm: str, size: int, measure: str) -> Cell:
    """The paired difference with its interval; with too few seeds there is none."""
    return summary_cell(difference_summary(inputs, arm, size, measure), *DIFFERENCES[measure])


def seed_table(inputs: Inputs, size: int) -> Table:
    """Reported values of every run: the points behind the means, seed by seed."""
    arms = list(inputs.study.arms)
    rows = [
        [str(seed), *(_run_text(inputs, arm, size, seed) for arm in arms)]
        for seed in inputs.study.seed
    ]
    if len(inputs.study.seed) >= MINIMUM_SEEDS:
        rows.append(["Interquartile mean", *(_middle(inputs, arm, size) for arm in arms)])
    return table_of_arms("Seed", [label_of(inputs.study, arm) for arm in arms], rows)


def _run_text(inputs: Inputs, arm: str, size: int, seed: int) -> str:
    values = [reported(inputs, arm, size, measure).get(seed) for measure in MEASURES]
    if None not in values:
        return f"{percent(values[0])}, {loss(values[1])}"
    runs = of_arm(inputs.runs, arm, size)
    there = runs[runs["seed"] == seed]
    return str(there["status"].iloc[0]) if len(there) else "no result"


def _middle(inputs: Inputs, arm: str, size: int) -> str:
    shares, losses = (
        summarise(reported(inputs, arm, size, measure).to_numpy()).interquartile_mean
        for measure in MEASURES
    )
    return "too few seeds" if shares is None else f"{percent(shares)}, {loss(losses)}"
