"""Arms of a study by group, kind of start and rung of the ladder."""

from collections.abc import Callable, Container

from tlstudy.config.settings import Arm, Study
from tlstudy.config.sweeps import swept_values
from tlstudy.config.targets import MNIST


def label_of(study: Study, arm: str) -> str:
    """The arm's name in figures and report."""
    return study.arms[arm].label or arm


def is_new(study: Study, arm: str) -> bool:
    return study.arms[arm].initialisation == "random"


def arms_of_kind(study: Study, new: bool) -> list[str]:
    """Arms that start from random weights, or those that do not, in the study's order."""
    return [arm for arm in study.arms if is_new(study, arm) == new]


def groups_of(study: Study) -> dict[str, list[str]]:
    """Groups in the study's order, each with its arms."""
    groups: dict[str, list[str]] = {}
    for name, arm in study.arms.items():
        groups.setdefault(arm.group, []).append(name)
    return groups


def pairs_of(study: Study, among: Container[str]) -> dict[str, tuple[str, str]]:
    """New and pretrained arm of each group that has just one of each among some arms."""
    found = {}
    for group, names in groups_of(study).items():
        pair = sorted(filter(among.__contains__, names), key=lambda arm: not is_new(study, arm))
        if [is_new(study, arm) for arm in pair] == [True, False]:
            found[group] = tuple(pair)
    return found


def reference_arms(study: Study) -> dict[str, str]:
    """Each arm's reference; the arms that are references themselves are not in it.

    The reference is the first arm of the group that was swept to the same values (the names of
    swept arms end in ~key=value), and the first arm of the group where there is no other. Arms of
    another target are never compared.
    """
    references = {}
    for name, arm in study.arms.items():
        group = [other for other in study.arms if _compare(study.arms[other], arm)]
        alike = [other for other in group if swept_values(other) == swept_values(name)]
        reference = alike[0] if len(alike) > 1 else group[0]
        if reference != name:
            references[name] = reference
    return references


def _compare(one: Arm, other: Arm) -> bool:
    return one.group == other.group and one.target == other.target


def group_of_slides(study: Study) -> str | None:
    """The group that repeats what the slides' numbers are of; None if there is no such group."""
    for group, names in groups_of(study).items():
        arms = [study.arms[name] for name in names]
        untrained = any(arm.optimiser_holds == "another-network" for arm in arms)
        if untrained and all(map(_is_as_published, arms)):
            return group
    return None


def is_of_slides(study: Study) -> bool:
    """Whether the slides stand beside the study: it repeats them, and all arms learn MNIST."""
    same = all(arm.target == MNIST for arm in study.arms.values())
    return same and group_of_slides(study) is not None


def sides_of_slides_group(study: Study) -> list[int]:
    """Pixels a side in the arms that repeat what the slides' numbers are of, each once."""
    names = groups_of(study).get(group_of_slides(study), [])
    return sorted({study.arms[name].image_size for name in names})


def _is_as_published(arm: Arm) -> bool:
    """Whether an arm is a ResNet-50 on MNIST as it is, by the published protocol."""
    protocol = (arm.head, arm.drawing, arm.reported_epoch)
    published = protocol == ("softmax", "published", "best-on-test")
    return arm.target == MNIST and arm.architecture == "resnet50" and published


Sweep = dict[int, tuple[str, str]]
# In these alone arms of a pair may differ.
ALIKE = ("initialisation", "built_as", "target", "label", "group")


def block_sweeps(study: Study) -> dict[str, Sweep]:
    """New and pretrained arm by blocks along a side (1: images as they are), by the images' name.

    Of targets that `block_shuffle` takes apart in two ways or more; arms of a pair differ in their
    start alone, and pairs of a sweep in their blocks.
    """
    found: dict[tuple[str, str, str], Sweep] = {}
    for name in arms_of_kind(study, new=False):
        arm = study.arms[name]
        rest = arm.model_dump_json(exclude={*ALIKE})
        for other in arms_of_kind(study, new=True):
            new = study.arms[other]
            if new.target == arm.target and new.model_dump_json(exclude={*ALIKE}) == rest:
                key = (_as_it_was(arm), arm.initialisation, rest)
                found.setdefault(key, {})[arm.target.block_shuffle or 1] = (other, name)
                break
    sweeps: dict[str, Sweep] = {}
    for (images, *_), pairs in found.items():
        if len(pairs) > 1:
            title = images
            if images in sweeps:  # in another way of training
                title = f"{images}, {study.arms[next(iter(pairs.values()))[1]].group}"
            sweeps[title] = dict(sorted(pairs.items()))
    return sweeps


def _as_it_was(arm: Arm) -> str:
    """The target in words, without what takes it into blocks."""
    return arm.target.model_copy(update={"block_shuffle": None, "seed": 0}).title


def rung_groups(study: Study) -> list[str]:
    """Groups of the ladder's rungs, in its order."""
    return [rung.group for rung in study.ladder]


def put_back_groups(study: Study) -> list[str]:
    """Groups of the sound protocol with some flaws put back, in the ladder's order."""
    return [rung.put_back for rung in study.ladder if rung.put_back]


def sound_rung(study: Study) -> int:
    """The last rung that mends a flaw: the protocol into which single flaws are put back."""
    mending = [
        place
        for place, rung in enumerate(study.ladder)
        if any(name[:1] == "F" and name[1:].isdigit() for name in rung.mends)
    ]
    return max(mending, default=len(study.ladder) - 1)


def other_groups(study: Study) -> list[str]:
    """Rungs that figures by arm leave to a second figure: all but the first and the last one.

    The last one here is that before learning rates were chosen, where there is one: it differs
    from the first in what was mended and in nothing else.
    """
    rungs = rung_groups(study)
    untuned = [group for group in rungs if not _tuned(study, group)]
    return [group for group in rungs if group not in (rungs[0], (untuned or rungs)[-1])]


def _tuned(study: Study, group: str) -> bool:
    return any(study.arms[arm].tune_learning_rate for arm in groups_of(study)[group])


def without_other_rungs(study: Study) -> Study:
    """The study with the arms that are looked at one by one; all of them without a ladder."""
    left_out = {*other_groups(study), *put_back_groups(study)}
    return only_arms(study, lambda arm: arm.group not in left_out)


def only_arms(study: Study, chosen: Callable[[Arm], bool]) -> Study:
    """The study with some of its arms."""
    arms = {name: arm for name, arm in study.arms.items() if chosen(arm)}
    return study.model_copy(update={"arms": arms})
