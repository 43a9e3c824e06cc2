"""Means over seeds and images: against another computation, and coverage by simulation."""

import numpy as np
import pytest
from scipy.stats import sem, t

from tlstudy.audit.crossed import crossed_mean, freedom_of_images


def answers(seeds: int, images: int, generator: np.random.Generator) -> np.ndarray:
    """Differences of being right, (seeds, images): seeds and images vary, the mean is 0.2.

    Seeds differ by 5.7 points, as those of the audit; some images are hard for every network.
    """
    of_seeds = generator.normal(0.2, 0.057, (seeds, 1))
    of_images = generator.choice([-0.25, 0.25], (1, images))
    right = np.clip(of_seeds + of_images, -1, 1)
    return np.sign(right) * (generator.random((seeds, images)) < np.abs(right))


def test_mean_squares_are_those_of_an_analysis_of_variance():
    """Against sums of squares written out image by image."""
    values = answers(6, 40, np.random.default_rng(1))
    seeds, images = values.shape
    mean = values.mean()
    total = ((values - mean) ** 2).sum()
    between_seeds = images * sum((row.mean() - mean) ** 2 for row in values)
    between_images = seeds * sum((column.mean() - mean) ** 2 for column in values.T)
    rest = (total - between_seeds - between_images) / ((seeds - 1) * (images - 1))
    variance = between_seeds / (seeds - 1) + between_images / (images - 1) - rest
    found = crossed_mean(values, np.zeros(values.shape[1]))
    assert found.mean == pytest.approx(mean)
    assert found.standard_error == pytest.approx(np.sqrt(variance / values.size))
    assert found.images == images
    assert seeds - 1 <= found.df


def test_without_a_share_of_the_images_it_is_students():
    values = np.random.default_rng(2).normal(0, 1, (8, 1)) * np.ones((1, 30))
    found = crossed_mean(values, np.zeros(values.shape[1]))
    assert found.standard_error == pytest.approx(float(sem(values[:, 0])))
    assert found.df == 7


def test_classes_give_the_balanced_mean_and_their_differences_are_no_error():
    labels = np.repeat([0, 1], [30, 10])
    values = answers(5, 40, np.random.default_rng(3))
    balanced = np.mean([values[:, labels == label].mean() for label in (0, 1)])
    assert crossed_mean(values, labels).mean == pytest.approx(balanced)
    assert crossed_mean(np.ones((5, 40)), labels).standard_error == pytest.approx(0, abs=1e-12)
    apart = np.ones((5, 40)) * labels  # one class all right, the other all wrong
    assert crossed_mean(apart, labels).mean == pytest.approx(0.5)
    assert crossed_mean(apart, labels).standard_error == pytest.approx(0, abs=1e-12)


def test_the_error_of_a_balanced_accuracy_is_that_of_repetitions():
    """Ten classes with recalls from 0.2 to 1, images drawn anew within each."""
    generator, labels = np.random.default_rng(5), np.repeat(np.arange(10), 30)
    recalls, found = np.linspace(0.2, 1, 10)[labels], []
    for _ in range(600):
        hard = np.clip(recalls + generator.uniform(-0.2, 0.2, len(labels)), 0, 1)
        seeds = generator.normal(0, 0.03, (8, 1))
        values = generator.random((8, len(labels))) < np.clip(hard + seeds, 0, 1)
        found.append(crossed_mean(values.astype(float), labels))
    deviation = np.std([each.mean for each in found])
    error = np.sqrt(np.mean([each.standard_error**2 for each in found]))
    assert error == pytest.approx(deviation, rel=0.1)


def test_seeds_that_are_better_at_some_classes_are_no_error_of_the_images():
    """Twenty classes of three images; each seed knows other classes best. 4,000 repetitions."""
    generator, labels, found = np.random.default_rng(6), np.repeat(np.arange(20), 3), []
    for _ in range(4000):
        known = generator.normal(0, 1, (6, 20))[:, labels]
        hard = generator.normal(0, 1, len(labels))
        rest = generator.normal(0, 0.2, (6, len(labels)))
        found.append(crossed_mean(known + hard + rest, labels))
    deviation = np.std([each.mean for each in found])
    error = np.sqrt(np.mean([each.standard_error**2 for each in found]))
    assert error == pytest.approx(deviation, rel=0.03)


@pytest.mark.parametrize(("seeds", "images"), [(5, 100), (5, 500), (10, 500)])
def test_interval_over_seeds_and_images_covers_the_mean(seeds, images):
    """Of 3,000 repetitions with other seeds and other images: known within 0.8 points."""
    generator, inside, short = np.random.default_rng(4), 0, 0
    for _ in range(3000):
        values = answers(seeds, images, generator)
        found = crossed_mean(values, np.zeros(values.shape[1]))
        reach = t.ppf(0.975, found.df) * found.standard_error
        inside += abs(found.mean - 0.2) <= reach
        of_seeds = values.mean(axis=1)
        short += abs(of_seeds.mean() - 0.2) <= t.ppf(0.975, seeds - 1) * sem(of_seeds)
    assert 0.93 <= inside / 3000 <= 0.975
    if images == 100:
        assert short < inside  # over seeds alone it is too short


@pytest.mark.parametrize(("few", "least"), [(10, 0.93), (5, 0.9)])
def test_the_interval_covers_where_a_class_is_small(few, least):
    """A hundred images of one class beside a few of another, 1,500 repetitions: to 1.5 points."""
    generator, labels = np.random.default_rng(7), np.repeat([0, 1], [100, few])
    inside, alone = 0, 0
    for _ in range(1500):
        hard = generator.choice([-0.25, 0.25], len(labels))
        of_seeds = generator.normal(0.5, 0.057, (10, 1))
        right = (generator.random((10, len(labels))) < of_seeds + hard).astype(float)
        found = crossed_mean(right, labels)
        inside += abs(found.mean - 0.5) <= t.ppf(0.975, found.df) * found.standard_error
        by_seed = (right[:, labels == 0].mean(axis=1) + right[:, labels == 1].mean(axis=1)) / 2
        alone += abs(by_seed.mean() - 0.5) <= t.ppf(0.975, 9) * sem(by_seed)
    assert least <= inside / 1500 <= 0.975
    assert alone < 0.9 * inside


def test_a_class_of_few_images_leaves_little_freedom():
    assert freedom_of_images(np.repeat([0, 1, 2], 20)) == pytest.approx(57)
    assert 4 < freedom_of_images(np.repeat([0, 1], [100, 5])) < 5
    assert freedom_of_images(np.arange(10)) == 0
