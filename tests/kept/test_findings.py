"""Every number of the findings is looked up: in kept tables, or in the slides' values."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from pages import numbers_not_looked_up, page
from quoted import kept, of_claim, over_seeds, points_of, spread, with_ends, written

from benchmarks.keep import study_of
from tlstudy.audit.alarms import false_alarms
from tlstudy.audit.flaws import FLAWS
from tlstudy.audit.quantities import values_of
from tlstudy.audit.verdicts import with_holm
from tlstudy.data import published
from tlstudy.report.format import join

FINDINGS = "docs/findings.md"
RUNNING, RECALIBRATED = (
    f"final_test_balanced_accuracy_{name}" for name in ("running", "recalibrated")
)
LOSS = "final_test_loss_recalibrated"
REPORTED = "reported_balanced_accuracy"
NETWORKS = ("new", "pretrained")
# What is no result: names, definitions and settings.
NO_RESULT = (
    r"\]\([^)]*\)",  # addresses of links
    r"\b[CF]\d+(-[a-z]+)*\b",  # claims and flaws
    r"ResNet-50|ImageNet-1K|IMAGENET1K_V2|`he2015`|Zen 4|PyTorch 2\.15(\.0)?|float32|bfloat16",
    r"95 % interval|Proposition 3|[Ee]t al\. \d{4}|2[49] November 2026",
    r"on 50 MNIST|on 50 images|50 images,|10,000 MNIST|\(on the slides 10,000\)|epoch on 500",
    r"30 epochs|30 looks|After 30 steps|on 100 test images|on 100 images|choice of 100 would",
    r"[Ss]eeds 26 to 3[05]|(128|64) pixels",
    r"against one half",
)


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
    yield from of_every_parameter_rescaled()
    yield from of_invariance()
    yield from of_place()
    yield from of_overlap()
    yield from of_sparsity()
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
    right = 100 * pixels
    assert right.mean().idxmax() == "logistic"
    yield f"reaches {with_ends(spread(right['logistic']), unit=' %')}"
    below, above = (right["logistic"] - new, pretrained - right["logistic"])
    yield f"{with_ends(over_seeds(below), unit=' points')} below it"
    yield f"{with_ends(over_seeds(above), unit=' points')} above it"


def of_the_ladder() -> Iterator[str]:
    table = kept("audit", "ladder").query("quantity == 'balanced_accuracy'")
    ends = 100 * table.set_index(["group", "part"])[["mean", "low", "high"]]
    for group in table["group"].unique():
        gap = with_ends(tuple(ends.loc[(group, "gap")]))
        means = (written(ends.loc[(group, arm), "mean"]) for arm in NETWORKS)
        yield f"| {' | '.join([*means, gap])} |"
    yield f"still seems to guess** ({written(ends.loc[('trained', 'new'), 'mean'])} %)"
    runs = kept("audit", "runs").set_index(["arm", "seed"])

    def gap(group: str, column: str) -> pd.Series:
        return 100 * (runs.loc[f"pretrained-{group}", column] - runs.loc[f"new-{group}", column])

    taken = over_seeds(gap("recalibrated", RUNNING) - gap("recalibrated", RECALIBRATED))
    yield f"(F9) takes {with_ends(taken, unit=' points')}"
    assert set(runs.loc["new-final", "final_test_images"]) == {500}
    last_epoch = gap("recalibrated", RECALIBRATED)
    later = (
        over_seeds(gap("final", RECALIBRATED) - last_epoch),
        over_seeds(last_epoch - gap("recalibrated", REPORTED)),
        tuple(ends.loc[("tuned", "step"), ["mean", "low", "high"]]),
        over_seeds(gap("final", RECALIBRATED) - gap("recalibrated", REPORTED)),  # both at once
    )
    assert all(low < 0 < high for _, low, high in later)
    yield "no step changes the gap beyond doubt."


def of_the_verdicts() -> Iterator[str]:
    claims = with_holm(kept("audit", "claims"))
    counts = claims["verdict"].value_counts()
    yield f"Of {len(claims)} claims of the slides and their variants"
    yield from (f"{count} {verdict}" for verdict, count in counts.items())
    tested = claims[claims["verdict_by_holm"] != ""]
    undone = tested.loc[tested["verdict"] != tested["verdict_by_holm"], "claim"]
    for verdict in ("contradicted", "refuted"):
        names = claims.loc[claims["verdict"] == verdict, "claim"]
        yield f"{verdict.capitalize()}: {join(names)}."
    yield f"Judged together (Holm) {' and '.join(undone)} become inconclusive."


def of_the_encoder() -> Iterator[str]:
    verdicts = kept("audit", "claims").set_index("claim")["verdict"]

    def told(name: str, turned: bool) -> str:
        mean, low, high = (100 * end for end in of_claim("audit", name))
        return with_ends((-mean, -high, -low) if turned else (mean, low, high), unit=" points")

    yield f"by {told('C2', False)[:-1]}; C2: {verdicts['C2']})"
    below, better = (told(name, True).replace(" points", "") for name in ("C3", "C2-split"))
    yield f"{below} below full fine-tuning (C3: {verdicts['C3']} for this stage)"
    yield f"a probe before the last stage is {better} better (C2-split: {verdicts['C2-split']})"
    encoder = kept("audit", "encoder")
    yield f"on {encoder['test_images'].unique().item()} test images, pixels on 10,000"
    probe = encoder.query("arm == 'pretrained-final' and measure == 'probe' and stage == 'layer4'")
    pixels = kept("slides", "pixels").query("method == 'logistic'").set_index("seed")
    above = pixels["test_balanced_accuracy"] - probe.set_index("seed")["test_balanced_accuracy"]
    yield f"one on pixels, which is {with_ends(over_seeds(100 * above.dropna()))} above it"


def of_smoothness() -> Iterator[str]:
    audited = kept("audit", "claims").set_index("claim")
    mean, low, high = (2**end for end in audited.loc["C4-matched", ["mean", "low", "high"]])
    told = f"is {mean:.0f} times smaller ({low:.0f} to {high:,.0f}) at the same training loss"
    yield f"{told} (C4-matched: {audited.loc['C4-matched', 'verdict']})"
    table = kept("smoothness", "curvature")
    rows = table[table["point"] == "matched"]
    raw = rows.pivot(index="seed", columns="arm", values="hessian_eigenvalue")
    mean, low, high = 2 ** np.array(over_seeds(np.log2(raw["new"] / raw["pretrained"])))
    yield f"it is {mean:.0f} times smaller ({low:.0f} to {high:.0f}) at a loss of 0.5 nats"
    verdicts = kept("smoothness", "claims").set_index("claim")["verdict"]
    for name, moment, column, words in (
        (
            "smoother-at-the-same-loss",
            "matched",
            "normalised_eigenvalue",
            "one is {} times as *large* ({} to {}): {verdict}",
        ),
        (
            "smoother-along-random-directions",
            "matched",
            "rise",
            "the loss rises {} times as much ({} to {}; {verdict}, against one half)",
        ),
        (
            "smoother-at-the-end",
            "final",
            "normalised_eigenvalue",
            "is {} times the new one's ({} to {}; {verdict})",
        ),
    ):
        rows = table[table["point"] == moment].pivot(index="seed", columns="arm", values=column)
        ratios = 2 ** np.array(over_seeds(np.log2(rows["pretrained"] / rows["new"])))
        yield words.format(*(f"{ratio:#.2g}" for ratio in ratios), verdict=verdicts[name])
    matched = pd.concat(
        kept(study, "curvature").query("point == 'matched'") for study in ("audit", "smoothness")
    )
    network = matched["arm"].str.removesuffix("-final")
    epochs = np.floor(matched.groupby(network)["epoch"].agg(["min", "max"])).astype(int)
    (first, last), (one, other) = epochs.loc["new"], epochs.loc["pretrained"]
    assert one == other
    told = f"pretrained network is between epochs {one} and {one + 1}"
    assert f"{told}, the new one between {first} and {last + 1}" in page("docs/limits.md")
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
    far = times("log2_drift_excess.training", "pretrained")
    rates = kept("audit", "runs").query("arm == 'pretrained-final'")["learning_rate"]
    yield f"Adam, at a rate of {rates.unique().item():g}, goes {with_ends(far, write)} times"


def of_rescaling() -> Iterator[str]:
    verdicts = kept("rescaling", "claims").set_index("claim")["verdict"]
    for name, words, digits in (("C7", "times as far", 2), ("C7-disguise", "times", 3)):
        ends = tuple(2**end for end in of_claim("rescaling", name))
        times = with_ends(ends, partial(written, digits=digits))
        yield f"{times} {words} ({name}: {verdicts[name]})"
    reuse = kept("rescaling", "claims").set_index("claim").loc["C7-reuse"]
    given = with_ends(tuple(100 * reuse[["mean", "low", "high"]])).replace(" (", " points (")
    effect = f"{reuse['verdict']}, against {100 * reuse['effect']:.0f} (C7-reuse)"
    yield f"{given} of accuracy: {effect}"


def of_every_parameter_rescaled() -> Iterator[str]:
    claims = kept("rescaling-all", "claims").set_index("claim")
    verdicts = claims["verdict"]
    better = points_of(claims, "all-improves", unit=" points")[:-1]
    effect = f"against {100 * claims.loc['all-improves', 'effect']:.0f}"
    rate = claims.loc["all-half-is-more-than-a-rate"]
    assert rate["low"] < 0 < rate["high"] < 0.05  # neither is better by so much
    assert verdicts["all-half-is-more-than-a-rate"] == "contradicted"
    told = f"rises by {better}; {verdicts['all-improves']}, {effect}), as at 4 times"
    yield f"{told} the learning rate"


def of_invariance() -> Iterator[str]:
    claims = kept("invariance", "claims").set_index("claim")

    told = partial(points_of, claims)
    assert set(claims.loc[["I1-new", "I1-pretrained"], "verdict"]) == {"refuted"}
    yield f"the new network loses {told('I1-new', -1, ' points')} on turned images"
    yield f"the pretrained one {told('I1-pretrained', -1)}: refuted"
    [images] = kept("invariance", "invariance")["test_images"].unique()
    yield f"[{images} test images](invariance/README.md)"


def of_place() -> Iterator[str]:
    runs = 100 * kept("place", "runs").groupby("arm")[RECALIBRATED].mean()

    def falls(arm: str) -> str:
        return f"from {runs[f'{arm}-same-corner']:.1f} to {runs[f'{arm}-other-corner']:.1f} %"

    yield f"the new network falls {falls('new')}"
    yield f"the pretrained one {falls('pretrained')}"
    claims = kept("place", "claims").set_index("claim")
    more = points_of(claims, "I3-place", -1)
    verdict = claims.loc["I3-place", "verdict"]
    yield f"It loses {more.replace(' (', ' points (')} more ({verdict}), and has more to lose."
    assert runs["pretrained-same-corner"] > runs["new-same-corner"]


def of_overlap() -> Iterator[str]:
    claims = kept("overlap", "claims").set_index("claim")

    told = partial(points_of, claims)
    verdict = claims["verdict"]
    yield f"the gap is {told('overlap-mnist', unit=' points')} wider"
    assert verdict["overlap-mnist"] == "supported"
    yield f"it is {told('overlap-digits')} wider: {verdict['overlap-digits']}, against 10"
    assert claims.loc["overlap-digits", "effect"] == 0.1
    yield f"where it is {told('shuffled-mnist', -1, ' points')}"
    whole = told("whole-mnist", unit=" points")
    yield f"With equal ones and 64 pixels the gap is {whole}"
    loss = kept("overlap", "runs").pivot(index="seed", columns="arm", values=LOSS)
    wide, narrow = (
        loss[f"mnist-new~block_shuffle={size}"] - loss[f"mnist-pretrained~block_shuffle={size}"]
        for size in ("28", "none")
    )
    nats = with_ends(over_seeds(wide - narrow), unit=" nats")
    yield f"in test loss it is {nats} *narrower*"


def of_sparsity() -> Iterator[str]:
    claims = kept("sparsity", "claims").set_index("claim")

    told, verdict = partial(points_of, claims), claims["verdict"]
    names = ("sparse", "stage", "pull")
    assert set(verdict[[f"{name}-beats-dense" for name in names]]) == {"refuted"}
    assert verdict["batchnorm-is-enough"] == "refuted"
    runs = 100 * kept("sparsity", "runs").groupby("arm")[RECALIBRATED].mean()
    yield f"training all weights reaches {runs['dense']:.1f} %"
    yield f"with the largest gradients is {told('sparse-beats-dense', -1, ' points')} worse"
    yield f"last stage {told('stage-beats-dense', -1)}"
    yield f"BatchNorm and the last layer {told('batchnorm-is-enough', -1)}"
    pull = study_of("sparsity").arms["l2-sp"].l2_sp
    yield f"(L2-SP of {pull}) {told('pull-beats-dense', -1)}: all refuted"
    more = with_ends(of_claim("sparsity", "task-independent"), partial(written, digits=3))
    yield f"A [linear decoder](sparsity/README.md) explains {more} more"
    features = kept("sparsity", "features").query("arm == 'dense' and stage == 'layer4'")
    before = features.query("measure == 'reconstruction-before'")["value"]
    assert ((before < 0.1).sum(), verdict["task-independent"]) == (2, "not testable")
    yield "it explains less than 0.1 in two seeds"
    limits = page("docs/limits.md")
    assert f"is {told('choice-beats-chance-within', -1, ' points')} behind" in limits
    ends = kept("sparsity", "metrics").groupby(["arm", "seed"])["train_loss"].last()
    assert ends.max() < 0.06
    rates = kept("sparsity", "runs").query("arm == 'batchnorm'")["learning_rate"]
    largest = rates == max(study_of("sparsity").tuning.learning_rates)
    assert f"the largest rate in {largest.sum()} of {len(rates)} runs" in limits


def of_the_sentinels() -> Iterator[str]:
    runs, findings = kept("audit", "runs"), kept("audit", "findings")
    alarms = false_alarms(runs, findings)
    assert alarms.alarmed == 0
    rates = runs.pivot(index="seed", columns="arm", values="learning_rate")
    alike = [(rates[f"{arm}-tuned"] == rates[f"{arm}-final"]).sum() for arm in NETWORKS]
    assert alike == [5, 0]  # tuned, the new network is the one before again
    yield f"the audit's {alarms.runs} sound runs (five repeat others)"
    published = findings[findings["arm"].str.endswith("-published")]
    assert len(set(published["flaws"])) == 9
    yield "named nine of the sixteen flaws in the published runs"
    assert sum(flaw.published for flaw in FLAWS) == 16


def test_every_number_is_looked_up():
    assert numbers_not_looked_up(FINDINGS, list(lookups()), NO_RESULT) == []


def test_the_limits_say_how_far_another_processor_is():
    one, other = (
        kept("audit", table).set_index(["arm", "seed"]) for table in ("runs", "another-processor")
    )
    apart = {}
    for network in NETWORKS:
        ends = one.loc[f"{network}-final", RECALIBRATED]
        anew = other.loc[f"{network}~precision=float32", RECALIBRATED]
        apart[network] = 100 * (anew - ends).abs()
        assert len(apart[network].dropna()) == 5
    ended = f"ended {apart['pretrained'].mean():.1f} points apart on average (pretrained)"
    most = f"(new; at most {apart['new'].max():.1f})"
    assert f"{ended} and {apart['new'].mean():.1f} {most}" in page("docs/limits.md")
