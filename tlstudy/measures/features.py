"""Measurement `features`: how a network's features lie before and after its training."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tlstudy.config.fields import Selection
from tlstudy.config.measurements import Measurement, few_enough_test_images

if TYPE_CHECKING:
    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
    from tlstudy.networks.fine_tuned import FineTuned

PIXELS = 14  # a side of the images that are reconstructed
COLUMNS = {
    "measure": (
        "string",
        "dimensions-before, dimensions-after: participation ratio of the features on test images; "
        "shared-dimensions: ENSD of the two; similarity: debiased linear CKA of the two; "
        "log-evidence: LogME of the features before training on the training images; "
        "reconstruction-before, reconstruction-after: R^2 of test images at 14 x 14 pixels, "
        "decoded from the features by ridge regression on the training images. BatchNorm's "
        "statistics are those of the test images; of the training images for log-evidence",
    ),
    "stage": ("string", "a stage by the network's own name; features are averaged over positions"),
    "value": ("float64", "the measure's value"),
    "test_images": ("int64", "number of test images behind it; 0 for log-evidence"),
}


class Features(Selection):
    """How a network's features lie before and after its training."""

    test_images: Annotated[int, Field(strict=True, ge=10)] = Field(
        1000, description="Test images whose features are looked at."
    )


def measure(fine_tuned: "FineTuned", settings: Features) -> Iterator[dict]:
    """Dimensions, similarity and evidence by stage; no rows if it diverged or has no stages.

    BatchNorm's statistics are those of the test images looked at. Statistics of few training
    images would not do: a channel that hardly varies on them is enlarged without bound on the test
    images that leave their range, and a few images then hold most of a stage's variance.
    Log-evidence is known before any test image is seen, so it has the training images' statistics.
    """
    import torch

    from tlstudy.measures.pixels import pixels
    from tlstudy.measures.stage_features import (
        batches_of,
        debiased_cka,
        log_evidence,
        participation_ratio,
        reconstruction,
        shared_dimensions,
        stage_features,
    )
    from tlstudy.networks.stages import NoStagesError

    if not fine_tuned.finished:
        return
    images = fine_tuned.images.with_first_tests(settings.test_images)
    looked_at = images.test
    start, end = (fine_tuned.network_at(point) for point in ("start", "end"))

    try:
        shown = stage_features(start, images, images.train, batches_of(images, images.train))
    except NoStagesError:
        return
    raw = torch.cat([looked_at, images.train])
    before, after = (
        stage_features(at, images, raw, batches_of(images, looked_at)) for at in (start, end)
    )
    shown_pixels, test_pixels = (pixels(raw, PIXELS) for raw in (images.train, looked_at))
    for stage in shown:
        first, second = (at[stage][: len(looked_at)].numpy() for at in (before, after))
        train_first, train_second = (at[stage][len(looked_at) :].numpy() for at in (before, after))
        found = {
            "dimensions-before": participation_ratio(first),
            "dimensions-after": participation_ratio(second),
            "shared-dimensions": shared_dimensions(first, second),
            "similarity": debiased_cka(first, second),
            "reconstruction-before": reconstruction(train_first, shown_pixels, first, test_pixels),
            "reconstruction-after": reconstruction(train_second, shown_pixels, second, test_pixels),
        }
        for name, value in found.items():
            yield {"measure": name, "stage": stage, "value": value, "test_images": len(looked_at)}
        evidence = log_evidence(shown[stage].numpy(), images.train_labels.numpy())
        yield {"measure": "log-evidence", "stage": stage, "value": evidence, "test_images": 0}


def passes(study: "Study", run: "Run") -> float:
    """Both kinds of images before and after training, with BatchNorm's, and log-evidence."""
    images = min(study.features.test_images, run.settings.target.data.test)
    return 4 * images + 4 * run.subset_size


MEASUREMENT = Measurement(
    name="features",
    title="Features",
    help="Measure how a run's features lie before and after its training.",
    settings=Features,
    measure=measure,
    columns=COLUMNS,
    passes=passes,
    memory_mb=6000,
    check=partial(few_enough_test_images, name="features"),
)
