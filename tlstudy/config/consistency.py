"""Mistakes of a configuration whose keys are right one by one and wrong together."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from tlstudy.config.augmentation import HALF
from tlstudy.config.catalogue import FIGURES
from tlstudy.config.fields import Selection
from tlstudy.config.groups import groups_of, is_new, label_of, put_back_groups, rung_groups
from tlstudy.config.hints import did_you_mean
from tlstudy.config.ledger import Claim, Control, Pair
from tlstudy.config.measurements import measurements
from tlstudy.config.network_checks import network_contradictions, stage_contradictions
from tlstudy.config.quantities import listed_names, quantity_of
from tlstudy.config.quantity_table import QUANTITIES
from tlstudy.config.settings import Arm, Study


def contradictions(
    study: Study, origins: Mapping[str, str], left_out: Collection[str]
) -> Iterator[str]:
    """One sentence for each mistake.

    Args:
        origins: for each arm the arm in which it is written, sweep or not.
        left_out: arms that are set to null.
    """
    if not study.arms and not study.laboratory.experiments:
        yield (
            "arms: found null for each; must have at least 1 that is not null."
            if left_out
            else "arms: found an empty mapping; must have at least 1 entry."
        )
        return
    for name, measurement in measurements().items():
        yield from _selection_contradictions(study, name, getattr(study, name), origins)
        yield from measurement.check(study)
    labels = [(f"arms.{origins[name]}.label", label_of(study, name)) for name in study.arms]
    yield from _repeated(labels, "labels must differ")
    for name, arm in study.arms.items():
        key = f"arms.{origins[name]}"
        yield from _start_contradictions(study, key, origins[name], arm)
        yield from _size_contradictions(study.subset_size, key, arm)
        yield from _transform_contradictions(key, arm)
        yield from _fold_contradictions(study, key, arm)
        yield from _held_out_contradictions(study.subset_size, key, arm)
        yield from _augmentation_contradictions(key, arm)
        yield from network_contradictions(study, key, arm, arm.model_fields_set)
    yield from _ladder_contradictions(study, left_out)
    yield from _target_contradictions(study)
    for name, claim in study.claims.items():
        yield from _claim_contradictions(study, f"claims.{name}", claim, origins, left_out)


def _repeated(named: Iterable[tuple[str, str]], rule: str) -> Iterator[str]:
    """A sentence for each key whose name an earlier key has too."""
    first: dict[str, str] = {}
    for key, name in named:
        if first.setdefault(name, key) != key:
            yield f"{key}: found '{name}', as in {first[name]}; {rule}."


def _selection_contradictions(
    study: Study, key: str, selection: Selection, origins: Mapping[str, str]
) -> Iterator[str]:
    for seed in selection.seeds:
        if seed not in study.seed:
            yield f"{key}.seeds: found {seed}; must be among the study's seeds {study.seed}."
    for name in selection.arms:
        if name not in {*study.arms, *origins.values()}:
            allowed = ", ".join(dict.fromkeys(origins.values()))
            yield f"{key}.arms: found '{name}'; must be among the study's arms {allowed}."


def _size_contradictions(sizes: Iterable[int], key: str, arm: Arm) -> Iterator[str]:
    data = arm.target.data
    most = len(data.classes) * data.rarest
    for size in sizes:
        if arm.drawing == "stratified" and size > most:
            yield (
                f"subset_size: found {size}; {key} draws the same number of each class of "
                f"{arm.target.source}, so at most {most} are allowed."
            )
        elif size > data.train:
            yield (
                f"subset_size: found {size}; {key} draws from the {data.train} training images "
                f"of {arm.target.source}, so at most {data.train} are allowed."
            )


def _target_contradictions(study: Study) -> Iterator[str]:
    """What is compared learns the same: an accuracy on other images says nothing."""
    pairs = [(f"claims.{name}", claim.arm, claim.against) for name, claim in study.claims.items()]
    differences = {name: claim for name, claim in study.claims.items() if claim.minus}
    pairs += [
        (f"claims.{name}.minus", claim.minus.arm, claim.minus.against)
        for name, claim in differences.items()
    ]
    groups = groups_of(study)
    names = [*rung_groups(study), *put_back_groups(study)]
    rungs = [arm for name in names for arm in groups.get(name, ())]
    pairs += [("ladder", rungs[0], arm) for arm in rungs[1:]]
    for key, arm, against in pairs:
        if arm in study.arms and against in study.arms:
            one, other = study.arms[arm].target, study.arms[against].target
            if one.tested.key != other.tested.key:
                yield (
                    f"{key}: found '{arm}' on {one.key} beside '{against}' on {other.key}; arms "
                    "that are compared must have the same test images."
                )
    for name, claim in differences.items():
        if claim.arm in study.arms and claim.minus.arm in study.arms:
            one, other = (study.arms[arm].target.source for arm in (claim.arm, claim.minus.arm))
            if one != other:
                yield (
                    f"claims.{name}.minus.arm: found '{claim.minus.arm}' on {other} beside "
                    f"'{claim.arm}' on {one}; differences that are compared must be of the same "
                    "images, whatever their transforms."
                )


def _transform_contradictions(key: str, arm: Arm) -> Iterator[str]:
    target, side = arm.target, arm.target.data.side
    if target.block_shuffle and side % target.block_shuffle:
        allowed = ", ".join(str(count) for count in range(2, side + 1) if side % count == 0)
        yield (
            f"{key}.target.block_shuffle: found {target.block_shuffle}; images of {target.source} "
            f"have {side} pixels a side, so allowed are {allowed}."
        )
    if target.canvas and target.canvas.side <= side:
        yield (
            f"{key}.target.canvas.side: found {target.canvas.side}; must be more than {side}, the "
            f"side of images of {target.source}."
        )


def _start_contradictions(study: Study, key: str, name: str, arm: Arm) -> Iterator[str]:
    """An arm called pretrained must say what its weights are: else it would be a new network."""
    if "pretrained" in name.lower() and "initialisation" not in arm.model_fields_set:
        names = ", ".join(["random", *study.weights])
        yield (
            f"{key}.initialisation: missing in an arm that is called {name}; allowed are {names}. "
            "It may be lost where config.yaml is not below the study."
        )


def _fold_contradictions(study: Study, key: str, arm: Arm) -> Iterator[str]:
    fewest = min(study.subset_size) // arm.target.outputs
    if arm.early_stopping and fewest:
        fewest -= arm.early_stopping.held_out(fewest)
    if arm.tune_learning_rate and fewest < 2:
        yield (
            f"subset_size: found {min(study.subset_size)}; {key} is tuned within these images, "
            "which needs at least two of each class to train on."
        )
    elif arm.tune_learning_rate and study.tuning.folds > fewest:
        yield (
            f"tuning.folds: found {study.tuning.folds}; {key} is tuned within "
            f"{min(study.subset_size)} images, {fewest} of each class, so at most {fewest} "
            "are allowed."
        )


def _held_out_contradictions(sizes: Iterable[int], key: str, arm: Arm) -> Iterator[str]:
    least = 2 * arm.target.outputs
    for size in sizes:
        if arm.early_stopping and size < least:
            yield (
                f"subset_size: found {size}; {key}.early_stopping holds out at least one image of "
                f"each class and trains on another, so at least {least} are needed."
            )


def _augmentation_contradictions(key: str, arm: Arm) -> Iterator[str]:
    for place, transform in enumerate(arm.augmentation):
        named = [] if transform.classes == HALF else transform.classes
        for position, label in enumerate(named):
            if label >= arm.target.outputs:
                yield (
                    f"{key}.augmentation.{place}.classes.{position}: found {label}; must be a "
                    f"class from 0 to {arm.target.outputs - 1}."
                )


def _ladder_contradictions(study: Study, left_out: Collection[str]) -> Iterator[str]:
    groups = groups_of(study)
    pairs = ", ".join(group for group, arms in groups.items() if _is_pair(study, arms))
    hint = f", such as {pairs}" if pairs else ""
    hint += f" (null, so left out: {', '.join(left_out)})" if left_out else ""
    rungs = [
        (f"ladder.{place}.{field}", group)
        for place, rung in enumerate(study.ladder)
        for field, group in (("group", rung.group), ("put_back", rung.put_back))
        if group
    ]
    yield from _repeated(rungs, "a group may be on one rung only")
    for key, group in rungs:
        arms = groups.get(group, [])
        if not _is_pair(study, arms):
            named = ", ".join(f"{arm} ({study.arms[arm].initialisation})" for arm in arms)
            count = {0: "without arms", 1: "with the arm "}.get(
                len(arms), f"with {len(arms)} arms: "
            )
            yield (
                f"{key}: found '{group}', a group {count}{named}; must be a group of exactly "
                "two arms, one with initialisation random and one with pretrained weights"
                f"{hint}."
            )


def _is_pair(study: Study, arms: Collection[str]) -> bool:
    """Whether the arms are a new network and a pretrained one."""
    return sorted(is_new(study, arm) for arm in arms) == [False, True]


def _values_that_exclude_each_other(key: str, claim: Claim) -> Iterator[str]:
    if claim.against and claim.above:
        yield (
            f"{key}.above: found {claim.above:g} beside `against`; must be left out, as a claim "
            "compares with an arm or with a number."
        )
    if claim.effect and claim.margin:
        yield (
            f"{key}.margin: found {claim.margin:g} beside an effect of {claim.effect:g}; must be "
            "left out, as a claim is of an effect or of no difference."
        )


def _claim_contradictions(
    study: Study, key: str, claim: Claim, origins: Mapping[str, str], left_out: Collection[str]
) -> Iterator[str]:
    if claim.open:
        return
    for name in ("quantity", "arm"):
        if not getattr(claim, name):
            yield f"{key}.{name}: missing; a claim needs it unless `open` says why it has none."
    yield from _values_that_exclude_each_other(key, claim)
    if claim.arm and claim.against == claim.arm and claim.against_quantity in ("", claim.quantity):
        yield (
            f"{key}.against: found '{claim.against}', the claim's own arm; must be another arm, "
            "or come with another `against_quantity`."
        )
    yield from _minus_mistakes(key, claim)
    if claim.figure and claim.figure not in FIGURES:
        yield f"{key}.figure: found '{claim.figure}'; allowed are {', '.join(FIGURES)}."
    yield from _loss_contradictions(study, key, claim)
    yield from stage_contradictions(study, key, claim)
    if claim.against_quantity and not claim.against:
        yield f"{key}.against_quantity: found '{claim.against_quantity}'; needs `against` too."
    if claim.minus:
        yield from _arm_mistakes(study, f"{key}.minus", claim.minus, origins, left_out)
    controls = ((f"{key}.controls.{index}", one) for index, one in enumerate(claim.controls))
    for place, named in ((key, claim), *controls):
        yield from _quantity_mistakes(place, named)
        yield from _arm_mistakes(study, place, named, origins, left_out)


def _minus_mistakes(key: str, claim: Claim) -> Iterator[str]:
    if claim.minus is None:
        return
    if not claim.against or claim.against_quantity:
        yield (
            f"{key}.minus: needs `against` and no `against_quantity`, as one difference between "
            "two arms is compared with another."
        )
    if claim.minus.arm == claim.minus.against:
        yield f"{key}.minus.against: found '{claim.minus.against}'; must be another arm."
    if (claim.minus.arm, claim.minus.against) == (claim.arm, claim.against):
        yield f"{key}.minus: found the claim's own arms; must be two others."


def _loss_contradictions(study: Study, key: str, claim: Claim) -> Iterator[str]:
    pairs = [(key, claim), *([(f"{key}.minus", claim.minus)] if claim.minus else [])]
    for place, pair in pairs:
        names = (pair.arm, pair.against)
        heads = [study.arms[name].head for name in names if name in study.arms]
        if claim.quantity == "loss" and len(set(heads)) > 1:
            yield (
                f"{place}.against: found '{pair.against}' with head {heads[1]} beside "
                f"'{pair.arm}' with head {heads[0]}; losses of softmax outputs and of logits do "
                "not compare."
            )


def _quantity_mistakes(key: str, named: Claim | Control) -> Iterator[str]:
    fields = ("quantity", "against_quantity")
    found = {field: name for field in fields if (name := getattr(named, field, ""))}
    for field, name in found.items():
        if quantity_of(name) is None:
            hint, allowed = did_you_mean(name, QUANTITIES), ", ".join(listed_names())
            yield f"{key}.{field}: found '{name}'; {hint}allowed are {allowed}."
            return
    units = {name: quantity_of(name).unit for name in found.values()}
    if len(set(units.values())) > 1:
        first, other = units
        yield (
            f"{key}.against_quantity: found '{other}' in {units[other]}; must have the unit of "
            f"'{first}', {units[first]}."
        )


def _arm_mistakes(
    study: Study,
    key: str,
    named: Claim | Control | Pair,
    origins: Mapping[str, str],
    left_out: Collection[str],
) -> Iterator[str]:
    for field in ("arm", "against"):
        name = getattr(named, field, "")
        if not name or name in study.arms:
            continue
        found, arms = f"{key}.{field}: found '{name}'", ", ".join(study.arms) or "(it has none)"
        swept = [arm for arm, origin in origins.items() if origin == name]
        if swept:
            yield f"{found}, which is a sweep; must be one of its arms {', '.join(swept)}."
        else:
            null, too = ("", "")
            if name in left_out:
                null, too = ", which is set to null", ", or the claim be set to null too"
            yield f"{found}{null}; must be among the study's arms {arms}{too}."
