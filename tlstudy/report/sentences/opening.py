"""What the page tells before its numbers: title, groups of arms, data, how values are meant."""

import numpy as np

from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.config.groups import groups_of, is_of_slides, sides_of_slides_group
from tlstudy.config.settings import Study
from tlstudy.config.study_targets import targets
from tlstudy.data.published import SIDE
from tlstudy.report.figures.guessing import softmax_bounds
from tlstudy.report.format import count, join, percent, seeds, sentence, whole
from tlstudy.report.inputs import Inputs
from tlstudy.report.sentences import baselines, how_it_was_run, protocol, results
from tlstudy.report.tables import MOST_ARM_COLUMNS

SEEDS_THAT_SHOW_A_SHAPE = 10  # fewer do not tell a normal distribution from a skewed one


def title(study: Study) -> str:
    """The configuration's title, or one made of the study's images and their number."""
    if study.title:
        return study.title
    of_images = "" if is_of_slides(study) else f" of {images(study)}"
    repeated = ", repeated" + " and corrected" * (len(groups_of(study)) > 1)
    pretrained = any(arm.initialisation != "random" for arm in study.arms.values())
    what = "Transfer learning" if pretrained else "Training"
    sizes = " to ".join(map(str, sorted({min(study.subset_size), max(study.subset_size)})))
    return f"{what} from {sizes} images{of_images}{repeated * is_of_slides(study)}"


def images(study: Study) -> str:
    return join(dict.fromkeys(arm.target.data.title for arm in study.arms.values()))


def coverage(seeds_there: int) -> str:
    """What the intervals rest on with so many seeds; empty without intervals."""
    if seeds_there < MINIMUM_SEEDS:
        return ""
    few = (
        f"With {count(seeds_there, 'seed')} that cannot be checked, so look at every seed too. "
        if seeds_there < SEEDS_THAT_SHOW_A_SHAPE
        else ""
    )
    return (
        "Over seeds it is Student\u2019s t interval, which takes the values to be near normal. "
        f"{few}Where it is over seeds and test images, it holds for other seeds and other images "
        "of this data set; where it is over seeds, for these test images only."
    )


def no_weights(study: Study) -> str:
    """The words for the weights where there is no record of any."""
    if has_pretrained(study):
        return "No record of them was found."
    return "None: every arm starts from random weights."


def has_pretrained(study: Study) -> bool:
    return any(arm.initialisation != "random" for arm in study.arms.values())


def groups_line(inputs: Inputs) -> str:
    """How the study's groups of arms repeat the experiment."""
    groups = list(groups_of(inputs.study))
    if inputs.study.ladder:
        rungs = count(len(inputs.study.ladder), "protocol")
        return f"under {rungs}, each with fewer flaws than the one before"
    if set(groups) == {"published", "corrected"}:
        return "once as it was published, mistakes included, and once corrected"
    return f"in {count(len(groups), 'variant')}: {join(groups)}" if len(groups) > 1 else ""


def side_line(study: Study) -> str:
    """Pixels a side of the arms that stand beside the slides, where the slides have others."""
    sides = sides_of_slides_group(study)
    if not is_of_slides(study) or sides == [SIDE]:
        return ""
    return f"with images of {join(map(str, sides))} pixels a side in place of {SIDE}"


def arms_line(inputs: Inputs) -> str:
    """The arms by name, each with the one it is compared with; the rungs of a ladder in one."""
    if inputs.study.ladder:
        return (
            "On each rung of the ladder the pretrained arm is compared with the new one, seed by "
            "seed."
        )
    if len(inputs.study.arms) == 1 and not is_of_slides(inputs.study):
        return f"This study has one: {inputs.named(next(iter(inputs.study.arms)))}."
    references, parts = inputs.references, []
    alone = "against the slides" if is_of_slides(inputs.study) else "by itself"
    for first in (arm for arm in inputs.study.arms if arm not in references):
        others = [inputs.named(arm) for arm, other in references.items() if other == first]
        if len(others) > MOST_ARM_COLUMNS - 1:
            others = [count(len(others), "other arm")]
        against = inputs.named(first)
        parts.append(f"{join(others)} against {against}" if others else f"{against} {alone}")
    return f"Comparisons: {'; '.join(parts)}."


