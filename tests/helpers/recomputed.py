"""Values, intervals and verdicts of kept studies, computed anew by code that shares none of ours.

Only NumPy, SciPy and pandas: of the package it takes the configuration of claims, and which classes
a seed shows turned.
"""

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from tlstudy.config.ledger import Claim
from tlstudy.data.shown_classes import half_of

RUN = ["arm", "seed"]
ACCURACY = "balanced_accuracy"
# (transforms) of each group in the table of invariance.
WAYS = {"none": 1, "quarter-turn": 3, "half-and-three-quarter-turn": 2}
CURVATURES = {
    "log2_normalised_eigenvalue": "normalised_eigenvalue",
    "log2_hessian_eigenvalue": "hessian_eigenvalue",
    "log2_rise": "rise",
}
FEATURES = {
    "similarity": "similarity",
    "shared_dimensions": "shared-dimensions",
    "dimensions_before": "dimensions-before",
    "dimensions_after": "dimensions-after",
    "reconstruction_before": "reconstruction-before",
    "reconstruction_after": "reconstruction-after",
}
# Logarithms of one measure of features over another.
RATIOS = {
    "log2_dimensions_kept": ("dimensions-after", "dimensions-before"),
    "log2_dimensions_shared": ("shared-dimensions", "dimensions-after"),
}


