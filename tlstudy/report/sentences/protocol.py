"""The arms in words: settings that they share, settings in which they differ, and their flaws."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tlstudy.audit.flaws import FLAWS, Flaw
from tlstudy.config.architectures import NotCalledError, network_facts
from tlstudy.config.augmentation import HALF, Transform
from tlstudy.config.groups import groups_of, is_new, is_of_slides, label_of
from tlstudy.config.settings import Arm, Study
from tlstudy.config.study_targets import targets
from tlstudy.config.words import in_short
from tlstudy.report.format import count, join, percent, sentence, whole
from tlstudy.report.names import network_name
from tlstudy.report.tables import Table, table_of_arms

DRAWINGS = {
    "stratified": "evenly over the classes, without replacement",
    "published": "at random with replacement, classes as they fall",
}
OPTIMISERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
SCHEDULES = {
    "constant": "the same at every step",
    "cosine": "falls to 0 along half a cosine",
    "step": "times {factor:g} every {every}",
}
TRAINED = {
    "all": "all weights",
    "head": "the last layer",
    "batchnorm": "BatchNorm and the last layer",
    "bias": "biases and the last layer",
}
MASKS = {
    "top_k": "those of the largest first gradients",
    "random": "drawn by the seed",
    "shuffled_top_k": "as many of each tensor as of the largest first gradients, at random",
}
HEADS = {"logits": "the logits", "softmax": "softmax outputs"}
HELD = {"network": "this network", "another-network": "another network, so nothing is trained"}
STATISTICS = {
    "running": "running averages gathered while training",
    "recalibrated": "recomputed on the training images",
}
REPORTED = {"final": "last", "best-on-test": "best on the test images"}
PARTS = {
    "encoder": "the layers before the last, BatchNorm apart",
    "first": "the first convolution",
    "head": "the last layer",
    "both": "all layers, BatchNorm apart",
    "all": "every parameter",
}
NO_ARM = "no arm"
NORMALISATIONS = {
    "none": "none: pixels from 0 to 1",
    "imagenet": "ImageNet\u2019s channel means and deviations",
    "weights": "means and deviations that the weights were trained with",
}


def tested_images(study: Study, asked: int) -> str:
    """On how many images networks are tested: those asked for, or all where a target has fewer."""
    amounts = {min(asked, target.data.test) for target in targets(study).values()}
    return join(map(whole, sorted(amounts)), "or")


def tests(study: Study) -> str:
    """When networks are tested, on how many images, and with which BatchNorm statistics."""
    evaluation = study.evaluation
    few, all_images = (
        tested_images(study, asked) for asked in (evaluation.epoch_images, evaluation.final_images)
    )
    both = evaluation.statistics == "both"
    with_which = (
        "twice: with the BatchNorm averages gathered during training, and with statistics "
        "recomputed on the training images"
        if both
        else "with the BatchNorm statistics that its arm reports"
    )
    if evaluation.after_epochs == "all":
        told = f"After each epoch the network is tested on {few} images, {with_which}."
        told += f" After the last epoch it is tested on {all_images} images."
    else:
        told = (
            f"After the last epoch the network is tested on {all_images} images, {with_which}. "
            f"After earlier epochs, only arms that report their best epoch are tested, on {few} "
            "images, with the statistics that they report."
        )
    if not both:
        told += (
            f" After the last epoch {few} images are tested with the other statistics too, for "
            "comparison."
        )
    return told


def fewer(study: Study) -> str:
    """What is done where a target has fewer test images than the study asks for; empty if none."""
    lacking = (
        target
        for target in targets(study).values()
        if target.data.test < study.evaluation.final_images
    )
    told = (f"{target.data.title} has {whole(target.data.test)} test images" for target in lacking)
    found = join(dict.fromkeys(told))
    return f"{sentence(found)}, and all are used." if found else ""


def statistics(arm: Arm) -> str:
    """Where BatchNorm's statistics in tests come from, if the network has any."""
    there = _has_batchnorm(arm)
    if there is None:
        return f"{STATISTICS[arm.batchnorm]}, if it has BatchNorm"
    return STATISTICS[arm.batchnorm] if there else "none: it has no BatchNorm"