def seeds_told(inputs: Inputs) -> str:
    there, planned = inputs.seeds_there(), inputs.study.seed
    number = count(len(planned), "seed")
    missing = f"{len(there)} of " * (len(there) < len(planned))
    return f"{seeds(there)} ({missing}{number})"


def table_caption(inputs: Inputs, size: int) -> str:
    """Weights, seeds, test images, epoch rule and BatchNorm policy behind the table."""
    # Once where several networks start from weights of one name.
    used = join(dict.fromkeys(each["source"] for each in how_it_was_run.weights_used(inputs)))
    started = f"Pretrained weights: {used or 'no record'}. " * has_pretrained(inputs.study)
    slides = "The slides have one seed and take the best epoch on all 10\u202f000 test images."
    slides += f" They have images of {SIDE} pixels a side." * bool(side_line(inputs.study))
    return (
        f"Reported values of networks trained on {whole(size)} images. "
        f"{started}Seeds: {seeds(inputs.seeds_there(size))}. "
        f"{_rules(inputs, size)} {_interval_rule(inputs, size)} "
        f"{slides * is_of_slides(inputs.study)}"
    ).strip()


def _interval_rule(inputs: Inputs, size: int) -> str:
    """What differences are and what the small print under a value is."""
    study = inputs.study
    several = len(study.arms) > 1
    swept = ", or the first with the same swept values" * any("~" in name for name in study.arms)
    paired = f"Differences are from the group\u2019s first arm{swept}, seed by seed. " * several
    if results.comparable_pairs(inputs) and baselines.are_compared(inputs, size):
        paired += "In rows without a network it is the pretrained network less the method. "
    if len(inputs.seeds_there(size)) < MINIMUM_SEEDS:
        return f"{paired}An interval needs {MINIMUM_SEEDS} seeds."
    return (
        f"Values are means over seeds. {paired}Small print: 95\u202f% interval of the mean, and "
        "what it is over."
    )


def _rules(inputs: Inputs, size: int) -> str:
    """Epoch rule and BatchNorm policy of each group of arms; once for groups that share them."""
    rules: dict[str, list[str]] = {}
    runs = inputs.runs[inputs.runs["subset_size"] == size]
    for group, names in groups_of(inputs.study).items():
        arms = [inputs.study.arms[name] for name in names]
        epochs = dict.fromkeys(protocol.reported_epoch(arm) for arm in arms)
        statistics = dict.fromkeys(protocol.statistics(arm) for arm in arms)
        rule = (
            f"epoch reported, {join(epochs, 'or')}; BatchNorm statistics, "
            f"{join(statistics, 'or')}; test images, "
            f"{how_it_was_run.tested_images(runs[runs['group'] == group])}."
        )
        # Ours, logits and Ours, trained in one: Ours, logits and trained.
        known = "Ours, " if rule in rules else ""
        rules.setdefault(rule, []).append(
            results.group_title(inputs.study, group).removeprefix(known)
        )
    return " ".join(f"{join(titles)}: {rule}" for rule, titles in rules.items())


def data(study: Study) -> list[str]:
    """A sentence on the images of each target."""
    told = []
    for target in targets(study).values():
        data = target.data
        kind = "grey" if data.channels == 1 else "colour"
        told.append(
            f"{sentence(target.title)}: {kind} {data.pictures} of {data.side} pixels a side, in "
            f"{len(data.classes)} classes. Training images are drawn from its {whole(data.train)}; "
            f"test images are a fixed choice from its {whole(data.test)}."
        )
    return told


def guess(study: Study) -> dict[str, str]:
    """What guessing gives, and the bounds of losses on softmax outputs, in words.

    The bounds are empty where no arm has such a loss.
    """
    classes = sorted({arm.target.outputs for arm in study.arms.values()})
    softmax = {arm.target.outputs for arm in study.arms.values() if arm.head == "softmax"}
    bounds = [softmax_bounds(number) for number in sorted(softmax)]
    return {
        "accuracy": join((percent(1 / number) for number in classes), "or"),
        "loss": join((f"ln {number} = {np.log(number):.3f}" for number in classes), "or"),
        "softmax": join((f"{low:.3f} and {high:.3f}" for low, high in bounds), "or"),
    }
