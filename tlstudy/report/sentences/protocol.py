"""The arms in words: what they share, where they differ, which published flaws they carry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tlstudy.config.settings import Arm, Study

NETWORKS = {f"resnet{depth}": f"ResNet-{depth}" for depth in (18, 34, 50, 101, 152)}
DRAWINGS = {
    "stratified": "the same number of each digit, without replacement",
    "published": "at random with replacement, digits as they fall",
}
HEADS = {"logits": "the logits", "softmax": "softmax outputs"}
HELD = {"network": "this network", "another-network": "another network, so nothing is trained"}
STATISTICS = {
    "running": "running averages gathered while training",
    "recalibrated": "recomputed on the training images",
}
REPORTED = {"final": "last", "best-on-test": "best on the test images"}
PARTS = {
    "encoder": "the convolutions",
    "head": "the last layer",
    "both": "convolutions and last layer",
}
MOST_ARM_COLUMNS = 5
NORMALISATIONS = {
    "none": "none: pixels from 0 to 1",
    "imagenet": "ImageNet\u2019s channel means and deviations",
    "weights": "means and deviations that the weights were trained with",
}


def start(arm: Arm) -> str:
    """Where the weights start from."""
    return "random" if arm.initialisation == "random" else f"pretrained ({arm.initialisation})"


def optimiser(arm: Arm) -> str:
    """The optimiser with its step size and what else differs from its defaults."""
    settings = arm.optimiser
    text = f"{'Adam' if settings.name == 'adam' else 'SGD'}, step size {settings.learning_rate:g}"
    other = [
        name
        for name in ("momentum", "weight_decay", "beta1", "beta2")
        if name in type(settings).model_fields
        and getattr(settings, name) != type(settings).model_fields[name].default
    ]
    return ", ".join(
        [text, *(f"{name.replace('_', ' ')} {getattr(settings, name):g}" for name in other)]
    )


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
    "Network": lambda arm: NETWORKS[arm.architecture],
    "Start of the weights": start,
    "Rescaled": rescaled,
    "Training images drawn": lambda arm: DRAWINGS[arm.drawing],
    "Image side": lambda arm: f"{arm.image_size} pixels",
    "Input normalisation": lambda arm: NORMALISATIONS[arm.normalisation],
    "Cross-entropy on": lambda arm: HEADS[arm.head],
    "Optimiser": optimiser,
    "Optimiser holds the weights of": lambda arm: HELD[arm.optimiser_holds],
    "Epochs": lambda arm: str(arm.epochs),
    "Images in a step, at most": lambda arm: str(arm.batch_size),
    "Arithmetic of the steps": lambda arm: arm.precision,
    "BatchNorm statistics in tests": lambda arm: STATISTICS[arm.batchnorm],
    "Epoch reported": lambda arm: REPORTED[arm.reported_epoch],
}


@dataclass(frozen=True)
class Table:
    """A table of words: heads of the columns, then rows that start with their own head."""

    heads: list[str]
    rows: list[list[str]]


def label(name: str, arm: Arm) -> str:
    """The arm's name for readers."""
    return arm.label or name


def _values(study: Study) -> dict[str, list[str]]:
    return {title: [words(arm) for arm in study.arms.values()] for title, words in SETTINGS.items()}


def differences(study: Study) -> Table:
    """The settings in which arms differ: a column for each arm, or a row where they are many."""
    names = [label(name, arm) for name, arm in study.arms.items()]
    rows = [[title, *values] for title, values in _values(study).items() if len(set(values)) > 1]
    if len(names) <= MOST_ARM_COLUMNS:
        return Table(["Setting", *names], rows)
    columns = [list(column) for column in zip(["Arm", *names], *rows, strict=True)]
    return Table(columns[0], columns[1:])


def shared(study: Study) -> list[tuple[str, str]]:
    """Settings that all arms have in common."""
    return [(title, values[0]) for title, values in _values(study).items() if len(set(values)) == 1]


@dataclass(frozen=True)
class Flaw:
    """A flaw of the published protocol.

    Attributes:
        carried: says whether an arm repeats it; None where no arm of ours can.
        instead: what is done here where no arm can carry it.
    """

    name: str
    what: str
    effect: str
    carried: Callable[[Arm], bool] | None = None
    instead: str = ""


def _untrained(arm: Arm) -> bool:
    return arm.optimiser_holds == "another-network"