def _has_batchnorm(arm: Arm) -> bool | None:
    """None where it is not known."""
    try:
        return network_facts(arm.architecture, arm.image_size).batchnorm
    except NotCalledError:
        return None


def start(arm: Arm) -> str:
    """Where the weights start from."""
    return "random" if arm.initialisation == "random" else f"pretrained ({arm.initialisation})"


def target(arm: Arm) -> str:
    """The images that are learned."""
    return arm.target.title


def optimiser(arm: Arm) -> str:
    """The optimiser with its learning rate and what else differs from its defaults."""
    settings = arm.optimiser
    text = f"{OPTIMISERS[settings.name]}, learning rate {settings.learning_rate:g}"
    other = settings.model_dump(exclude={"name", "learning_rate"}, exclude_defaults=True)
    return ", ".join([text, *_in_words(other)])


def _in_words(settings: Mapping[str, Any]) -> Iterator[str]:
    """Settings as a text each; one that is on by its name alone."""
    for name, value in settings.items():
        words = name.replace("_", " ")
        yield words if value is True else f"{words} {value:g}"


def schedule(arm: Arm) -> str:
    """The course of the learning rate."""
    settings = arm.schedule
    text, epochs = SCHEDULES[settings.name], "epoch" if settings.warm_up == 1 else "epochs"
    if settings.name == "step":
        every = count(settings.every, "epoch").removeprefix("1 ")
        text = text.format(factor=settings.factor, every=every)
    return f"{text}, after a rise over {settings.warm_up:g} {epochs}" if settings.warm_up else text


def trained(arm: Arm) -> str:
    """Which weights are trained."""
    settings = arm.trained
    if settings.stages:
        return f"{', '.join(settings.stages)} and the last layer"
    if settings.share is None:
        return TRAINED[settings.part]
    which = MASKS[next(name for name in MASKS if getattr(settings, name) is not None)]
    return f"{settings.share:.3g} of the weights, {which}, and the last layer"


def average(arm: Arm) -> str:
    """Which weights are looked at."""
    if arm.weight_average is None:
        return "those of the last step"
    return f"exponential averages over the steps, decay {arm.weight_average:g}"


def augmentation(arm: Arm) -> str:
    """Random changes of the training images."""
    return "; ".join(_changed(transform) for transform in arm.augmentation) or "no"


def _changed(transform: Transform) -> str:
    settings = transform.model_dump(exclude={"name", "classes"})
    words = [transform.name.replace("-", " ")]
    words += (
        in_short(value, " ", " or ") for value in ({key: own} for key, own in settings.items())
    )
    if transform.classes == HALF:
        words.append("half of the classes only, drawn by the seed")
    elif transform.classes:
        words.append(f"classes {join(map(str, transform.classes))} only")
    return ", ".join(words)


def held_out(arm: Arm) -> str:
    """The share of the training images that decides when the training ends."""
    settings = arm.early_stopping
    if settings is None:
        return "none"
    epochs = count(settings.patience, "epoch")
    return f"{percent(settings.share)}, until {epochs} without a lower loss"


def reported_epoch(arm: Arm) -> str:
    """The epoch whose values are reported."""
    if arm.early_stopping and arm.reported_epoch == "final":
        return "best on held-out training images"
    return REPORTED[arm.reported_epoch]


def rescaled(arm: Arm) -> str:
    """Which weights were multiplied, by what, and their learning rate."""
    settings = arm.rescaling
    parts = []
    if settings.factor != 1:
        parts.append(f"{PARTS[settings.part]} times {settings.factor:g}")
        if settings.part != "head":
            parts.append(f"BatchNorm\u2019s running statistics {settings.running_statistics}")
    if settings.learning_rate_factor != 1:
        parts.append(
            f"learning rate of {PARTS[settings.part]} times {settings.learning_rate_factor:g}"
        )
    return "; ".join(parts) or "nothing"


