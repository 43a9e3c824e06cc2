"""Measurement `features`: how a network's features lie before and after its training."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tlstudy.config.fields import Selection
from tlstudy.config.measurements import Measurement

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
        "decoded from the features by ridge regression on the training images",
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
    """Dimensions, similarity and evidence by stage; no rows if it diverged or has no stages."""
    from tlstudy.measures.pixels import pixels
    from tlstudy.measures.stage_features import (
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
    images, training = fine_tuned.images, fine_tuned.training
    looked_at = images.test[: settings.test_images]
    start, end = (fine_tuned.network_at(point) for point in ("start", "end"))
    try:
        shown, shown_after = (
            stage_features(at, training, images, images.train) for at in (start, end)
        )
    except NoStagesError:
        return
    before, after = (stage_features(at, training, images, looked_at) for at in (start, end))
    shown_pixels, test_pixels = (pixels(raw, PIXELS) for raw in (images.train, looked_at))
    for stage in shown:
        first, second = before[stage].numpy(), after[stage].numpy()
        found = {
            "dimensions-before": participation_ratio(first),
            "dimensions-after": participation_ratio(second),
            "shared-dimensions": shared_dimensions(first, second),
            "similarity": debiased_cka(first, second),
            "reconstruction-before": reconstruction(
                shown[stage].numpy(), shown_pixels, first, test_pixels
            ),
            "reconstruction-after": reconstruction(
                shown_after[stage].numpy(), shown_pixels, second, test_pixels
            ),
        }
        for name, value in found.items():
            yield {"measure": name, "stage": stage, "value": value, "test_images": len(looked_at)}
        evidence = log_evidence(shown[stage].numpy(), images.train_labels.numpy())
        yield {"measure": "log-evidence", "stage": stage, "value": evidence, "test_images": 0}


def passes(study: "Study", run: "Run") -> float:
    """Two looks at the test images, two at the training images, and BatchNorm's."""
    images = min(study.features.test_images, run.settings.target.data.test)
    return 2 * images + 6 * run.subset_size


def check(study: "Study") -> Iterator[str]:
    """Test images are among those of the evaluation."""
    images, most = study.features.test_images, study.evaluation.final_images
    if study.features.seeds and images > most:
        yield (
            f"features.test_images: found {images}; must be at most "
            f"evaluation.final_images ({most})."
        )


MEASUREMENT = Measurement(
    name="features",
    title="Features",
    help="Measure how a run's features lie before and after its training.",
    settings=Features,
    measure=measure,
    columns=COLUMNS,
    passes=passes,
    memory_mb=6000,
    check=check,
)
