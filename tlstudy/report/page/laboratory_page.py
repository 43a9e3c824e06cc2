"""The page of a study without arms: the laboratory's results and how they were made."""

from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.report.format import duration, join, seeds, sentence
from tlstudy.report.inputs import Inputs
from tlstudy.report.page import theory as theory_section
from tlstudy.report.sentences import how_it_was_run, laboratory, theory
from tlstudy.report.tables import Table

TITLE = "Why transfer learning should help: Proposition 3 in the laboratory"
SAME_FOR_ALL = {
    "processor": "processors",
    "numpy": "versions of NumPy",
    "torch": "versions of PyTorch",
}
MADE_WITH = {"processor": "Processor", "python": "Python", "numpy": "NumPy", "torch": "PyTorch"}


def page(inputs: Inputs) -> dict:
    """Names and values for the template."""
    study, runs = inputs.study, inputs.laboratory_runs
    titles = [laboratory.EXPERIMENTS[name][0] for name in study.laboratory.experiments]
    return {
        "study": study,
        "title": study.title or TITLE,
        "progress": inputs.progress,
        "theory": theory_section.section(inputs),
        "opening": [
            *filter(None, [laboratory.tally(inputs)]),
            theory.formula_line(inputs.formulas),
        ],
        "facts": [
            ("Experiments", sentence(join(title[:1].lower() + title[1:] for title in titles))),
            ("Seeds", f"{seeds(study.seed)} ({len(study.seed)})"),
        ],
        "warnings": [
            *how_it_was_run.unlike(runs, SAME_FOR_ALL),
            *how_it_was_run.modified_code(runs),
        ],
        "machine": machine(inputs),
        "times": times(inputs),
        "minimum_seeds": MINIMUM_SEEDS,
        "configuration": how_it_was_run.configuration(inputs.progress.study),
    }


def machine(inputs: Inputs) -> list[tuple[str, str]]:
    """Machine, versions and code of the experiments, one fact a row."""
    runs = inputs.laboratory_runs
    return [
        *(
            (name, join(how_it_was_run.distinct(runs, column)))
            for column, name in MADE_WITH.items()
        ),
        *how_it_was_run.code_and_time(runs, "All experiments and seeds, one after the other"),
    ]


def times(inputs: Inputs) -> Table:
    """A row for each experiment: its seeds and their time."""
    rows = []
    for experiment, seconds in inputs.laboratory_runs.groupby("experiment", sort=False)["seconds"]:
        values = (seconds.min(), seconds.max(), seconds.sum())
        told = [duration(float(value)) for value in values]
        rows.append([laboratory.EXPERIMENTS[experiment][0], str(len(seconds)), *told])
    return Table(["Experiment", "Seeds", "Shortest", "Longest", "In all"], rows)