class Recomputed:
    """What a study's claims are about, from its kept tables by name."""

    def __init__(self, study, tables: dict[str, pd.DataFrame]):
        self.study, self.tables = study, tables
        self.runs = tables["runs"].set_index(RUN)

    def right(self, arm: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """(N,) labels and whether each answer is right."""
        answers = self.tables["answers"]
        [row] = answers[(answers["arm"] == arm) & (answers["seed"] == seed)].to_dict("records")
        labels = np.frombuffer(row["labels"], "<i2")
        bits = [byte >> place & 1 for byte in row["right"] for place in range(7, -1, -1)]
        return labels, np.array(bits[: len(labels)])

    def accuracy(self, arm: str, seed: int) -> float:
        labels, right = self.right(arm, seed)
        return float(np.mean([right[labels == label].mean() for label in set(labels)]))

    def turned(self, arm: str, seed: int, group: str) -> dict[int, float]:
        """Share of right answers on transformed images, by class, from the bits."""
        table, labels = self.tables["invariance"], self.right(arm, seed)[0]
        chosen = (table["arm"] == arm) & (table["seed"] == seed) & (table["point"] == "end")
        chosen &= (table["group"] == group) & (table["measure"] == "accuracy")
        found = {}
        for row in table[chosen].to_dict("records"):
            images = int((labels[: row["test_images"]] == int(row["class"])).sum())
            count = WAYS[group] * images
            bits = [byte >> place & 1 for byte in row["right"] for place in range(7, -1, -1)]
            found[int(row["class"])] = sum(bits[:count]) / count
        return found

    def value(self, quantity: str, arm: str, seed: int) -> float:
        family, _, of = quantity.partition(".")
        if family in CURVATURES:
            return np.log2(self.rows("curvature", arm, seed, point=of)[CURVATURES[family]].item())
        if family in FEATURES:
            return self.of_features(arm, seed, FEATURES[family], of)
        if family in RATIOS:
            above, below = (self.of_features(arm, seed, name, of) for name in RATIOS[family])
            return np.log2(above) - np.log2(below)
        others = {
            ACCURACY: self.accuracy,
            "accuracy_upright": lambda *run: self.mean_turned(*run, "none"),
            "accuracy_transformed": lambda *run: self.mean_turned(*run, of),
            "accuracy_turned": lambda *run: self.half_turned(*run, of),
            "train_loss_fall": self.train_loss_fall,
            "trajectory_rank": lambda *run: self.runs.loc[run, "trajectory_rank"],
            "log2_encoder_angle": self.encoder_angle,
            "log2_sensitivity": lambda *run: self.sensitivity(*run, "end", of),
            "log2_sensitivity_before": lambda *run: self.sensitivity(*run, "start", of),
        }
        return others[family](arm, seed)

    def of_features(self, arm: str, seed: int, measure: str, stage: str) -> float:
        return self.rows("features", arm, seed, measure=measure, stage=stage)["value"].item()

    def mean_turned(self, arm: str, seed: int, group: str) -> float:
        return float(np.mean(list(self.turned(arm, seed, group).values())))

    def half_turned(self, arm: str, seed: int, which: str) -> float:
        half = half_of(self.study.arms[arm].target, seed)
        found = self.turned(arm, seed, "quarter-turn")
        wanted = [c for c in found if which == "all" or (c in half) == (which == "seen")]
        return float(np.mean([found[c] for c in wanted]))

    def train_loss_fall(self, arm: str, seed: int) -> float:
        first = self.rows("metrics", arm, seed, epoch=1)["train_loss"].item()
        return first - self.runs.loc[(arm, seed), "checkpoint_train_loss"]

    def encoder_angle(self, arm: str, seed: int) -> float:
        rows = self.rows("layers-at-the-end", arm, seed, kind="convolution")
        return np.log2(np.median(rows["angle_from_start"]))

    def sensitivity(self, arm: str, seed: int, point: str, group: str) -> float:
        rows = self.rows("invariance", arm, seed, measure="sensitivity", point=point, group=group)
        return np.log2(rows["value"].iloc[-1])

    def rows(self, table: str, arm: str, seed: int, **columns) -> pd.DataFrame:
        found = self.tables[table]
        for name, value in {"arm": arm, "seed": seed, **columns}.items():
            found = found[found[name] == value]
        return found

    def values(self, claim: Claim) -> np.ndarray:
        """(seeds,) the claim's statistic."""
        found = []
        for seed in self.study.seed:
            value = self.value(claim.quantity, claim.arm, seed) - claim.above
            if claim.against:
                other = claim.against_quantity or claim.quantity
                value -= self.value(other, claim.against, seed)
            if claim.minus:
                value -= self.value(claim.quantity, claim.minus.arm, seed)
                value += self.value(claim.quantity, claim.minus.against, seed)
            found.append(value if claim.direction == "higher" else -value)
        return np.array(found, dtype=float)

    def interval(self, claim: Claim) -> tuple[float, float]:
        """95 % of Student's t over seeds, or over seeds and images where there are answers."""
        values = self.values(claim)
        if claim.quantity != ACCURACY or (claim.against_quantity or ACCURACY) != ACCURACY:
            found = stats.ttest_1samp(values, 0).confidence_interval(0.95)
            return float(found.low), float(found.high)
        pairs = [(1, claim.arm), (-1, claim.against)]
        if claim.minus:
            pairs += [(-1, claim.minus.arm), (1, claim.minus.against)]
        mean, low, _ = self.over_images([(sign, arm) for sign, arm in pairs if arm])
        reach = mean - low
        return values.mean() - reach, values.mean() + reach

    def over_images(self, signed: list[tuple[int, str]]) -> tuple[float, float, float]:
        """Mean and 95 % interval of a sum of accuracies at the last epoch, over seeds and images.

        Args:
            signed: sign and arm; [(1, "pretrained"), (-1, "new")] is a difference.
        """
        seeds, first = self.study.seed, signed[0][1]
        sums = [sum(sign * self.right(arm, seed)[1] for sign, arm in signed) for seed in seeds]
        means = [sum(sign * self.accuracy(arm, seed) for sign, arm in signed) for seed in seeds]
        error, freedom = crossed(np.array(sums, dtype=float), self.right(first, seeds[0])[0])
        mean, reach = float(np.mean(means)), float(error * stats.t.ppf(0.975, freedom))
        return mean, mean - reach, mean + reach

    def verdict(self, claim: Claim) -> str:
        for control in claim.controls:
            values = [self.value(control.quantity, control.arm, seed) for seed in self.study.seed]
            if min(values) < control.at_least:
                return "not testable"
        low, high = self.interval(claim)
        least = claim.effect - claim.margin
        if low > least:
            return "supported"
        if high < least:
            return "refuted" if high < 0 or not claim.effect else "contradicted"
        return "inconclusive"


def crossed(values: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Standard error of a mean over classes, and degrees of freedom: seeds and images vary.

    Two-way random effects, images within their class (Owen & Eckles 2012); the variance of images
    is not counted where it is estimated below zero.

    Args:
        values: (seeds, images).
    """
    seeds, images = values.shape
    classes = sorted(set(labels.tolist()))
    of_seeds = np.zeros(seeds)
    between = within = 0.0
    sizes = []
    for label in classes:
        block = values[:, labels == label]
        count = block.shape[1]
        of_seeds += block.mean(axis=1) / len(classes)
        scale = (images / (len(classes) * count)) ** 2 * count / (count - 1)
        sizes.append(count)
        between += scale * seeds * np.sum((block.mean(axis=0) - block.mean()) ** 2)
        within += scale * np.sum((block - block.mean(axis=1, keepdims=True)) ** 2)
    total_seeds = images * np.sum((of_seeds - of_seeds.mean()) ** 2)
    free_images = sum(1 / n for n in sizes) ** 2 / sum(1 / (n * n * (n - 1)) for n in sizes)
    free_rest = (seeds - 1) * free_images
    rest = within - between
    square_seeds = total_seeds / (seeds - 1)
    square_images, square_rest = between / images, rest / images / (seeds - 1)
    both = square_seeds + square_images - square_rest
    if both <= square_seeds:
        return float(np.sqrt(square_seeds / values.size)), seeds - 1
    parts = square_seeds**2 / (seeds - 1) + square_images**2 / free_images
    freedom = both**2 / (parts + square_rest**2 / free_rest)
    return float(np.sqrt(both / values.size)), max(seeds - 1, freedom)


def transfer_index(none: np.ndarray, half: np.ndarray, every: np.ndarray) -> tuple[float, ...]:
    """(half - none) / (every - none) of the means, and all ratios that a t test does not reject."""
    some, most = half - none, every - none
    ratio = some.mean() / most.mean()

    def kept(tried: float) -> float:
        return stats.ttest_1samp(some - tried * most, 0).pvalue - 0.05

    ends = []
    for side in (-1, 1):
        step = 0.01
        while kept(ratio + side * step) > 0:
            step *= 1.5
        ends.append(brentq(kept, ratio, ratio + side * step))
    return ratio, *ends


def overlap_by_seed(anew: Recomputed, kind: str, score: str) -> tuple[np.ndarray, np.ndarray]:
    """Slope of the gap on doublings of the blocks, and Spearman's correlation of a score with it.

    Args:
        kind: what names of arms begin with, as in <kind>-new~block_shuffle=4.
        score: probe, or a measure of the table of features; of the last stage.
    """
    start = f"{kind}-new~block_shuffle="
    told = [arm.removeprefix(start) for arm in anew.study.arms if arm.startswith(start)]
    doublings = np.log2([1 if blocks == "none" else int(blocks) for blocks in told])
    slopes, correlations = [], []
    for seed in anew.study.seed:
        gaps, scores = [], []
        for blocks in told:
            new, pretrained = (
                f"{kind}-{way}~block_shuffle={blocks}" for way in ("new", "pretrained")
            )
            gaps.append(anew.accuracy(pretrained, seed) - anew.accuracy(new, seed))
            table = "encoder" if score == "probe" else "features"
            rows = anew.rows(table, pretrained, seed, measure=score, stage="layer4")
            scores.append(rows["test_balanced_accuracy" if score == "probe" else "value"].item())
        slopes.append(np.polyfit(doublings, gaps, 1)[0])
        ranks = [stats.rankdata(np.round(values, 12)) for values in (gaps, scores)]
        correlations.append(np.corrcoef(ranks)[0, 1])
    return np.array(slopes), np.array(correlations)
