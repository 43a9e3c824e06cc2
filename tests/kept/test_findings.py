"""Every number of the findings is looked up: in kept tables, or in the slides' values."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from pages import ROOT, page
from scipy.stats import binomtest

from benchmarks.keep import study_of
from tlstudy.audit.quantities import values_of
from tlstudy.audit.sentinels.alarms import false_alarms, is_sound
from tlstudy.audit.statistics import summarise
from tlstudy.audit.verdicts import with_holm
from tlstudy.data import published

FINDINGS = "docs/findings.md"
RUNNING, RECALIBRATED = (
    f"final_test_balanced_accuracy_{name}" for name in ("running", "recalibrated")
)
REPORTED = "reported_balanced_accuracy"
NETWORKS = ("new", "pretrained")
METHODS = {
    "logistic": "logistic regression",
    "svm": "support vector machine",
    "nearest": "nearest neighbour",
}
# What is no result: names, definitions and settings.
NO_RESULT = (
    r"\]\([^)]*\)",  # addresses of links
    r"\b[CF]\d+(-[a-z]+)*\b",  # claims and flaws
    r"ResNet-50|ImageNet-1K|IMAGENET1K_V2|`he2015`|Zen 4|PyTorch 2\.15(\.0)?|float32|bfloat16",
    r"95 % interval|Proposition 3|[Ee]t al\. \d{4}|2[49] November 2026",
    r"on 50 MNIST|on 50 images|50 images,|10,000 MNIST|\(on the slides 10,000\)|epoch on 500",
    r"30 epochs|30 looks|After 30 steps|on 100 test images|on 100 images|choice of 100 would",
    r"[Ss]eeds 26 to 3[05]|at (128|64) pixels",
    r"training loss of 0\.5\b|against a loss of 5\b",
)


def kept(study: str, table: str) -> pd.DataFrame:
    return pd.read_parquet(ROOT / "docs" / study / f"{table}.parquet")


def written(number: float, digits: int = 1) -> str:
    return f"{number:.{digits}f}".replace("-", "\u2212")


def with_ends(numbers: tuple[float, float, float], write=written, unit: str = "") -> str:
    """51.2 points (45.5 to 56.9)."""
    mean, low, high = map(write, numbers)
    return f"{mean}{unit} ({low} to {high})"


def over_seeds(values: pd.Series) -> tuple[float, float, float]:
    found = summarise(values.to_numpy(dtype=float))
    return found.mean, found.low, found.high


def spread(values: pd.Series) -> tuple[float, float, float]:
    return values.mean(), values.min(), values.max()


def of_claim(study: str, name: str) -> tuple[float, float, float]:
    """Mean and interval of a claim, seed by seed, as it was measured: its side undone."""
    values = kept(study, "claim-values").query("claim == @name")["value"]
    sign = 1 if study_of(study).claims[name].direction == "higher" else -1
    return over_seeds(sign * values)


def lookups() -> Iterator[str]:
    """Phrases of the page with numbers, each made of the tables."""
    yield from of_the_slides()
    yield from of_the_default_study()
    yield from of_the_ladder()
    yield from of_the_verdicts()
    yield from of_the_encoder()
    yield from of_smoothness()
    yield from of_reuse()
    yield from of_rescaling()
    yield from of_the_sentinels()
    yield f"by some {100 * np.sqrt(0.25 / 100):.0f} points"  # a share of one half, 100 images


def of_the_slides() -> Iterator[str]:
    new, pretrained = (
        100 * published.best().set_index("model")["balanced_accuracy"][["new", "pretrained"]]
    )
    yield f"{pretrained:.2f} % against {new:.2f} %"
    yield f"| {new:.2f} | {pretrained:.2f} | {pretrained - new:.1f} |"


def of_the_default_study() -> Iterator[str]:
    runs = kept("slides", "runs").set_index(["arm", "seed"])
    pixels = kept("slides", "pixels").pivot(
        index="seed", columns="method", values="test_balanced_accuracy"
    )
    for column, ending in ((RUNNING, "-published"), (RECALIBRATED, "")):
        new, pretrained = (100 * runs.loc[f"{arm}{ending}", column] for arm in NETWORKS)
        gap = over_seeds(pretrained - new)
        yield " | ".join([*map(with_ends, map(spread, (new, pretrained))), with_ends(gap)])
    best = (100 * runs.loc[f"{arm}-published", REPORTED].mean() for arm in NETWORKS)
    yield "{:.1f} and {:.1f} % on average".format(*best)
    for method, right in (100 * pixels).items():
        cells = [with_ends(spread(right))]
        cells += [with_ends(over_seeds(part - right)) for part in (new, pretrained)]
        yield f"| {METHODS[method]} | {' | '.join(cells)} |"
    yield f"the gain is {(pretrained - 100 * pixels[pixels.mean().idxmax()]).mean():.1f} points"
    findings = kept("slides", "findings")
    alarms = false_alarms(runs.reset_index(), findings)
    yield f"{alarms.alarmed} of the {alarms.runs} corrected runs"
    told = findings.query("sentinel == 'overfitting' and arm in ['new', 'pretrained']")["saw"]
    more = told.str.extract(r"at the end, (\d+) % more")[0].astype(int)
    yield f"{more.min()} to {more.max()} % above its least"


def of_the_ladder() -> Iterator[str]:
    table = kept("audit", "ladder").query("quantity == 'balanced_accuracy'")
    ends = 100 * table.set_index(["group", "part"])[["mean", "low", "high"]]
    for group in table["group"].unique():
        gap = with_ends(tuple(ends.loc[(group, "gap")]))
        means = (written(ends.loc[(group, arm), "mean"]) for arm in NETWORKS)
        yield f"| {' | '.join([*means, gap])} |"
    yield f"Our {written(ends.loc[('published', 'new'), 'mean'])} % for it"
    yield f"still seems to guess** ({written(ends.loc[('trained', 'new'), 'mean'])} %)"
    step = ends.loc[("recalibrated", "step")]
    yield f"(F9) takes {with_ends((-step['mean'], -step['high'], -step['low']))} points"
    runs = kept("audit", "runs").set_index(["arm", "seed"])
    looks = kept("audit", "metrics").query("arm == 'new-published' and epoch < 31")
    last = looks.sort_values("epoch").groupby("seed")["test_balanced_accuracy_running"].last()
    yield f"the last look gives {100 * last.mean():.1f} %"

    def gap(group: str, column: str) -> pd.Series:
        return 100 * (runs.loc[f"pretrained-{group}", column] - runs.loc[f"new-{group}", column])

    rungs = ("trained", "logits", "normalised", "recalibrated", "final")
    taken = [(gap(rung, RUNNING) - gap(rung, RECALIBRATED)).mean() for rung in rungs]
    yield f"{min(taken):.1f} to {max(taken):.1f} at others"
    alone, with_f7 = (100 * runs.loc[f"new-{rung}", RECALIBRATED].mean() for rung in rungs[:2])
    yield f"trained network to {alone:.1f} %, with F7 to {with_f7:.1f}"
    last_epoch = gap("recalibrated", RECALIBRATED)
    yield f"by +{with_ends(over_seeds(gap('final', RECALIBRATED) - last_epoch), unit=' points')}"
    yield f"by {with_ends(over_seeds(last_epoch - gap('recalibrated', REPORTED)))}"


def of_the_verdicts() -> Iterator[str]:
    claims = with_holm(kept("audit", "claims"))
    counts = claims["verdict"].value_counts()
    yield f"Of {len(claims)} claims of the slides and their variants"
    yield from (f"{count} {verdict}" for verdict, count in counts.items())
    by_name = claims.set_index("claim")
    supported = by_name.index[by_name["verdict"] == "supported"]
    raw = [name for name in supported if "Hessian" in by_name.loc[name, "statistic"]]
    assert len(supported) == 5
    yield f"Two of the five, {' and '.join(raw)}, rest on a measure"
    tested = claims[claims["verdict_by_holm"] != ""]
    undone = tested.loc[tested["verdict"] != tested["verdict_by_holm"], "claim"]
    yield f"Judged together (Holm) {' and '.join(undone)} become inconclusive."


def of_the_encoder() -> Iterator[str]:
    for name, words in (
        ("C3-frozen", "scores {}"),
        ("C3-put-back", "costs {}"),
        ("C2-split", "by {}"),
    ):
        mean, low, high = (100 * end for end in of_claim("audit", name))
        unit = " points" if name == "C3-frozen" else ""
        yield words.format(with_ends((-mean, -high, -low), unit=unit))


def of_smoothness() -> Iterator[str]:
    raw = kept("audit", "claims").set_index("claim").loc["C4-matched", "mean"]
    yield f"is {2**raw:.0f} times smaller"
    table = kept("smoothness", "curvature")
    verdicts = kept("smoothness", "claims").set_index("claim")["verdict"]
    for name, moment, column, words in (
        (
            "smoother-at-the-same-loss",
            "matched",
            "normalised_eigenvalue",
            "it is {} times *larger* ({} to {}) after pretraining: {verdict}",
        ),
        (
            "smoother-along-random-directions",
            "matched",
            "rise",
            "the loss rises {} times as much ({} to {}): {verdict}",
        ),
        (
            "smoother-at-the-end",
            "final",
            "normalised_eigenvalue",
            "is {} times the new one's ({verdict})",
        ),
    ):
        rows = table[table["point"] == moment].pivot(index="seed", columns="arm", values=column)
        ratios = 2 ** np.array(over_seeds(np.log2(rows["pretrained"] / rows["new"])))
        yield words.format(*(f"{ratio:#.2g}" for ratio in ratios), verdict=verdicts[name])
    losses = table.query("point == 'final'").groupby("arm")["train_loss"].mean()
    assert round(losses["new"] / losses["pretrained"]) == 8  # an eighth
    assert set(table.query("point == 'matched'")["train_loss"].round(3)) == {0.5}


def of_reuse() -> Iterator[str]:
    tables = {name: kept("audit", name) for name in ("runs", "reuse")}

    def times(quantity: str, arm: str) -> np.ndarray:
        return 2 ** np.array(over_seeds(values_of(tables, quantity)[f"{arm}-final"]))

    def write(number: float) -> str:
        return f"{number:#.3g}"

    yield f"{with_ends(times('log2_span_excess', 'pretrained'), write)} times as much"
    verdict = kept("audit", "claims").set_index("claim").loc["C6", "verdict"]
    yield f"{times('log2_span_excess', 'new')[0]:.2f} in the new network: {verdict}"
    for steps, words in (("training", "Adam goes"), ("gradient-descent", "would go")):
        far = times(f"log2_drift_excess.{steps}", "pretrained")
        yield f"{words} at least {with_ends(far, write)} times"


def of_rescaling() -> Iterator[str]:
    verdicts = kept("rescaling", "claims").set_index("claim")["verdict"]
    for name, claim in study_of("rescaling").claims.items():
        numbers = of_claim("rescaling", name)
        if claim.quantity == "balanced_accuracy":
            yield f"{with_ends(tuple(100 * end for end in numbers))} points"
        else:
            times = with_ends(tuple(2**end for end in numbers), lambda end: f"{end:.2f}")
            yield f"{times} times as far"
        yield f"({name}: {verdicts[name]}"


def of_the_sentinels() -> Iterator[str]:
    runs, findings = kept("audit", "runs"), kept("audit", "findings")
    alarms = false_alarms(runs, findings)
    yield f"{alarms.alarmed} of {alarms.runs} runs"
    sound = runs[runs["settings"].map(is_sound)]
    ends = [name for name in runs if name.startswith("final_test_")]
    distinct = len(sound.drop_duplicates(["initialisation", "seed", *ends]))
    assert alarms.alarmed == 0
    yield f"{distinct} of them are distinct"
    yield f"up to {100 * binomtest(0, distinct).proportion_ci(0.95).high:.1f} %"


def test_every_number_is_looked_up():
    told = page(FINDINGS)
    for phrase in lookups():
        assert phrase in told, phrase
    for phrase in sorted(lookups(), key=len, reverse=True):
        told = told.replace(phrase, "")
    told = re.sub("|".join(NO_RESULT), "", told)
    assert [word for word in told.split() if re.search(r"\d", word)] == []
