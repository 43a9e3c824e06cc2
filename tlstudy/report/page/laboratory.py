"""The laboratory's part of the theory section, and the page of a study that has nothing else."""

from dataclasses import dataclass

from tlstudy.config.catalogue import laboratory_figures
from tlstudy.report.format import count, duration, join, seeds
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.figures import PageFigure, study_figure
from tlstudy.report.sentences import how_it_was_run, ledger
from tlstudy.report.sentences.laboratory_notes import notes
from tlstudy.report.sentences.ledger import Entry

EXPERIMENTS = {
    "diagonal": (
        "Diagonal linear networks",
        "Every coefficient is a product of an input and an output weight, so that the penalty of "
        "Corollary 2 and the least change of the weights can both be minimised exactly and held "
        "against what gradient descent finds",
    ),
    "relu": (
        "Two-layer ReLU networks",
        "A small teacher network sets the task, the student is pretrained on another teacher that "
        "shares some of its features, all or none, and is then fine-tuned on few samples",
    ),
    "batchnorm": (
        "Rescaled weights under BatchNorm",
        "The pretrained weights of a small network with BatchNorm, and of one without it for "
        "contrast, are multiplied by a factor before it is fine-tuned, with learning rates that "
        "undo the factor under BatchNorm and others that do not",
    ),
}
LIBRARIES = {"numpy": "NumPy", "torch": "PyTorch"}


@dataclass(frozen=True)
class Experiment:
    """One of the laboratory's experiments with the claims that it decides.

    Attributes:
        notes: what the claims' means hide: networks that did not fit, the worst conditions.
    """

    name: str
    title: str
    words: str
    entries: list[Entry]
    notes: list[str]


@dataclass(frozen=True)
class Laboratory:
    """What the laboratory measured.

    Attributes:
        seeds: over which seeds, in words.
        ran: on what it was run, and how long it took.
        tally: how many of its claims have which verdict.
        meanings: what each verdict that occurs means.
    """

    experiments: list[Experiment]
    seeds: str
    ran: str
    tally: str
    meanings: list[tuple[str, str]]
    figures: list[PageFigure]


def of_study(inputs: Inputs) -> Laboratory:
    """The laboratory of a study that has one."""
    verdicts = set(inputs.laboratory_claims["verdict"])
    names = laboratory_figures(inputs.study)
    return Laboratory(
        experiments=[
            Experiment(
                name, *EXPERIMENTS[name], entries(inputs, name), notes(inputs.laboratory, name)
            )
            for name in inputs.study.laboratory.experiments
        ],
        seeds=f"{count(len(inputs.study.seed), 'seed')} ({seeds(inputs.study.seed)})",
        ran=ran(inputs),
        tally=tally(inputs),
        meanings=[item for item in ledger.MEANINGS.items() if item[0] in verdicts],
        figures=[drawn for name in names if (drawn := study_figure(inputs, name)) is not None],
    )


def ran(inputs: Inputs) -> str:
    """On what the experiments were run, and how long they took; empty without a record."""
    runs = inputs.laboratory_runs
    if runs.empty:
        return ""
    versions = join(
        f"{name} {join(how_it_was_run.distinct(runs, column))}"
        for column, name in LIBRARIES.items()
    )
    return (
        f"All together took {duration(float(runs['seconds'].sum()))} of one core "
        f"({join(how_it_was_run.distinct(runs, 'processor'))}; {versions})."
    )


def entries(inputs: Inputs, experiment: str) -> list[Entry]:
    """An experiment's claims with their verdicts, in their table's order."""
    rows = inputs.laboratory_claims
    rows = rows[rows["experiment"] == experiment].to_dict("records")
    return [ledger.entry(row, *_link(inputs, row["figure"])) for row in rows]


def _link(inputs: Inputs, figure: str) -> tuple[str, str]:
    there = figure in inputs.study_figures
    return (f"figure-{figure}", "See the figure.") if there else ("", "")


def tally(inputs: Inputs) -> str:
    """How many of the laboratory's claims have which verdict."""
    return ledger.tally_of(inputs.laboratory_claims, " tested in the laboratory,")
