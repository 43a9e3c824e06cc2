"""The table of results as CSV, LaTeX or Markdown, with the report's intervals."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pandas as pd

from tlstudy.audit.statistics import Summary
from tlstudy.config.groups import groups_of, label_of
from tlstudy.config.settings import Study
from tlstudy.config.sweeps import swept_keys, swept_values
from tlstudy.jobs.tables import read_table
from tlstudy.report.format import MINUS, MISSING, THIN, join, sentence
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences.results import DIFFERENCES, MEASURES, VALUES
from tlstudy.report.sentences.series import (
    difference_summary,
    of_arm,
    reported_summary,
)

# Of a summary: what is told of values, and of differences.
ENDS = {
    "mean": "mean over seeds",
    "low": "lower end of the 95 % interval of the mean; empty below five seeds",
    "high": "upper end of it",
    "smallest": "smallest of the seeds",
    "largest": "largest of the seeds",
}
COUNTS = {
    "seeds": "number of seeds that have one",
    "images": "test images that the interval is over, beside the seeds; empty if over seeds alone",
}
COLUMNS = {
    "arm": "name of the arm",
    "label": "its label",
    "group": "arms of a group are compared",
    "subset_size": "number of training images",
    "runs": "runs of the arm with that number of training images",
    "diverged": "how many of them diverged",
    "reference": "the arm that differences are from; empty for such an arm",
}

MARKUP = re.compile(r"[\\`*_\[\]<>|~$&]")  # of Markdown, within a line
UNITS = {"balanced_accuracy": "share, 0 to 1", "loss": "nats"}


def results_inputs(study: Study) -> Inputs:
    """What the table of results is made from: runs, and answers on test images.

    Raises:
        UserError: the study has no tables yet.
    """
    tables = {name: read_table(study, name) for name in ("runs", "answers")}
    return Inputs(study=study, **tables)


def results_frame(study: Study) -> pd.DataFrame:
    """A row for each arm and number of training images; `attrs` has units and descriptions.

    Columns: arm, label, group, subset_size, each swept key, runs, diverged, and of each measure m
    (balanced_accuracy, loss): m_seeds, m_images (test images that the interval is over, beside the
    seeds), m_mean, m_low and m_high (95 % interval; empty below five seeds), m_smallest, m_largest;
    the same of m_difference, from the arm in `reference`, which an arm that is one itself lacks.
    """
    inputs = results_inputs(study)
    frame = pd.DataFrame(list(_rows(inputs)))
    for key in swept_keys(study.arms):
        with suppress(ValueError):  # not all are numbers
            frame[key] = pd.to_numeric(frame[key])
    counts = [name for name in frame if name.endswith(("_seeds", "_images"))]
    frame = frame.astype(dict.fromkeys(counts, "Int64"))  # which may be empty
    units = {}
    columns = COLUMNS | {key: f"the swept key {key}" for key in swept_keys(study.arms)}
    for measure, unit in UNITS.items():
        name = measure.replace("_", " ")
        for part, of in (("", name), ("_difference", f"{name} less that of the reference")):
            units |= {f"{measure}{part}_{end}": unit for end in ENDS}
            columns |= {
                f"{measure}{part}_{end}": f"{of}: {told}" for end, told in (ENDS | COUNTS).items()
            }
    frame.attrs = {"units": units, "columns": columns}
    return frame


def _rows(inputs: Inputs) -> Iterator[dict[str, object]]:
    study, references = inputs.study, inputs.references
    swept = swept_keys(study.arms)
    for size in study.subset_size:
        for arm in [arm for arms in groups_of(study).values() for arm in arms]:
            runs = of_arm(inputs.runs, arm, size)
            row = {
                "arm": arm,
                "label": label_of(study, arm),
                "group": study.arms[arm].group,
                "subset_size": size,
                **dict.fromkeys(swept, ""),
                **swept_values(arm),
                "runs": len(runs),
                "diverged": int((runs["status"] == "diverged").sum()),
                "reference": references.get(arm, ""),
            }
            for measure in MEASURES:
                row |= _columns(measure, reported_summary(inputs, arm, size, measure))
                found = Summary(0)
                if arm in references:
                    found = difference_summary(inputs, arm, size, measure)
                row |= _columns(f"{measure}_difference", found)
            yield row


def _columns(name: str, summary: Summary) -> dict[str, object]:
    """With the mean of any number of seeds."""
    ends = {f"{name}_{end}": value for end, value in asdict(summary).items() if end in ENDS}
    ends[f"{name}_mean"] = summary.plain_mean
    return {f"{name}_seeds": summary.n, f"{name}_images": summary.images, **ends}


def exported(study: Study, form: str) -> str:
    """The table as text.

    Args:
        form: csv, with all numbers; latex or markdown, as it is printed.
    """
    if form == "csv":
        return results_frame(study).to_csv(index=False, lineterminator="\n")
    return (_latex if form == "latex" else _markdown)(*_printed(results_inputs(study)))


# Heads of the columns with numbers, in their order.
NUMBERS = ("Balanced accuracy", "Loss, nats")
NUMBERS += ("Difference of accuracies", "Difference of losses, nats")


def _printed(inputs: Inputs) -> tuple[list[str], list[list[str]], str]:
    """Heads, rows, and a note on the brackets: what all cells of a column share is said there."""
    study, references = inputs.study, inputs.references
    swept = swept_keys(study.arms)
    beside, parts = [], []
    for size in study.subset_size:
        for arm in [arm for arms in groups_of(study).values() for arm in arms]:
            label, values = _without_sweep(study, arm)
            reference = references.get(arm)
            other = MISSING
            if reference:
                named, same = _without_sweep(study, reference)
                other = named if same == values else label_of(study, reference)
            first = [label, *(values.get(key, MISSING) for key in swept), str(size)]
            beside.append((first, other))
            parts.append(list(_parts(inputs, arm, size, reference)))
    over = [{each[2] for each in column if each[2]} for column in zip(*parts, strict=True)]
    rows = [
        [*first, *map(_cell, found, over), other]
        for (first, other), found in zip(beside, parts, strict=True)
    ]
    heads = ["Arm", *(sentence(key.replace("_", " ")) for key in swept), "Training images"]
    intervals = any(each[1] for row in parts for each in row)
    return [*heads, *NUMBERS, "Difference from"], rows, _note(over, intervals)


def _parts(
    inputs: Inputs, arm: str, size: int, reference: str | None
) -> Iterator[tuple[str, str, str]]:
    """Value, interval and what it is over, of each column with numbers."""
    for measure in MEASURES:
        yield _written(reported_summary(inputs, arm, size, measure), VALUES[measure])
    for measure in MEASURES:
        if reference:
            found = difference_summary(inputs, arm, size, measure)
            yield _written(found, *DIFFERENCES[measure])
        else:
            yield MISSING, "", ""


def _written(summary: Summary, *written: Any) -> tuple[str, str, str]:
    if summary.n == 0:
        return MISSING, "", "no value"
    return summary.parts(*written)


def _cell(parts: tuple[str, str, str], over: set[str]) -> str:
    value, interval, own = parts
    note = "; ".join(filter(None, (interval, own if len(over) > 1 else "")))
    return f"{value} ({note})" if note else value


def _note(over: list[set[str]], intervals: bool) -> str:
    """What the brackets are, and what all cells of a column share."""
    shared: dict[str, list[str]] = {}
    for head, found in zip(NUMBERS, over, strict=True):
        if len(found) == 1:
            shared.setdefault(next(iter(found)), []).append(head.partition(",")[0])
    told = [f"In brackets: 95{THIN}% intervals."] if intervals else []
    for each, heads in shared.items():
        over = "over " if each[0].isdigit() else ""
        told.append(f"{sentence(join(heads).lower())}: {over}{each}.")
    return " ".join(told)


def _without_sweep(study: Study, arm: str) -> tuple[str, dict[str, str]]:
    """Label of an arm and the values of its sweep, as the label had them at its end."""
    label, values = label_of(study, arm), swept_values(arm)
    for key in reversed(values):
        before, found, value = label.rpartition(f", {key.replace('_', ' ')} ")
        if found:
            label, values[key] = before, value
    return label, values


def _markdown(heads: list[str], rows: list[list[str]], note: str = "") -> str:
    """A table, and the note below it."""
    lines = [heads, ["---"] * len(heads), *rows]
    shown = ([MARKUP.sub(r"\\\g<0>", cell) for cell in line] for line in lines)
    table = "".join(f"| {' | '.join(line)} |\n" for line in shown)
    return f"{table}\n{note}\n" if note else table


# In the order in which they are replaced; the backslash comes first.
LATEX = {
    "\\": r"\textbackslash ",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde ",
    "^": r"\textasciicircum ",
    "<": r"\textless ",
    ">": r"\textgreater ",
    "|": r"\textbar ",
    THIN: r"\,",
    MINUS: "$-$",
    MISSING: "--",
    "\N{DEGREE SIGN}": r"$^\circ$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
}


def _latex(heads: list[str], rows: list[list[str]], note: str) -> str:
    """A tabular of booktabs, below comments with what it needs and the note."""
    lines = [r"% Needs \usepackage{booktabs}.", f"% {note.replace(THIN, ' ')}".strip()]
    lines += [r"\begin{tabular}{l" + "r" * (len(heads) - 2) + "l}", r"\toprule"]
    # A row that began with [ or * would be read as an option of the line before.
    head, *others = ("{}" * row[0].startswith(("[", "*")) + _row(row) for row in (heads, *rows))
    lines += [head, r"\midrule", *others]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _row(cells: list[str]) -> str:
    return " & ".join(map(_tex, cells)) + r" \\"


def _tex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)
