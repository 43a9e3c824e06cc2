"""The table of results as CSV, LaTeX or Markdown, with the report's intervals."""

import re
from collections.abc import Iterator
from dataclasses import asdict

import pandas as pd

from tlstudy.audit.statistics import Summary, reference_arms
from tlstudy.config.groups import groups_of, label_of
from tlstudy.config.settings import Study
from tlstudy.config.tables import ALL_TABLES
from tlstudy.jobs.progress import progress
from tlstudy.jobs.tables import read_table
from tlstudy.report.format import MINUS, MISSING, THIN, summary_cell
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.progress import section
from tlstudy.report.sentences.results import DIFFERENCES, MEASURES, VALUES
from tlstudy.report.sentences.series import difference_summary, of_arm, reported_summary
from tlstudy.storage.columns import schema

# Of a summary: what is told of values, and of differences.
ENDS = ("mean", "low", "high", "smallest", "largest")
MARKUP = re.compile(r"[\\`*_\[\]<>|~$&]")  # of Markdown, within a line
FORMULA = ("=", "+", "-", "@")  # with which one begins in a spreadsheet
UNITS = {"balanced_accuracy": "share, 0 to 1", "loss": "nats"}


def results_inputs(study: Study) -> Inputs:
    """What the table of results is made from: runs, and answers on test images.

    Raises:
        UserError: the study has no tables yet.
    """
    tables = {name: read_table(study, name) for name in ("runs", "answers")}
    empty = {
        name: schema(dict(ALL_TABLES[name])).empty_table().to_pandas()
        for name in ("metrics", "layers")
    }
    return Inputs(study=study, progress=section(progress(study)), **tables, **empty)


def results_frame(study: Study) -> pd.DataFrame:
    """A row for each arm and number of training images; `attrs["units"]` has the units.

    Columns: arm, label, group, subset_size, runs, diverged, and of each measure m
    (balanced_accuracy, loss): m_seeds, m_images (test images that the interval is over, beside the
    seeds), m_mean, m_low and m_high (95 % interval; empty below five seeds), m_smallest, m_largest;
    the same of m_difference, from the arm in `reference`, which an arm that is one itself lacks.
    """
    inputs = results_inputs(study)
    frame = pd.DataFrame(list(_rows(inputs)))
    counts = [name for name in frame if name.endswith(("_seeds", "_images"))]
    frame = frame.astype(dict.fromkeys(counts, "Int64"))  # which may be empty
    frame.attrs["units"] = {
        f"{measure}{part}_{end}": unit
        for measure, unit in UNITS.items()
        for part in ("", "_difference")
        for end in ENDS
    }
    return frame


def _rows(inputs: Inputs) -> Iterator[dict[str, object]]:
    study, references = inputs.study, reference_arms(inputs.study)
    for size in study.subset_size:
        for arm in [arm for arms in groups_of(study).values() for arm in arms]:
            runs = of_arm(inputs.runs, arm, size)
            row = {
                "arm": arm,
                "label": label_of(study, arm),
                "group": study.arms[arm].group,
                "subset_size": size,
                "runs": len(runs),
                "diverged": int((runs["status"] == "diverged").sum()),
                "reference": references.get(arm, ""),
            }
            for measure in MEASURES:
                row |= _columns(measure, reported_summary(inputs, arm, size, measure))
                difference = (
                    difference_summary(inputs, arm, size, measure)
                    if arm in references
                    else Summary(0)
                )
                row |= _columns(f"{measure}_difference", difference)
            yield row


def _columns(name: str, summary: Summary) -> dict[str, object]:
    values = asdict(summary)
    ends = {f"{name}_{end}": values[end] for end in ENDS}
    return {f"{name}_seeds": summary.n, f"{name}_images": summary.images, **ends}


def exported(study: Study, form: str) -> str:
    """The table as text.

    Args:
        form: csv, with all numbers; latex or markdown, as it is printed.
    """
    if form == "csv":
        frame = results_frame(study)
        frame["label"] = frame["label"].map(_no_formula)
        return frame.to_csv(index=False, lineterminator="\n")
    heads, *rows = _printed(results_inputs(study))
    return (_latex if form == "latex" else _markdown)(heads, rows)


def _no_formula(label: str) -> str:
    """A label that spreadsheets show: text that begins like a formula they would execute."""
    return f"'{label}" if label.startswith(FORMULA) else label


def _printed(inputs: Inputs) -> Iterator[list[str]]:
    study, references = inputs.study, reference_arms(inputs.study)
    yield [
        "Arm",
        "Training images",
        "Balanced accuracy",
        "Loss, nats",
        "Difference of accuracies",
        "Difference of losses",
        "Difference from",
    ]
    for size in study.subset_size:
        for arm in [arm for arms in groups_of(study).values() for arm in arms]:
            row = [label_of(study, arm), str(size)]
            for measure in MEASURES:
                row.append(_cell(reported_summary(inputs, arm, size, measure), VALUES[measure]))
            for measure in MEASURES:
                if arm in references:
                    found = difference_summary(inputs, arm, size, measure)
                    row.append(_cell(found, *DIFFERENCES[measure]))
                else:
                    row.append(MISSING)
            reference = references.get(arm)
            yield [*row, label_of(study, reference) if reference else MISSING]


def _cell(summary: Summary, *written: object) -> str:
    cell = summary_cell(summary, *written)
    return f"{cell.text} ({cell.note})" if cell.note else cell.text


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    shown = ([MARKUP.sub(r"\\\g<0>", cell) for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in shown)


# In the order in which they are replaced; the backslash comes first.
LATEX = {
    "\\": r"\textbackslash ",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde ",
    "^": r"\textasciicircum ",
    THIN: r"\,",
    MINUS: "$-$",
    MISSING: "--",
    "\N{DEGREE SIGN}": r"$^\circ$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
}


def _latex(heads: list[str], rows: list[list[str]]) -> str:
    """A tabular of booktabs; it needs nothing else."""
    lines = [r"\begin{tabular}{l" + "r" * (len(heads) - 2) + "l}", r"\toprule"]
    lines += [" & ".join(map(_tex, heads)) + r" \\", r"\midrule"]
    lines += [" & ".join(map(_tex, row)) + r" \\" for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _tex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)