FLAWS = (
    Flaw(
        "F1",
        "The new network\u2019s optimiser was given the pretrained network\u2019s weights.",
        "The new network was never trained; its loss stayed at ln 10.",
        _untrained,
    ),
    Flaw(
        "F2",
        "So its gradients were never set back to zero.",
        "They add up: the norm grows in proportion to the epoch.",
        _untrained,
    ),
    Flaw(
        "F3",
        "Principal axes were taken of a path that never moved.",
        "The new network\u2019s landscape lies along directions of rounding noise.",
        None,
        "no plane is drawn where a path has fewer than two axes",
    ),
    Flaw(
        "F4",
        "Each landscape had a vertical scale of its own.",
        "A span of 0.004 looks as rough as one of 0.02.",
        None,
        "one scale for all compared",
    ),
    Flaw(
        "F5",
        "Radius, grid and number of weight copies differed; filters were not normalised.",
        "The pictures cannot be compared.",
        None,
        "same radius and grid; random directions are filter-normalised",
    ),
    Flaw(
        "F6",
        "Landscapes used the last BatchNorm averages at every point.",
        "The centre is no minimum of what was trained.",
        None,
        "each point uses the statistics of its own batch",
    ),
    Flaw(
        "F7",
        "Softmax was applied twice: in the network and in the loss.",
        "The loss is confined to 1.461 to 2.461 and gradients fade.",
        lambda arm: arm.head == "softmax",
    ),
    Flaw(
        "F8",
        "Inputs were not normalised as ImageNet\u2019s were.",
        "The pretrained layers see other inputs than they were trained on.",
        lambda arm: arm.normalisation == "none",
    ),
    Flaw(
        "F9",
        "Tests used BatchNorm averages that thirty steps are too few to settle.",
        "Test curves show the averages catching up along with the learning.",
        lambda arm: arm.batchnorm == "running",
    ),
    Flaw(
        "F10",
        "A large change of the last layer was read as an untouched encoder.",
        "Adam moves each weight by about its step size, so small weights change most.",
        None,
        "the change that the step size predicts is shown beside the measured one",
    ),
    Flaw(
        "F11",
        "Changes were measured from the previous epoch only.",
        "How far the weights drifted in all stays unknown.",
        None,
        "measured from the start too",
    ),
    Flaw(
        "F12",
        "Layers were shown for the pretrained network only.",
        "There is no control.",
        None,
        "shown for every arm",
    ),
    Flaw(
        "F13",
        "The best epoch was chosen on the test images.",
        "The result is optimistic.",
        lambda arm: arm.reported_epoch == "best-on-test",
    ),
    Flaw("F14", "There was one seed.", "At least 3.9 points of spread are unexplained."),
    Flaw(
        "F15",
        "Images were drawn with replacement and not by digit.",
        "In the slides' draw digits have two to nine images each.",
        lambda arm: arm.drawing == "published",
    ),
    Flaw(
        "F16",
        "Angles were arccosines in single precision.",
        "Below 0.05 degrees they are rounding; the zeros are not real.",
        None,
        "computed from sums and differences in double precision",
    ),
)


def flaws(study: Study) -> Table:
    """The flaws, their effects and which arms of this study repeat them."""
    return Table(
        ["Flaw", "What was done", "What it does", "In this study"],
        [[flaw.name, flaw.what, flaw.effect, _carriers(flaw, study)] for flaw in FLAWS],
    )


def _carriers(flaw: Flaw, study: Study) -> str:
    if flaw.name == "F14":
        alone = len(study.seed) == 1
        return "all arms: one seed" if alone else f"no arm: {len(study.seed)} seeds"
    if flaw.carried is None:
        return f"no arm: {flaw.instead}"
    carriers = {name: arm for name, arm in study.arms.items() if flaw.carried(arm)}
    if len(carriers) == len(study.arms) > 1:
        return "all arms"
    return _rungs_first(carriers, study) or "no arm"


def _rungs_first(carriers: Mapping[str, Arm], study: Study) -> str:
    """The arms; on a ladder those that are a whole rung together by its name."""
    grouped = grouped_arms(study)
    whole = [
        rung.group
        for rung in study.ladder
        if all(name in carriers for name, _ in grouped[rung.group])
    ]
    others = [label(name, arm) for name, arm in carriers.items() if arm.group not in whole]
    rungs = (
        f"rungs {', '.join(whole)}" if len(whole) > 1 else f"rung {''.join(whole)}" * bool(whole)
    )
    return "; ".join(filter(None, (rungs, ", ".join(others))))


def grouped_arms(study: Study) -> Mapping[str, list[tuple[str, Arm]]]:
    """Arms by group, in the order of the configuration."""
    grouped: dict[str, list[tuple[str, Arm]]] = {}
    for name, arm in study.arms.items():
        grouped.setdefault(arm.group, []).append((name, arm))
    return grouped
