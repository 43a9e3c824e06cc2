"""The laboratory's part of the theory section: experiments, verdicts, and limits of their means."""

import pandas as pd

from tlstudy.audit.theory_claims import CONDITION, of, ratios
from tlstudy.config.catalogue import laboratory_figures
from tlstudy.report.format import THIN, count, duration, join, number, seeds, sentence, whole
from tlstudy.report.inputs import Inputs
from tlstudy.report.page.figures import study_figure
from tlstudy.report.sentences import how_it_was_run, ledger
from tlstudy.report.sentences.ledger import Entry
from tlstudy.theory import diagonal_networks, relu_networks

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
# Residual up to which a network counts as fitted. The other experiment trains for few steps.
FITTED = {"diagonal": diagonal_networks.INTERPOLATES, "relu": relu_networks.INTERPOLATES}
METHODS = {
    "fine-tuned": "fine-tuned",
    "scratch": "from scratch",
    "multi-task": "on both tasks at once",
}
# The ratios of `tlstudy.audit.theory_claims.ratios` in words, by experiment and measure.
RATIOS = {
    ("diagonal", "price"): "penalty over the least",
    ("diagonal", "change"): "squared change over the least",
    ("relu", "price"): "squared change over the penalty of the units",
    ("relu", "change"): "squared change over the least that was found",
}
FAR = 1.1  # a tenth above the least
OF_DIVERGED = ["network", "optimiser", "scale"]


def section(inputs: Inputs) -> dict:
    """Names and values for the template.

    `notes` of an experiment tell what the claims' means hide: networks that did not fit, and the
    worst conditions. `meanings` has the verdicts that occur.
    """
    verdicts = set(inputs.laboratory_claims["verdict"])
    figures = (study_figure(inputs, name) for name in laboratory_figures(inputs.study))
    return {
        "experiments": [_experiment(inputs, name) for name in inputs.study.laboratory.experiments],
        "seeds": f"{count(len(inputs.study.seed), 'seed')} ({seeds(inputs.study.seed)})",
        "ran": ran(inputs),
        "tally": tally(inputs),
        "meanings": [item for item in ledger.MEANINGS.items() if item[0] in verdicts],
        "figures": [figure for figure in figures if figure is not None],
    }


def _experiment(inputs: Inputs, name: str) -> dict:
    title, words = EXPERIMENTS[name]
    return {
        "name": name,
        "title": title,
        "words": words,
        "entries": entries(inputs, name),
        "notes": notes(inputs.laboratory, name),
    }


def ran(inputs: Inputs) -> str:
    """Machine, versions and time of the experiments; empty without a record."""
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
    """An experiment's claims with their verdicts, in the table's order."""
    rows = inputs.laboratory_claims
    rows = rows[rows["experiment"] == experiment].to_dict("records")
    return [ledger.entry(row, *_link(inputs, row["figure"])) for row in rows]


def _link(inputs: Inputs, figure: str) -> tuple[str, str]:
    there = figure in inputs.study_figures
    return (f"figure-{figure}", "See the figure.") if there else ("", "")


def tally(inputs: Inputs) -> str:
    """How many of the laboratory's claims have which verdict."""
    return ledger.tally_of(inputs.laboratory_claims, " tested in the laboratory,")


def notes(table: pd.DataFrame, experiment: str) -> list[str]:
    """Sentences on an experiment's rows of `tlstudy.storage.columns.LABORATORY`."""
    rows = table[table["experiment"] == experiment]
    if rows.empty:
        return []
    if experiment in FITTED:
        return [fit_note(rows, FITTED[experiment]), *ratio_notes(rows, experiment)]
    return diverged_notes(rows)


def fit_note(rows: pd.DataFrame, fitted: float) -> str:
    """How many networks did not fit their training samples, and the worst of them."""
    left = of(rows, "residual")
    above = left[~(left["value"] <= fitted)]
    shares = [
        f"{whole((above['method'] == method).sum())} of {whole((left['method'] == method).sum())} "
        f"{words}"
        for method, words in METHODS.items()
        if method in set(left["method"])
    ]
    worst = left.loc[left["value"].idxmax()]
    return (
        f"Of the networks trained, {join(shares)} stayed above {number(fitted, 1)}, the residual "
        "at which descent calls the training samples fitted (norm of the residuals over that of "
        f"the targets); the largest is {number(worst['value'])} ({METHODS[worst['method']]}: "
        f"{condition_words(worst)}, seed {worst['seed']}){_not_kept(rows, left)}."
    )


def _not_kept(rows: pd.DataFrame, left: pd.DataFrame) -> str:
    """Methods that the experiment's figures show but that have no residual."""
    shown, kept = set(of(rows, "test_error")["method"]), set(left["method"])
    missing = [words for method, words in METHODS.items() if method in shown - kept]
    return f"; no residual was kept of those {join(missing)}" if missing else ""


def ratio_notes(rows: pd.DataFrame, experiment: str) -> list[str]:
    """For each ratio of the paid to the least: its worst condition, and how many are far above."""
    found = ratios(rows)
    return [
        f"{sentence(words)}: {_ratio_words(of(found, measure))}."
        for (of_experiment, measure), words in RATIOS.items()
        if of_experiment == experiment
    ]


def _ratio_words(found: pd.DataFrame) -> str:
    means = condition_means(found)
    far, worst = means["value"] > FAR, means.loc[means["value"].idxmax()]
    return (
        f"more than a tenth above 1 in {whole(far.sum())} of {count(len(means), 'condition')} "
        f"({_percent(far.mean())}; means over {count(found['seed'].nunique(), 'seed')}); the worst "
        f"is {_percent(worst['value'] - 1)} above ({condition_words(worst)})"
    )


def condition_means(found: pd.DataFrame) -> pd.DataFrame:
    """A row for each condition: the mean over its seeds. Columns that do not apply are NaN."""
    return found.groupby(CONDITION, dropna=False, as_index=False)["value"].mean()


def _percent(share: float) -> str:
    return f"{number(100 * share)}{THIN}%"


def condition_words(row: pd.Series) -> str:
    """Such as "overlap 0, scale 10, gamma 0.03, samples 64", without what does not apply."""
    return ", ".join(f"{name} {row[name]:g}" for name in CONDITION if pd.notna(row[name]))


def diverged_notes(rows: pd.DataFrame) -> list[str]:
    """A sentence on the fine-tuned networks whose weights became NaN or infinite, if any did."""
    trained = of(rows, "alignment", method="fine-tuned")  # a row a network
    diverged = trained[trained["value"].isna()]
    if diverged.empty:
        return []
    where = "; ".join(f"{name} {join(_distinct(diverged[name]))}" for name in OF_DIVERGED)
    return [
        f"{whole(len(diverged))} of {whole(len(trained))} networks diverged ({where}): their seeds "
        "have no value in a claim that reads them."
    ]


def _distinct(values: pd.Series) -> list[str]:
    return [f"{one:g}" if isinstance(one, float) else str(one) for one in sorted(set(values))]
