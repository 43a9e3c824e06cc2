"""Mistakes of the ladder and of claims: what they name is not there, or does not compare."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from tlstudy.config.catalogue import FIGURES
from tlstudy.config.groups import groups_of, is_new, put_back_groups, rung_groups
from tlstudy.config.hints import did_you_mean
from tlstudy.config.ledger import Claim, Control, Pair, pairs
from tlstudy.config.network_checks import stage_contradictions
from tlstudy.config.quantities import listed_names, quantity_of
from tlstudy.config.quantity_table import QUANTITIES
from tlstudy.config.settings import Study


def ledger_contradictions(
    study: Study, origins: Mapping[str, str], left_out: Collection[str]
) -> Iterator[str]:
    """One sentence for each mistake; arguments as of `config.consistency.contradictions`."""
    yield from _ladder_contradictions(study, left_out)
    yield from _target_contradictions(study)
    for name, claim in study.claims.items():
        yield from _claim_contradictions(study, f"claims.{name}", claim, origins, left_out)


def repeated(named: Iterable[tuple[str, str]], rule: str) -> Iterator[str]:
    """A sentence for each key whose name an earlier key has too."""
    first: dict[str, str] = {}
    for key, name in named:
        if first.setdefault(name, key) != key:
            yield f"{key}: found '{name}', as in {first[name]}; {rule}."


def _ladder_contradictions(study: Study, left_out: Collection[str]) -> Iterator[str]:
    groups = groups_of(study)
    fitting = ", ".join(group for group, arms in groups.items() if _is_pair(study, arms))
    hint = f", such as {fitting}" if fitting else ""
    hint += f" (null, so left out: {', '.join(left_out)})" if left_out else ""
    rungs = [
        (f"ladder.{place}.{field}", group)
        for place, rung in enumerate(study.ladder)
        for field, group in (("group", rung.group), ("put_back", rung.put_back))
        if group
    ]
    yield from repeated(rungs, "a group may be on one rung only")
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


def _target_contradictions(study: Study) -> Iterator[str]:
    """What is compared learns the same: an accuracy on other images says nothing."""
    compared = [
        (f"claims.{name}{field}", pair.arm, pair.against)
        for name, claim in study.claims.items()
        for field, pair in pairs(claim).items()
    ]
    groups = groups_of(study)
    names = [*rung_groups(study), *put_back_groups(study)]
    rungs = [arm for name in names for arm in groups.get(name, ())]
    compared += [("ladder", rungs[0], arm) for arm in rungs[1:]]
    for key, arm, against in compared:
        if arm in study.arms and against in study.arms:
            one, other = study.arms[arm].target, study.arms[against].target
            if one.tested.key != other.tested.key:
                yield (
                    f"{key}: found '{arm}' on {one.key} beside '{against}' on {other.key}; arms "
                    "that are compared must have the same test images."
                )
    for name, claim in study.claims.items():
        if claim.minus and claim.arm in study.arms and claim.minus.arm in study.arms:
            one, other = (study.arms[arm].target.source for arm in (claim.arm, claim.minus.arm))
            if one != other:
                yield (
                    f"claims.{name}.minus.arm: found '{claim.minus.arm}' on {other} beside "
                    f"'{claim.arm}' on {one}; differences that are compared must be of the same "
                    "images, whatever their transforms."
                )


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
    for field, pair in pairs(claim).items():
        names = (pair.arm, pair.against)
        heads = [study.arms[name].head for name in names if name in study.arms]
        if claim.quantity == "loss" and len(set(heads)) > 1:
            yield (
                f"{key}{field}.against: found '{pair.against}' with head {heads[1]} beside "
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
