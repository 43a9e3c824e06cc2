"""Claims that the laboratory tests, with the effect sizes that were stated in advance."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tlstudy.audit.statistics import summarise
from tlstudy.audit.theory_statistics import (
    OVERLAPS,
    WITHOUT_BATCHNORM,
    alignment,
    difference,
    excess,
    gain,
    log2_errors,
    nested,
    rank_correlation,
    smallest_step,
    transfer,
)
from tlstudy.audit.verdicts import by_interval, with_holm
from tlstudy.storage.laboratory_columns import LABORATORY_CLAIM_VALUES, LABORATORY_CLAIMS


@dataclass(frozen=True)
class LaboratoryClaim:
    """A claim as data.

    Attributes:
        statistic: the compared quantity in words; its unit follows.
        effect: least mean that supports the claim.
        values: from the experiment's rows to one value a seed, positive where the claim holds.
        bound: lower or upper if a search makes the values such bounds of what is meant.
    """

    text: str
    experiment: str
    figure: str
    unit: str
    statistic: str
    values: Callable[[pd.DataFrame], pd.Series]
    effect: float = 0.0
    bound: str = ""


def laboratory_ledger(
    table: pd.DataFrame, experiments: Iterable[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `LABORATORY_CLAIMS` and `LABORATORY_CLAIM_VALUES`: `storage.laboratory_columns`.

    Args:
        table: rows of `tlstudy.storage.laboratory_columns.LABORATORY`.
        experiments: those of the study; claims about others are left out.
    """
    claims, values = [], []
    for name, claim in LABORATORY_CLAIMS_BY_NAME.items():
        if claim.experiment in experiments:
            found = claim.values(table[table["experiment"] == claim.experiment])
            numbers = found.to_numpy(dtype=float)
            summary = summarise(numbers)
            ruling = by_interval(summary, numbers, claim.effect, claim.bound)
            row = {"claim": name, **vars(claim), **summary.row(numbers), **vars(ruling)}
            row["p_value"] = summary.p_value(claim.effect)
            claims.append(row | {"because": ruling.because + _missing(found)})
            values += [{"claim": name, "seed": seed, "value": one} for seed, one in found.items()]
    return (
        with_holm(pd.DataFrame(claims, columns=list(LABORATORY_CLAIMS))),
        pd.DataFrame(values, columns=list(LABORATORY_CLAIM_VALUES)),
    )


def _missing(values: pd.Series) -> str:
    """A sentence on the seeds without a value, if there are any."""
    seeds = values.index[~np.isfinite(values)]
    if seeds.empty:
        return ""
    return (
        f" {len(values) - len(seeds)} of {len(values)} seeds have a value. Missing: "
        f"{', '.join(map(str, seeds))}, where a network diverged or was not measured."
    )


