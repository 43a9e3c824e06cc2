"""The laboratory's part of the theory section: experiments, verdicts, and limits of their means."""

import pandas as pd

from tlstudy.audit.theory_statistics import CONDITION, of, ratios
from tlstudy.audit.transfer_index import transfer_index
from tlstudy.config.exposures import EXPOSURES
from tlstudy.report.format import THIN, count, duration, join, number, percent, whole
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import how_it_was_run, ledger
from tlstudy.report.sentences.invariance import index_words
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
    "kernel": (
        "Invariance of kernel learners",
        "Kernel ridge regression on 50 of scikit-learn\u2019s digits is shown turned images of no "
        "class, of half of the classes or of all, and is tested on turned images of the other "
        "half; one learner sees turned copies, the other\u2019s kernel pools over turns",
    ),
}
# Residual up to which a network counts as fitted. The other experiment trains for few steps.
FITTED = {"diagonal": diagonal_networks.INTERPOLATES, "relu": relu_networks.INTERPOLATES}
METHODS = {
    "fine-tuned": "fine-tuned",
    "scratch": "from scratch",
    "multi-task": "on both tasks at once",
}
# The ratios of `tlstudy.audit.theory_statistics.ratios` in words, by experiment and measure.
RATIOS = {
    "diagonal": {"price": "Penalty over the least", "change": "Squared change over the least"},
    "relu": {
        "price": "Squared change over the penalty of the units",
        "change": "Squared change over the least that was found",
    },
}
FAR = 1.1  # a tenth above the least
OF_DIVERGED = ["network", "optimiser", "scale"]


def tally(inputs: Inputs) -> str:
    """How many of the laboratory's claims have which verdict."""
    return ledger.tally(inputs.laboratory_claims, "tested in the laboratory")


def experiment(inputs: Inputs, name: str) -> dict:
    title, words = EXPERIMENTS[name]
    claims = inputs.laboratory_claims
    rows = claims[claims["experiment"] == name].to_dict("records")
    return {
        "name": name,
        "title": title,
        "words": words,
        "entries": [ledger.entry(row, _link(inputs, row["figure"])) for row in rows],
        "notes": notes(inputs.laboratory, name),
    }


def _link(inputs: Inputs, figure: str) -> str:
    return f"figure-{figure}" if figure in inputs.study_figures else ""


def ran(inputs: Inputs) -> str:
    """Machine, versions and time of the experiments; empty without a record."""
    runs = inputs.laboratory_runs
    if runs.empty:
        return ""
    processor, numpy, torch = (
        join(how_it_was_run.distinct(runs, column)) for column in ("processor", "numpy", "torch")
    )
    return (
        f"All together took {duration(float(runs['seconds'].sum()))} of one core "
        f"({processor}; NumPy {numpy} and PyTorch {torch})."
    )


def notes(table: pd.DataFrame, experiment: str) -> list[str]:
    """Sentences on an experiment's rows of `tlstudy.storage.laboratory_columns.LABORATORY`."""
    rows = table[table["experiment"] == experiment]
    if rows.empty:
        return []
    if experiment == "kernel":
        return transfer_notes(rows)
    if experiment not in FITTED:
        return diverged_notes(rows)
    return [
        *(note for method in METHODS if (note := _fit_note(rows, method, FITTED[experiment]))),
        *(_ratio_note(rows, *ratio) for ratio in RATIOS[experiment].items()),
    ]


def transfer_notes(rows: pd.DataFrame) -> list[str]:
    """The transfer index of each learner: 1 if invariance passes fully, 0 if not at all."""
    found = []
    for network, words in (
        ("averaged-kernel", "pools over turns"),
        ("plain-kernel", "does not pool over turns"),
    ):
        measured = of(rows, "accuracy_turned", network=network)
        by_seed = measured.pivot(index="seed", columns="method", values="value")
        values = [by_seed[exposure].to_numpy(dtype=float) for exposure in EXPOSURES]
        none, half, whole_set = (each.mean() for each in values)
        found.append(
            f"Where the kernel {words}, accuracy on turned images of the other half is "
            f"{percent(none)} if no class is shown turned, {percent(half)} if half of the classes "
            f"are, and {percent(whole_set)} if all are. Transfer index: "
            f"{index_words(transfer_index(*values), 3)}"
        )
    return found


def _fit_note(rows: pd.DataFrame, method: str, fitted: float) -> str:
    """How many networks did not fit their training samples, and the worst; empty without any."""
    left = of(rows, "residual", method=method)
    if left.empty:
        shown = not of(rows, "test_error", method=method).empty
        return f"Networks trained {METHODS[method]}: no residual was kept." if shown else ""
    above = left[~(left["value"] <= fitted)]
    worst = left.loc[left["value"].idxmax()]
    return (
        f"Networks trained {METHODS[method]}: {whole(len(above))} of {whole(len(left))} did not "
        "fit their training samples (norm of the residuals above "
        f"{number(fitted, 1)} of that of the targets). The largest residual is "
        f"{number(worst['value'])} ({condition_words(worst)}, seed {worst['seed']})."
    )


def _ratio_note(rows: pd.DataFrame, measure: str, words: str) -> str:
    """A ratio of the paid to the least: how many conditions are far above, and the worst."""
    found = of(ratios(rows), measure)
    means = condition_means(found)
    far, worst = means["value"] > FAR, means.loc[means["value"].idxmax()]
    return (
        f"{words}: more than a tenth above 1 in {whole(far.sum())} of "
        f"{count(len(means), 'condition')} ({_percent(far.mean())}; means over "
        f"{count(found['seed'].nunique(), 'seed')}). The worst is {_percent(worst['value'] - 1)} "
        f"above ({condition_words(worst)})."
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
