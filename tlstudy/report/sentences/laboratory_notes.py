"""What means over the laboratory's conditions hide: networks that did not fit or that diverged, and
the conditions in which gradient descent pays most."""

import pandas as pd

from tlstudy.audit.theory_claims import CONDITION, of, ratios
from tlstudy.report.format import THIN, count, join, number, sentence, whole
from tlstudy.theory import diagonal, relu

# Residual from which on a network counts as fitted, by experiment; the others train for few steps.
FITTED = {"diagonal": diagonal.INTERPOLATES, "relu": relu.INTERPOLATES}
METHODS = {
    "fine-tuned": "fine-tuned",
    "scratch": "from scratch",
    "multi-task": "on both tasks at once",
}
# What a ratio of `tlstudy.audit.theory_claims.ratios` is of, by experiment and measure.
RATIOS = {
    ("diagonal", "price"): "penalty over the least",
    ("diagonal", "change"): "squared change over the least",
    ("relu", "price"): "squared change over the penalty of the units",
    ("relu", "change"): "squared change over the least that was found",
}
FAR = 1.1  # a tenth above the least
OF_DIVERGED = ["network", "optimiser", "scale"]


def notes(table: pd.DataFrame, experiment: str) -> list[str]:
    """Sentences on an experiment's rows of `tlstudy.storage.columns.LABORATORY`."""
    rows = table[table["experiment"] == experiment]
    if rows.empty:
        return []
    if experiment in FITTED:
        return [fit_note(rows, FITTED[experiment]), *ratio_notes(rows, experiment)]
    return diverged_notes(rows)


def fit_note(rows: pd.DataFrame, fitted: float) -> str:
    """How many networks stayed above the residual called fitted, and the worst of them."""
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
    """Which networks the experiment's figures show without a residual."""
    shown, kept = set(of(rows, "test_error")["method"]), set(left["method"])
    missing = [words for method, words in METHODS.items() if method in shown - kept]
    return f"; no residual was kept of those {join(missing)}" if missing else ""


def ratio_notes(rows: pd.DataFrame, experiment: str) -> list[str]:
    """Of every ratio of what was paid to the least: its worst condition, and how many are far."""
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
    """A row a condition: the mean over its seeds; columns that do not apply are NaN."""
    return found.groupby(CONDITION, dropna=False, as_index=False)["value"].mean()


def _percent(share: float) -> str:
    return f"{number(100 * share)}{THIN}%"


def condition_words(row: pd.Series) -> str:
    """overlap 0, scale 10, gamma 0.03, samples 64: what applies."""
    return ", ".join(f"{name} {row[name]:g}" for name in CONDITION if pd.notna(row[name]))


def diverged_notes(rows: pd.DataFrame) -> list[str]:
    """A sentence on the fine-tuned networks whose weights stopped being finite, if there are."""
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