# Experiment, figure and unit of several claims.
OF_DIAGONAL = ("diagonal", "laboratory-implicit", "share of the least")
OF_RELU = ("relu", "laboratory-implicit", "share of the least")
OF_REGIMES = ("relu", "laboratory-regimes", "doublings")
OF_FACTORS = ("batchnorm", "laboratory-rescaling", "deviations of the targets")
GAIN = "log2 of the error from scratch minus that after fine-tuning"
UNDONE = "0.05 minus the largest difference of outputs from the unscaled run's, of all factors"
OF_KERNELS = ("kernel", "laboratory-claims", "share")
HALF_LESS_NONE = (
    "accuracy on turned images of the other classes, half of the classes shown turned minus none"
)
# All were fixed before the seeds of `studies/theory.yaml` were run, on seeds from 100 on or 0 to 9.
LABORATORY_CLAIMS_BY_NAME = {
    "diagonal-penalty": LaboratoryClaim(
        "In diagonal networks gradient descent ends where Corollary 2's penalty is least.",
        *OF_DIAGONAL,
        "0.01 minus the largest relative excess of its penalty over the least, of all conditions",
        lambda table: 0.01 - excess(table, "price", "max"),
    ),
    "diagonal-change": LaboratoryClaim(
        "In diagonal networks gradient descent changes the weights, on average over the conditions "
        "tried, within a tenth of the least.",
        *OF_DIAGONAL,
        "0.1 minus the relative excess of its squared change over the least, on average over the "
        "conditions tried",
        lambda table: 0.1 - excess(table, "change", "mean"),
    ),
    "relu-units": LaboratoryClaim(
        "In ReLU networks gradient descent reaches its units, on average over the conditions "
        "tried, at the price of Proposition 3, within a twentieth.",
        *OF_RELU,
        "0.05 minus the relative excess of its squared change over the units' penalty, on average "
        "over the conditions tried",
        lambda table: 0.05 - excess(table, "price", "mean"),
    ),
    "relu-change": LaboratoryClaim(
        "In ReLU networks gradient descent changes the weights, on average over the conditions "
        "tried, within a tenth of the least change that was found, by a search that starts at "
        "gradient descent's end and once more at its start.",
        *OF_RELU,
        "0.1 minus the relative excess of its squared change over the least found, on average over "
        "the conditions tried",
        lambda table: 0.1 - excess(table, "change", "mean"),
        bound="upper",  # a smaller change may be there than the one found
    ),
    "reuse-shared": LaboratoryClaim(
        "Fine-tuning halves the error of a new network where all features are shared.",
        *OF_REGIMES,
        GAIN,
        lambda table: gain(table, overlap=1.0),
        effect=1.0,
    ),
    "overlap-orders": LaboratoryClaim(
        "What fine-tuning gains grows with the share of features that the tasks have in common.",
        *OF_REGIMES,
        "smaller of the two increases of the gain, from no shared feature to half of them to all",
        lambda table: smallest_step([gain(table, **where) for where in OVERLAPS]),
    ),
    "reuse-correlated": LaboratoryClaim(
        "Fine-tuning halves it where features are correlated (cosine 0.9) and none is shared.",
        *OF_REGIMES,
        GAIN,
        lambda table: gain(table, overlap=0.0, cosine=0.9),
        effect=1.0,
    ),
    "unrelated-harms": LaboratoryClaim(
        "Fine-tuning is worse than a new network where features are unrelated.",
        *OF_REGIMES,
        "log2 of the error after fine-tuning minus that from scratch",
        lambda table: -gain(table, overlap=0.0, cosine=0.0),
    ),
    "sparsity": LaboratoryClaim(
        "Fewer features need fewer samples: with 1 the error is less than half that with 12.",
        *OF_REGIMES,
        "log2 of the error with 12 features minus that with 1, from scratch, 64 and 128 samples",
        lambda table: (
            log2_errors(table, method="scratch", features=12, samples=(64, 128))
            - log2_errors(table, method="scratch", features=1, samples=(64, 128))
        ),
        effect=1.0,
    ),
    "nested-sparse": LaboratoryClaim(
        "Where 2 of 8 pretrained features are needed, smaller pretrained weights select fewer.",
        "relu",
        "laboratory-features",
        "features",
        "features used at scale 10 minus those at scale 1",
        lambda table: nested(table, "features_used", 10.0) - nested(table, "features_used", 1.0),
        effect=1.0,
    ),
    "nested-error": LaboratoryClaim(
        "And so the error is lower at scale 1 than at scale 10.",
        "relu",
        "laboratory-features",
        "doublings",
        "log2 of the error at scale 10 minus that at scale 1",
        lambda table: (
            np.log2(nested(table, "test_error", 10.0)) - np.log2(nested(table, "test_error", 1.0))
        ),
    ),
    "nested-sweep": LaboratoryClaim(
        "And over all scales: the smaller the pretrained weights, the lower the error.",
        "relu",
        "laboratory-features",
        "of a rank correlation",
        "rank correlation of the scale with the error after fine-tuning, over all scales",
        rank_correlation,
    ),
    "factor-adapts": LaboratoryClaim(
        "Under BatchNorm a smaller factor on the encoder lets it move further from pretraining.",
        "batchnorm",
        "laboratory-rescaling",
        "cosine",
        "alignment with pretraining at factor 2 minus that at 1/8, learning rate fixed, mean of "
        "both optimisers",
        lambda table: alignment(table, 2.0) - alignment(table, 1 / 8),
        effect=0.1,
    ),
    "factor-is-rate-sgd": LaboratoryClaim(
        "That is a learning rate in disguise: with SGD a rate times the squared factor undoes it.",
        *OF_FACTORS,
        UNDONE,
        lambda table: (
            0.05 - difference(table, "max", optimiser="sgd", learning_rate_rule="squared-factor")
        ),
    ),
    "factor-is-rate-adam": LaboratoryClaim(
        "With Adam a rate times the factor undoes it.",
        *OF_FACTORS,
        UNDONE,
        lambda table: (
            0.05 - difference(table, "max", optimiser="adam", learning_rate_rule="factor")
        ),
    ),
    "factor-without-batchnorm": LaboratoryClaim(
        "Without BatchNorm a rate times the squared factor does not undo it: with SGD outputs "
        "differ.",
        "batchnorm",
        "laboratory-claims",  # the figure of the factor is about BatchNorm alone
        "deviations of the targets",
        "mean difference of outputs from the unscaled run's, of all factors, minus 0.05",
        lambda table: difference(table, "mean", **WITHOUT_BATCHNORM) - 0.05,
    ),
    "invariance-stored": LaboratoryClaim(
        "A kernel that pools over the turns of all its templates answers turned images of every "
        "class (it is built so: the positive control).",
        *OF_KERNELS,
        HALF_LESS_NONE,
        lambda table: transfer(table, "averaged-kernel"),
        effect=0.1,
    ),
    "invariance-shown": LaboratoryClaim(
        "A kernel that is shown turned images of half of the classes answers those of the others.",
        *OF_KERNELS,
        HALF_LESS_NONE,
        lambda table: transfer(table, "plain-kernel"),
        effect=0.1,
    ),
}
