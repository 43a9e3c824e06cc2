"""Mistakes of arms that follow from what their network is."""

from collections.abc import Collection, Iterator

from tlstudy.config.architectures import (
    BOTTLENECKS,
    PYTHON,
    TIMM,
    NetworkFacts,
    allowed_sources,
    network_facts,
    side_of_weights,
)
from tlstudy.config.hints import did_you_mean
from tlstudy.config.ledger import Claim, sides
from tlstudy.config.quantity_table import STAGE_FAMILIES
from tlstudy.config.settings import Arm, Study, WeightsFile

# Of a network's facts, why it has no stages.
HEAD_ALONE = "it has nothing but its last layer"


def network_contradictions(
    study: Study, key: str, arm: Arm, asked: Collection[str]
) -> Iterator[str]:
    """One sentence for each mistake of an arm.

    Args:
        key: of the arm in which it is written.
        asked: names of the arm's settings that are written, not defaults.
    """
    patch = arm.architecture.rpartition("_")[2]
    if arm.architecture.startswith("vit_") and patch.isdigit() and arm.image_size % int(patch):
        yield (
            f"{key}.image_size: found {arm.image_size}; must be a multiple of {patch} for "
            f"{arm.architecture}, the side of its patches."
        )
        return
    facts = network_facts(arm.architecture, arm.image_size)
    if facts.problem:
        yield (
            f"{key}.architecture: found {arm.architecture} with image_size {arm.image_size}; "
            f"{facts.problem}."
        )
        return
    yield from _batchnorm_contradictions(key, arm, facts, asked)
    yield from _trained_contradictions(key, arm, facts)
    for size in study.subset_size:
        whole = arm.images_trained_on(size)
        # A fold is left out of what a learning rate is tried on.
        folds = study.tuning.folds if arm.tune_learning_rate else 0
        left_out = {whole // folds, -(-whole // folds)} if folds else ()
        sizes = [whole, *(whole - count for count in left_out)]
        alone = [count for count in sizes if count // -(-count // arm.batch_size) == 1]
        trained_on = alone[0] if alone else whole
        if facts.batchnorm and facts.one_value and alone:
            yield (
                f"{key}.batch_size: found {arm.batch_size}, so a batch of {trained_on} images at "
                f"{arm.image_size} pixels would hold a single one, on which BatchNorm cannot be "
                "trained; must be at least 3."
            )
    yield from _source_contradictions(study, key, arm)


def _batchnorm_contradictions(
    key: str, arm: Arm, facts: NetworkFacts, asked: Collection[str]
) -> Iterator[str]:
    rescaled = arm.rescaling.running_statistics == "rescaled"
    residual = arm.architecture.startswith(("resnet", "resnext", "wide_resnet"))
    if facts.batchnorm and rescaled and not residual:
        yield (
            f"{key}.rescaling.running_statistics: found rescaled; must be kept for "
            f"{arm.architecture}, as the statistics follow the factor only where each convolution "
            "has no bias and BatchNorm behind it: in torchvision's ResNets."
        )
    if facts.batchnorm:
        return
    if "batchnorm" in asked and arm.batchnorm == "recalibrated":
        yield (
            f"{key}.batchnorm: found recalibrated; must be left out for {arm.architecture}, "
            "which has no BatchNorm."
        )
    if rescaled:
        yield (
            f"{key}.rescaling.running_statistics: found rescaled; must be kept for "
            f"{arm.architecture}, which has no BatchNorm."
        )


def _trained_contradictions(key: str, arm: Arm, facts: NetworkFacts) -> Iterator[str]:
    """The parts of the network that are to be trained are there."""
    if arm.trained.part == "batchnorm" and not facts.batchnorm:
        yield (
            f"{key}.trained: found batchnorm; must be another part for {arm.architecture}, which "
            "has no BatchNorm."
        )
    if arm.trained.share is not None and facts.no_stages == HEAD_ALONE:
        yield (
            f"{key}.trained: found a share of {arm.trained.share:g}; must be left out for "
            f"{arm.architecture}, as {HEAD_ALONE}."
        )
    for place, stage in enumerate(arm.trained.stages):
        if stage not in facts.stages:
            allowed = ", ".join(facts.stages) or f"none, as it has no stages ({facts.no_stages})"
            yield (
                f"{key}.trained.stages.{place}: found '{stage}'; "
                f"{did_you_mean(stage, facts.stages)}stages of {arm.architecture} are {allowed}."
            )


def _source_contradictions(study: Study, key: str, arm: Arm) -> Iterator[str]:
    random = arm.initialisation == "random"
    if arm.built_as is not None and not random:
        yield (
            f"{key}.built_as: found {arm.built_as}; must be left out, as the arm starts from "
            f"{arm.initialisation} and is built as these weights need it."
        )
        return
    field, name = ("built_as", arm.built_as) if random else ("initialisation", arm.initialisation)
    if name is None:
        return
    if name not in study.weights:
        names = ["null", *study.weights] if random else ["random", *study.weights]
        yield (
            f"{key}.{field}: found '{name}'; {did_you_mean(name, names)}"
            f"allowed are {', '.join(names)}."
        )
        return
    at, architecture = f"weights.{name}", arm.architecture
    for source in study.weights[name]:
        if isinstance(source, WeightsFile):
            if not source.file.is_file():
                yield f"{at}: found '{source.file}'; no such file."
            if source.stride_on == "1x1" and _strides_on_3x3(architecture):
                yield (
                    f"{at}: found stride_on 1x1; must be 3x3 for {architecture}, "
                    "which has no bottlenecks."
                )
        elif source not in (allowed := allowed_sources(architecture)):
            names = f"{', '.join(allowed)}, or a file" if allowed else "files only"
            yield f"{at}: found '{source}'; allowed for {architecture} are {names}."
        else:
            side = side_of_weights(architecture, source)
            if side not in (None, arm.image_size) and not random:
                yield (
                    f"{key}.image_size: found {arm.image_size}; must be {side} for {architecture} "
                    f"with the weights {source}, or start from random weights."
                )


def _strides_on_3x3(architecture: str) -> bool:
    return architecture not in BOTTLENECKS and not architecture.startswith((TIMM, PYTHON))


def stage_contradictions(study: Study, key: str, claim: Claim) -> Iterator[str]:
    """The stages in a claim's quantities are those of its arms' networks, and are measured."""
    second = "against_quantity" if claim.against_quantity else "against"
    fields = ("quantity", second, "quantity", "quantity")  # of the sides of a claim
    told = set()
    named = [(f"{key}.{field}", *side) for field, side in zip(fields, sides(claim), strict=False)]
    named += [
        (f"{key}.controls.{index}.quantity", control.quantity, control.arm)
        for index, control in enumerate(claim.controls)
    ]
    for place, quantity, name in named:
        family, _, stage = quantity.partition(".")
        if family not in STAGE_FAMILIES or name not in study.arms:
            continue
        arm = study.arms[name]
        if (quantity, arm.architecture) in told:
            continue
        told.add((quantity, arm.architecture))
        stages = network_facts(arm.architecture, arm.image_size).stages
        others = ("head", "encoder") if family == "put-back" else ()
        frozen = study.encoder.frozen_stages
        if stage not in (*stages, *others):
            allowed = ", ".join((*stages, *others)) or "none"
            hint = did_you_mean(quantity, [f"{family}.{one}" for one in (*stages, *others)])
            yield (
                f"{place}: found '{quantity}'; {hint}stages of {arm.architecture}, the network of "
                f"'{name}', are {allowed}."
            )
        elif family == "frozen" and frozen != "all" and stage not in frozen:
            yield (
                f"{place}: found '{quantity}'; must be a stage of encoder.frozen_stages "
                f"({', '.join(frozen) or 'none'})."
            )
