"""The page of a study without arms: the laboratory's results and how they were made."""

import pandas as pd

from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.report.format import duration, join, seeds, sentence
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import how_it_was_run, laboratory, theory
from tlstudy.report.tables import Table

SAME_FOR_ALL = {
    "processor": "processors",
    "numpy": "versions of NumPy",
    "torch": "versions of PyTorch",
}
MADE_WITH = {"processor": "Processor", "python": "Python", "numpy": "NumPy", "torch": "PyTorch"}


def page(inputs: Inputs) -> dict:
    """Names and values for the template."""
    return {
        "study": inputs.study,
        "progress": inputs.progress,
        "theory": theory.section(inputs),
        "opening": opening(inputs),
        "facts": facts(inputs),
        "warnings": warnings(inputs),
        "machine": machine(inputs),
        "times": times(inputs),
        "minimum_seeds": MINIMUM_SEEDS,
        "configuration": how_it_was_run.configuration(inputs.progress.study),
    }


def opening(inputs: Inputs) -> list[str]:
    """The results for the first screen: the laboratory's verdicts, the slides' formula."""
    return [*filter(None, [laboratory.tally(inputs)]), theory.formula_line(inputs.formulas)]


def facts(inputs: Inputs) -> list[tuple[str, str]]:
    """Experiments and seeds."""
    titles = [laboratory.EXPERIMENTS[name][0] for name in inputs.study.laboratory.experiments]
    return [
        ("Experiments", sentence(join(title[:1].lower() + title[1:] for title in titles))),
        ("Seeds", f"{seeds(inputs.study.seed)} ({len(inputs.study.seed)})"),
    ]


def warnings(inputs: Inputs) -> list[str]:
    """Sentences on differences between runs, and on code that was in no commit."""
    return [
        *how_it_was_run.unlike(inputs.laboratory_runs, SAME_FOR_ALL),
        *how_it_was_run.modified_code(inputs.laboratory_runs),
    ]


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
    runs = inputs.laboratory_runs.groupby("experiment", sort=False)["seconds"]
    rows = [_time_row(experiment, seconds) for experiment, seconds in runs]
    return Table(["Experiment", "Seeds", "Shortest", "Longest", "In all"], rows)


def _time_row(experiment: str, seconds: pd.Series) -> list[str]:
    values = (seconds.min(), seconds.max(), seconds.sum())
    title, _ = laboratory.EXPERIMENTS[experiment]
    return [title, str(len(seconds)), *(duration(float(value)) for value in values)]
