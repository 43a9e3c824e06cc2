"""Mistakes of a configuration whose keys are right one by one and wrong together."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from tlstudy.config.augmentation import HALF
from tlstudy.config.fields import Selection
from tlstudy.config.groups import label_of
from tlstudy.config.ledger_checks import ledger_contradictions, repeated
from tlstudy.config.measurements import measurements
from tlstudy.config.network_checks import network_contradictions
from tlstudy.config.settings import Arm, Study
from tlstudy.config.training import held_out_of


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
    yield from repeated(labels, "labels must differ")
    for name, arm in study.arms.items():
        key = f"arms.{origins[name]}"
        yield from _start_contradictions(study, key, origins[name], arm)
        yield from _size_contradictions(study.subset_size, key, arm)
        yield from _transform_contradictions(key, arm)
        yield from _fold_contradictions(study, key, arm)
        yield from _held_out_contradictions(study.subset_size, key, arm)
        yield from _augmentation_contradictions(key, arm)
        yield from network_contradictions(study, key, arm, arm.model_fields_set)
    yield from ledger_contradictions(study, origins, left_out)


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
        fewest -= held_out_of(arm.early_stopping, fewest)
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