SETTINGS: dict[str, Callable[[Arm], str]] = {
    "Images": target,
    "Network": lambda arm: network_name(arm.architecture),
    "Start of the weights": start,
    "Rescaled": rescaled,
    "Training images drawn": lambda arm: DRAWINGS[arm.drawing],
    "Image side": lambda arm: f"{arm.image_size} pixels",
    "Input normalisation": lambda arm: NORMALISATIONS[arm.normalisation],
    "Cross-entropy on": lambda arm: HEADS[arm.head],
    "Optimiser": optimiser,
    "Optimiser holds the weights of": lambda arm: HELD[arm.optimiser_holds],
    "Schedule": schedule,
    "Gradient norm, at most": lambda arm: (
        "any" if arm.gradient_clip is None else f"{arm.gradient_clip:g}"
    ),
    "Trained": trained,
    "Pull towards the start (L2-SP)": lambda arm: f"{arm.l2_sp:g}",
    "Label smoothing": lambda arm: f"{arm.label_smoothing:g}",
    "Weights tested": average,
    "Training images changed": augmentation,
    "Training images held out": held_out,
    "Epochs": lambda arm: str(arm.epochs),
    "Images in a step, at most": lambda arm: str(arm.batch_size),
    "Arithmetic of the steps": lambda arm: arm.precision,
    "BatchNorm statistics in tests": statistics,
    "Epoch reported": reported_epoch,
}


# Settings that are told only where an arm has another than the default.
IF_CHANGED = (
    "Schedule",
    "Gradient norm, at most",
    "Label smoothing",
    "Trained",
    "Pull towards the start (L2-SP)",
    "Weights tested",
    "Training images changed",
    "Training images held out",
)


def _values(study: Study) -> dict[str, list[str]]:
    usual, found = Arm(), {}
    for title, words in SETTINGS.items():
        values = [words(arm) for arm in study.arms.values()]
        if title not in IF_CHANGED or set(values) != {words(usual)}:
            found[title] = values
    return found


def settings(study: Study) -> dict[str, list]:
    """All settings of every arm: titles, and for each arm its label and its values in words."""
    found = _values(study)
    arms = [
        {"label": label_of(study, name), "values": [values[place] for values in found.values()]}
        for place, name in enumerate(study.arms)
    ]
    return {"titles": list(found), "arms": arms}


def differences(study: Study) -> Table:
    """The settings in which arms differ."""
    rows = [[title, *values] for title, values in _values(study).items() if len(set(values)) > 1]
    return table_of_arms("Setting", [label_of(study, name) for name in study.arms], rows)


def shared(study: Study) -> list[tuple[str, str]]:
    """Settings that all arms have in common."""
    return [(title, values[0]) for title, values in _values(study).items() if len(set(values)) == 1]


def flaws(study: Study) -> Table:
    """The published flaws, their effects and which arms of this study repeat them.

    A study that does not repeat the slides has a row only for the flaws that it shares with them.
    """
    rows = [
        [flaw.name, flaw.what, flaw.effect, _carriers(flaw, study)]
        for flaw in FLAWS
        if flaw.published
    ]
    if not is_of_slides(study):
        rows = [row for row in rows if not row[-1].startswith(NO_ARM)]
    return Table(["Flaw", "What was done", "What it does", "In this study"], rows)


def _carriers(flaw: Flaw, study: Study) -> str:
    if flaw.name == "F14":
        alone = len(study.seed) == 1
        return "all arms: one seed" if alone else f"{NO_ARM}: {len(study.seed)} seeds"
    if flaw.setting is None:
        return f"{NO_ARM}: {flaw.mended}"
    carriers = [name for name, arm in study.arms.items() if flaw.carried_by(arm)]
    if flaw.name == "F9":
        carriers = [name for name in carriers if _has_batchnorm(study.arms[name]) is not False]
    if flaw.name == "F8":  # of pretrained layers, and of what they are compared with
        concerned = {study.arms[name].group for name in carriers if not is_new(study, name)}
        carriers = [name for name in carriers if study.arms[name].group in concerned]
    if len(carriers) == len(study.arms) > 1:
        return "all arms"
    return _rungs_first(carriers, study) or NO_ARM


def _rungs_first(carriers: Iterable[str], study: Study) -> str:
    """The arms; a rung of the ladder by its name if all of its arms are among them."""
    groups = groups_of(study)
    rungs = [rung.group for rung in study.ladder if set(groups[rung.group]) <= set(carriers)]
    others = [label_of(study, name) for name in carriers if study.arms[name].group not in rungs]
    words = f"rung{'s' if len(rungs) > 1 else ''} {', '.join(rungs)}" if rungs else ""
    return "; ".join(filter(None, (words, ", ".join(others))))
