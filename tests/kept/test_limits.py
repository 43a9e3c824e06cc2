"""Numbers of the page on limits, looked up in kept tables."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
from configurations import ROOT
from pages import page
from quoted import gap_of, kept, over_seeds, points_of, with_ends, written
from recomputed import Recomputed

from benchmarks.keep import folder_of, study_of
from tlstudy.audit.verdicts import with_holm
from tlstudy.data.shown_classes import half_of

ACCURACY = "final_test_balanced_accuracy_recalibrated"
NETWORKS = ("new", "pretrained")
GUESSING = 10  # %


@cache
def anew(study: str) -> Recomputed:
    files = folder_of(study).glob("*.parquet")
    return Recomputed(study_of(study), {file.stem: pd.read_parquet(file) for file in files})


def by_arm(study: str, table: str, column: str, **chosen: str) -> pd.DataFrame:
    """(seeds, arms) values of a column."""
    rows = kept(study, table)
    for name, value in chosen.items():
        rows = rows[rows[name] == value]
    return rows.pivot(index="seed", columns="arm", values=column)


def accuracies(study: str) -> pd.DataFrame:
    """(seeds, arms) in percent."""
    return 100 * by_arm(study, "runs", ACCURACY)


def ratio(values: pd.Series, digits: int = 2) -> str:
    """Geometric mean of ratios with its interval."""
    return with_ends(
        tuple(2 ** np.array(over_seeds(np.log2(values)))), lambda v: written(v, digits)
    )


def loss_of(values: pd.Series) -> str:
    """Points that are lost: 23.8 points, 16.3 to 31.4."""
    mean, low, high = over_seeds(-values)
    return f"{written(mean)} points, {written(low)} to {written(high)}"


def test_the_numbers_are_those_of_the_tables():
    told = page("docs/limits.md")
    for phrase in lookups():
        assert phrase in told, phrase


def lookups() -> Iterator[str]:
    yield from of_all_claims()
    yield from of_smoothness()
    yield from of_rescaling()
    yield from of_every_parameter_rescaled()
    yield from of_upright_images()
    yield from of_sensitivity()
    yield from of_place()
    yield from of_overlap()
    yield from of_sparsity()


def of_all_claims() -> Iterator[str]:
    files = sorted((ROOT / "docs").glob("*/claims.parquet"))
    claims = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    within, together = claims, with_holm(claims)
    tested = together["verdict_by_holm"] != ""
    weaker = [
        int((tested & (table["verdict"] != table["verdict_by_holm"])).sum())
        for table in (together, within)
    ]
    yield f"Over all {tested.sum()} tested claims of the kept studies together, {weaker[0]}"
    yield f"{weaker[0]} verdicts would be weaker; within the studies {weaker[1]} are"
    contradicted = kept("invariance", "claims").query("verdict == 'contradicted'")
    assert (contradicted["low"] > 0).all()
    yield f"All {len(contradicted)} contradicted claims of [invariance]"


def of_smoothness() -> Iterator[str]:
    epochs = by_arm("smoothness", "curvature", "epoch", point="matched") % 1 * 100
    low, high = epochs["pretrained"].min(), epochs["pretrained"].max()
    assert epochs["new"].min() < 0.25
    ends = f"{epochs['new'].min():.1f} to {epochs['new'].max():.0f} % in the new one"
    yield f"{low:.0f} to {high:.0f} % of the way in the pretrained network, {ends}"
    sharp, loss = (
        by_arm("smoothness", "curvature", column, point="final")
        for column in ("normalised_eigenvalue", "train_loss")
    )
    yield f"{ratio(sharp['pretrained'] / sharp['new'], 4).replace(' (', ' times (')} as sharp"
    for_loss = sharp / loss
    told = ratio(for_loss["pretrained"] / for_loss["new"], 3).replace(" (", " times (")
    yield f"divided by the loss it is {told}"


def of_rescaling() -> Iterator[str]:
    claims = kept("rescaling", "claims").set_index("claim")
    yield f"A quarter of the scale loses {points_of(claims, 'C7-reuse', unit=' points')}"
    yield f"4 times the rate {with_ends(gap_of('rescaling', 'whole', 'faster'))}"


def of_every_parameter_rescaled() -> Iterator[str]:
    study = "rescaling-all"
    claims = kept(study, "claims").set_index("claim")
    half = points_of(claims, "all-half-is-more-than-a-rate").replace(" (", " points, ")
    yield f"at 4 times the rate ({half}"
    quarter = points_of(claims, "all-quarter-is-more-than-a-rate", unit=" points")
    yield f"At a quarter it is {quarter} above 16 times the rate"
    found = accuracies(study)
    yield f"too large a rate ({found['all-1-rate-16'].mean():.1f} %)"
    mean, low, high = map(written, over_seeds(found["all-quarter"] - found["all-1-rate-4"]))
    yield f"not better than 4 times the rate ({mean} points, {low} to {high})"
    before, after, similar = (
        by_arm(study, "features", "value", stage="layer4", measure=measure)
        for measure in ("dimensions-before", "dimensions-after", "similarity")
    )
    left = after / before
    yield f"leaves {ratio(left['all-1']).replace(' (', ' times as many (')}"
    yield f"at 4 times the rate {ratio(left['all-1-rate-4']).replace(' (', ' times (')}"
    lost = over_seeds(similar["all-1"] - similar["all-1-rate-4"])
    yield f"falls by {with_ends(lost, lambda v: written(v, 3))} by 4 times the rate alone"


def recalls(study: str, arm: str, seed: int) -> pd.Series:
    """Right answers in each class, percent."""
    labels, right = anew(study).right(arm, seed)
    return 100 * pd.Series(right).groupby(labels).mean()


def of_upright_images() -> Iterator[str]:
    """What turned training images cost upright test images, of some classes and of others."""
    seeds, arms = anew("invariance").study.seed, anew("invariance").study.arms
    for network, words in zip(NETWORKS, ("by {}", "{}"), strict=True):
        rows = []
        for seed in seeds:
            none, half, every = (
                recalls("invariance", f"{network}-{shown}", seed)
                for shown in ("none", "half", "all")
            )
            shown = list(half_of(arms[f"{network}-half"].target, seed))
            one, other = none.drop(shown).mean(), half.drop(shown).mean()
            cost = every - none
            rows.append((one, other, cost[[6, 9]].mean(), cost.drop([6, 9]).mean()))
        before, after, confused, others = pd.DataFrame(rows).T.to_numpy()
        fall = loss_of(pd.Series(after - before))
        yield f"from {before.mean():.1f} to {after.mean():.1f} % ({words.format(fall)}"
        of_both = [with_ends(over_seeds(pd.Series(-cost))) for cost in (confused, others)]
        if network == "pretrained":
            yield f"lose {of_both[0].replace(' (', ' points (')} in the pretrained network"
            yield f"the other digits {of_both[1]}"
        else:
            yield f"in the new one {of_both[0]} and {of_both[1]}"


def of_sensitivity() -> Iterator[str]:
    found = [
        np.log2(rows["new-none"] / rows["pretrained-none"]).mean()
        for stage in (1, 2, 3, 4)
        for rows in [
            by_arm(
                "invariance",
                "invariance",
                "value",
                measure="sensitivity",
                point="start",
                group="brightness",
                stage=f"layer{stage}",
            )
        ]
    ]
    yield "by {:.2f}, {:.2f} and {:.2f} doublings, in the last by {:.2f}".format(*found)


def of_place() -> Iterator[str]:
    found = accuracies("place") - GUESSING
    new, pretrained = (found[f"{name}-same-corner"].mean() for name in NETWORKS)
    yield f"{new:.1f} points above guessing to lose, the pretrained one {pretrained:.1f}"
    share = {
        name: 100 * found[f"{name}-other-corner"] / found[f"{name}-same-corner"]
        for name in (*NETWORKS, "head")
    }
    yield f"keeps {with_ends(over_seeds(share['pretrained']), unit=' %')} in the other corner"
    yield f"the new one {with_ends(over_seeds(share['new']), unit=' %')}"
    yield f"{with_ends(over_seeds(share['head']), '{:.0f}'.format, unit=' %')} of what lies above"
    of_new = [recalls("place", "new-other-corner", seed) for seed in anew("place").study.seed]
    assert max((by_class > 0).sum() for by_class in of_new) == 2
    loss = by_arm("place", "runs", "final_test_loss_recalibrated")
    assert loss["new-same-corner"].mean() > np.log(GUESSING)  # a uniform guess over ten classes
    lost = {name: loss[f"{name}-other-corner"] - loss[f"{name}-same-corner"] for name in NETWORKS}
    less = with_ends(over_seeds(lost["new"] - lost["pretrained"]), unit=" nats")
    yield f"In test loss the pretrained network loses {less} less"


def of_overlap() -> Iterator[str]:
    found = accuracies("overlap") - GUESSING
    yield "reaches {:.2f} times the new one's accuracy on whole images and {:.2f} times on".format(
        *(
            np.exp(np.log(found[f"mnist-pretrained~{end}"] / found[f"mnist-new~{end}"]).mean())
            for end in ("block_shuffle=none", "block_shuffle=28")
        )
    )
    correlations = {"blocks": [], "probe": []}
    whole = anew("overlap")
    blocks = ("none", "2", "4", "14", "28")
    for seed in whole.study.seed:
        gaps, probes = [], []
        for size in blocks:
            new, pretrained = (f"mnist-{name}~block_shuffle={size}" for name in NETWORKS)
            gaps.append(found.loc[seed, pretrained] - found.loc[seed, new])
            probe = whole.rows("encoder", pretrained, seed, measure="probe", stage="layer4")
            probes.append(probe["test_balanced_accuracy"].item())
        ranks = pd.DataFrame({"gap": gaps, "blocks": range(0, -5, -1), "probe": probes})
        for name in correlations:
            correlations[name].append(ranks.round(12).rank().corr().loc["gap", name])
    yield "with the gap is {:.2f} on MNIST, a probe's {:.2f}".format(
        *map(np.mean, correlations.values())
    )


def of_sparsity() -> Iterator[str]:
    mean, low, high = gap_of("sparsity", "shuffled", "dense")
    yield f"These are {-mean:.1f} points below all weights ({-low:.1f} below to {high:.1f} above)"
    rates = kept("sparsity", "runs").groupby("arm")["learning_rate"].nunique()
    assert rates["dense"] == 1
    assert rates.drop(["dense", "l2-sp", "scratch"]).max() == 3
    before, after = (
        by_arm("sparsity", "features", "value", stage="layer4", measure=f"reconstruction-{moment}")
        for moment in ("before", "after")
    )
    more = (after - before).mean()
    yield f"by {more['scratch']:.3f} against {more['dense']:.3f}"
