"""The classes that an augmentation changes."""

from collections import Counter

import pytest

from tlstudy.config.augmentation import QuarterTurn
from tlstudy.config.targets import Target
from tlstudy.data.shown_classes import classes_of, half_of


def test_half_is_drawn_by_the_seed_with_6_and_9_together():
    halves = [half_of(Target(), seed) for seed in range(300)]
    assert all(len(set(half)) == 5 for half in halves)
    assert all((6 in half) == (9 in half) for half in halves)
    assert len(set(halves)) > 50
    # Other classes are in it about half of the time.
    counts = Counter(label for half in halves for label in half)
    assert all(120 < counts[label] < 180 for label in range(10))


def test_each_seed_has_one_half_whatever_is_done_to_the_images():
    assert half_of(Target(), 3) == half_of(Target(), 3) == half_of(Target(invert=True), 3)


@pytest.mark.parametrize(
    ("name", "size"), [("digits", 5), ("emnist-letters", 13), ("cifar100", 50)]
)
def test_half_is_of_the_target(name, size):
    assert len(half_of(Target(name=name), 26)) == size


@pytest.mark.parametrize(
    ("classes", "expected"), [([], tuple(range(10))), ([7, 2], (2, 7)), ("half", None)]
)
def test_classes_that_are_changed(classes, expected):
    transform = QuarterTurn(name="quarter-turn", classes=classes)
    assert classes_of(transform, Target(), 5) == (expected or half_of(Target(), 5))
