"""Measurement `encoder`: what the stages of a network hold before and after its training."""

import logging
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tlstudy.config.architectures import network_facts
from tlstudy.config.fields import ALL, Once, Selection
from tlstudy.config.measurements import Measurement, few_enough_test_images
from tlstudy.measures.passes import cost_of_pass, training_passes

if TYPE_CHECKING:
    from tlstudy.config.settings import Study
    from tlstudy.config.study import Run
    from tlstudy.networks.fine_tuned import FineTuned

log = logging.getLogger(__name__)
COLUMNS = {
    "measure": (
        "string",
        "probe: logistic regression on a stage's averaged outputs before training; frozen: "
        "everything up to the stage held as it was, the rest trained; put-back: fine-tuned, then "
        "the stage's weights put back; fine-tuned: nothing held or put back",
    ),
    "stage": (
        "string",
        "a stage by the network's own name (stem, layer1 to layer4 in a ResNet), encoder (all of "
        "them), head (the last layer); empty if fine-tuned",
    ),
    "train_balanced_accuracy": ("float64", "mean recall on the training images, 0 to 1"),
    "test_balanced_accuracy": ("float64", "mean recall on test images, 0 to 1"),
    "test_loss": ("float64", "mean loss on test images, nats"),
    "test_images": ("int64", "number of test images behind the values"),
}


class Encoder(Selection):
    """What the stages of a network hold before and after its training."""

    frozen_stages: Literal["all"] | Annotated[list[str], Once] = Field(
        ALL,
        description="Stages, by the network's own names; all: every stage. For each of them, "
        "everything up to that stage is frozen and the rest is trained. What follows an early "
        "stage takes nearly as long as the whole network.",
    )
    test_images: Annotated[int, Field(strict=True, ge=10)] = Field(
        1000, description="Test images for all measures of the encoder."
    )


def frozen(settings: Encoder, stages: Collection[str]) -> list[str]:
    """Those of a network's stages up to which all is held."""
    chosen = settings.frozen_stages
    return [stage for stage in stages if chosen == ALL or stage in chosen]


def measure(fine_tuned: "FineTuned", settings: Encoder) -> Iterator[dict]:
    """Probe, freeze and put back the stages; no rows for a run that diverged."""
    from tlstudy.measures.probes import encoder_rows
    from tlstudy.networks.stages import stages_of

    if not fine_tuned.finished:
        return
    start, end = (fine_tuned.network_at(point) for point in ("start", "end"))
    *stages, _ = stages_of(start)
    for row in encoder_rows(
        start,
        end,
        fine_tuned.training,
        fine_tuned.images.with_first_tests(settings.test_images),
        fine_tuned.run.seed,
        frozen(settings, stages),
        fine_tuned.evaluation.precision,
    ):
        log.info("%s %s: %.3f", row["measure"], row["stage"], row["test_balanced_accuracy"])
        yield row


def passes(study: "Study", run: "Run") -> float:
    """Trainings after frozen stages, and looks at every variant of the network."""
    settings = study.encoder
    images = run.subset_size + min(settings.test_images, run.settings.target.data.test)
    after = network_facts(run.settings.architecture, run.settings.image_size).after
    trained = sum(after[stage] for stage in frozen(settings, after))
    # Every stage, the head and the whole encoder put back, and the fine-tuned network itself.
    looks = (len(after) + 3) * images * cost_of_pass(study.evaluation.precision)
    return trained * training_passes(run, run.subset_size) + images + looks


def check(study: "Study") -> Iterator[str]:
    """Test images are among those of the evaluation; measured networks have the frozen stages."""
    yield from few_enough_test_images(study, "encoder")
    if not study.encoder.seeds:
        return
    from tlstudy.config.study import selected  # which reads this module itself

    there: dict[str, None] = {}
    for run in selected(study, study.encoder):
        architecture = run.settings.architecture
        facts = network_facts(architecture, run.settings.image_size)
        there |= dict.fromkeys(facts.stages)
        if facts.no_stages:
            yield (
                f"encoder.arms: found {run.arm}, whose network {architecture} has no stages: "
                f"{facts.no_stages}; name the other arms in encoder.arms."
            )
    for stage in study.encoder.frozen_stages if study.encoder.frozen_stages != ALL else ():
        if stage not in there:
            yield (
                f"encoder.frozen_stages: found '{stage}'; allowed are {', '.join(there)}, or all."
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
