"""A target: how it is written, what follows from it, and what is refused."""

import pytest

from tlstudy.config.datasets import NAMED
from tlstudy.config.study import build_study, runs
from tlstudy.config.targets import Target
from tlstudy.storage.errors import UserError

STUDY = {"study": "s", "seed": 1, "subset_size": 20}


def arms_of(**arms):
    return build_study({**STUDY, "arms": arms})


def message(**arms) -> str:
    with pytest.raises(UserError) as refused:
        arms_of(**arms)
    return str(refused.value)


def test_the_default_target_leaves_names_of_runs_as_they_were():
    names = {
        run.name
        for target in ({}, {"target": "mnist"}, {"target": {"name": "mnist"}})
        for run in runs(arms_of(new=target))
    }
    assert names == {"random-d28257f439"}


def test_a_name_stands_for_a_mapping_and_may_be_swept():
    study = arms_of(new={"target": ["mnist", "digits"]})
    assert list(study.arms) == ["new~target=mnist", "new~target=digits"]
    assert [arm.target.outputs for arm in study.arms.values()] == [10, 10]
    assert "target~digits" in runs(study)[-1].name


def test_swept_transforms_are_told_in_the_names_of_arms():
    changed = [{"name": "mnist", "invert": True}, {"name": "mnist", "canvas": {"side": 56}}]
    assert list(arms_of(new={"target": ["mnist", *changed]}).arms) == [
        "new~target=mnist",
        "new~target=mnist-invert",
        "new~target=mnist-canvas-side-56",
    ]


def test_what_changes_no_image_makes_no_other_run():
    def name(**target) -> str:
        return runs(arms_of(new={"target": {"name": "digits", **target}}))[0].name

    plain, placed = name(), name(canvas={"side": 16})
    assert name(seed=3) == name(seed=3, invert=False) == plain
    assert name(seed=3, canvas={"side": 16}) == placed != plain
    for drawn in ({"block_shuffle": 2}, {"canvas": {"side": 16, "place": "anywhere"}}):
        assert name(seed=3, **drawn) != name(**drawn)
    told = message(new={"target": {"name": "digits", "side": 16}})
    assert told == ("arms.new.target: side is of a folder of images; must be left out for digits.")
    told = message(new={"target": {"name": "digits", "canvas": {"side": 8}}})
    assert "must be more than 8" in told


def test_an_unknown_data_set_gets_one_sentence():
    assert message(new={"target": "imagenet"}).startswith("arms.new.target.name: found 'imagenet'")
    assert "allowed are" in message(new={"target": {"nam": "mnist"}})


def test_more_images_than_there_are_of_the_rarest_class_are_refused():
    configuration = {**STUDY, "subset_size": 1241, "arms": {"new": {"target": "digits"}}}
    with pytest.raises(UserError, match="at most 1240 are allowed"):
        build_study(configuration)
    build_study({**configuration, "subset_size": 1240})


def test_arms_of_other_targets_are_not_compared():
    claim = {"text": "t", "quantity": "balanced_accuracy", "arm": "a", "against": "b", "effect": 1}
    arms = {"a": {"target": "mnist"}, "b": {"target": "digits"}}
    with pytest.raises(UserError, match="must have the same test images"):
        build_study({**STUDY, "arms": arms, "claims": {"c": claim}})


def test_arms_with_images_placed_otherwise_are_compared_on_the_same_test_images():
    claim = {"text": "t", "quantity": "balanced_accuracy", "arm": "a", "against": "b", "effect": 1}
    there = {"side": 64, "place": "top-left", "test_place": "bottom-right"}
    anywhere = {"side": 64, "place": "anywhere", "test_place": "bottom-right"}

    def study(one: dict, other: dict):
        arms = {name: {"target": {"canvas": own}} for name, own in {"a": one, "b": other}.items()}
        return build_study({**STUDY, "arms": arms, "claims": {"c": claim}})

    one, other = (arm.target for arm in study(there, anywhere).arms.values())
    assert one.key != other.key
    assert one.title == "MNIST, canvas 64 bottom-right, training images top-left"
    with pytest.raises(UserError, match="must have the same test images"):
        study(there, there | {"test_place": "centre"})
    same = Target(canvas=there | {"test_place": "top-left"})
    assert same.key == Target(canvas={"side": 64, "place": "top-left"}).key


def test_differences_on_transforms_of_the_same_images_are_compared():
    shuffled = {"name": "digits", "block_shuffle": 4}
    arms = {"a": {"target": "digits"}, "b": {"target": "digits", "epochs": 2}}
    arms |= {"c": {"target": shuffled}, "d": {"target": shuffled, "epochs": 2}}
    claim = {"text": "t", "quantity": "balanced_accuracy", "arm": "a", "against": "b"}
    study = {**STUDY, "arms": arms}
    build_study({**study, "claims": {"k": claim | {"minus": {"arm": "c", "against": "d"}}}})
    with pytest.raises(UserError, match=r"claims.k.minus: found 'c' on .* beside 'b' on digits; "):
        build_study({**study, "claims": {"k": claim | {"minus": {"arm": "c", "against": "b"}}}})
    arms |= {"c": {"target": "mnist"}, "d": {"target": "mnist", "epochs": 2}}
    with pytest.raises(UserError, match=r"minus.arm: found 'c' on mnist beside 'a' on digits; "):
        build_study({**study, "claims": {"k": claim | {"minus": {"arm": "c", "against": "d"}}}})


def test_the_table_has_a_name_for_every_class():
    assert {name: len(set(data.classes)) for name, data in NAMED.items()} == {
        **dict.fromkeys(("mnist", "digits", "fashion-mnist", "kmnist", "cifar10", "svhn"), 10),
        "emnist-letters": 26,
        "cifar100": 100,
    }
