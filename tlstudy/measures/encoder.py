"""Measurement `encoder`: what the stages of a network hold before and after its training."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tlstudy.config.fields import ENCODER_STAGES, EncoderStage, Once, Selection
from tlstudy.config.measurements import Measurement
from tlstudy.measures.passes import training_passes, weight_of

if TYPE_CHECKING:
    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
    from tlstudy.networks.fine_tuned import FineTuned

log = logging.getLogger(__name__)
# Share of a residual network's operations that comes after a stage.
AFTER = {"stem": 0.97, "layer1": 0.80, "layer2": 0.56, "layer3": 0.20, "layer4": 0.0}
COLUMNS = {
    "measure": (
        "string",
        "probe: logistic regression on a stage's averaged outputs before training; frozen: "
        "everything up to the stage held as it was, the rest trained; put-back: fine-tuned, then "
        "the stage's weights put back; fine-tuned: nothing held or put back",
    ),
    "stage": (
        "string",
        "stem, layer1 to layer4 (groups of blocks), encoder (all of "
        "them), head (the last layer); empty if fine-tuned",
    ),
    "train_balanced_accuracy": ("float64", "mean recall on the training images, 0 to 1"),
    "test_balanced_accuracy": ("float64", "mean recall on test images, 0 to 1"),
    "test_loss": ("float64", "mean loss on test images, nats"),
    "test_images": ("int64", "number of test images behind the values"),
}


class Encoder(Selection):
    """What the stages of a network hold before and after its training."""

    frozen_stages: Annotated[list[EncoderStage], Once] = Field(
        list(ENCODER_STAGES),
        description="Parts of the network up to which all is held while the rest is trained. What "
        "follows an early stage takes nearly as long as the whole network.",
    )
    test_images: Annotated[int, Field(strict=True, ge=10)] = Field(
        1000, description="Test images for all measures of the encoder."
    )


def measure(fine_tuned: "FineTuned", settings: Encoder) -> Iterator[dict]:
    """Probe, freeze and put back the stages; no rows for a run that diverged."""
    from tlstudy.measures.probes import encoder_rows

    if not fine_tuned.finished:
        return
    images = fine_tuned.images
    images.test = images.test[: settings.test_images]
    images.test_labels = images.test_labels[: settings.test_images]
    for row in encoder_rows(
        *(fine_tuned.network_at(name) for name in ("start", "end")),
        fine_tuned.training,
        images,
        fine_tuned.run.seed,
        settings.frozen_stages,
        fine_tuned.evaluation.precision,
    ):
        log.info("%s %s: %.3f", row["measure"], row["stage"], row["test_balanced_accuracy"])
        yield row


def passes(study: "Study", run: "Run") -> float:
    """Trainings after frozen stages, and looks at every variant of the network."""
    settings, images = study.encoder, run.subset_size + study.encoder.test_images
    trained = sum(AFTER[stage] for stage in settings.frozen_stages)
    # Every stage and the whole encoder put back, and the fine-tuned network itself.
    looks = (len(ENCODER_STAGES) + 3) * images * weight_of(study.evaluation.precision)
    return trained * training_passes(run, run.subset_size) + images + looks


def check(study: "Study") -> Iterator[str]:
    """The test images of the encoder are among those of the evaluation."""
    images, most = study.encoder.test_images, study.evaluation.final_images
    if study.encoder.seeds and images > most:
        yield (
            f"encoder.test_images: found {images}; must be at most "
            f"evaluation.final_images ({most})."
        )


MEASUREMENT = Measurement(
    name="encoder",
    title="Encoder",
    help="Probe, freeze and put back the stages of a run's network.",
    settings=Encoder,
    measure=measure,
    columns=COLUMNS,
    passes=passes,
    memory_mb=11000,
    check=check,
)
