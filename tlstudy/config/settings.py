"""Typed models of a study's configuration: the one source of its keys, defaults and limits.

The JSON schema beside this file is generated from these models (`tlstudy schema`). What they
refuse is told by `tlstudy.config.messages`.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    create_model,
    model_validator,
)

from tlstudy.config.fields import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    MINIMUM_SEEDS,
    THREE_CHANNELS,
    Name,
    Number,
    Once,
    Place,
    Positive,
    Seed,
    Settings,
    Words,
    WrittenFolder,
)
from tlstudy.config.ledger import Claim, Rung
from tlstudy.config.measurements import measurements
from tlstudy.config.training import Training

# BatchNorm statistics that test values can be taken with.
STATISTICS = ("running", "recalibrated")
LaboratoryExperiment = Literal["diagonal", "relu", "batchnorm", "kernel"]
LABORATORY_EXPERIMENTS = get_args(LaboratoryExperiment)


def _not_random(name: str) -> str:
    if name == "random":
        raise ValueError("must be another name: random stands for no pretrained weights")
    return name


class WeightsFile(Settings):
    """Pretrained weights in a file of the user's."""

    file: Place = Field(description="A state dictionary: .safetensors, or .pth without code in it.")
    mean: Annotated[list[Number], THREE_CHANNELS] = Field(
        list(IMAGENET_MEAN), description="Channel means of the inputs it was trained on, RGB."
    )
    std: Annotated[list[Positive], THREE_CHANNELS] = Field(
        list(IMAGENET_STD), description="Channel standard deviations, RGB, inputs in 0 to 1."
    )
    stride_on: Literal["3x3", "1x1"] = Field(
        "3x3",
        description="Convolution that carries a bottleneck's stride: 3x3 (torchvision, "
        "'v1.5') or 1x1 (He et al. 2015, 'v1').",
    )


def _kind_of_source(source: Any) -> str:
    return "name" if isinstance(source, str) else "file"


def _source(name: str) -> str:
    """A name that may stand in the name of a folder."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name, re.ASCII):
        raise ValueError(
            "must be the name of weights, such as IMAGENET1K_V1, or a mapping with the key file"
        )
    return name


# Told apart before they are validated, so that a mistake is told for the kind that is meant.
WeightsSource = Annotated[
    Annotated[WeightsFile, Tag("file")] | Annotated[str, AfterValidator(_source), Tag("name")],
    Discriminator(_kind_of_source),
]


class Arm(Training):
    """One condition of the study: a training and how its result is read off."""

    label: Words = Field("", description="Name in the report; the arm's own name if empty.")
    group: Name = Field(
        "main", description="Arms of a group are compared; the first of a group is the reference."
    )
    batchnorm: Literal["running", "recalibrated"] = Field(
        "recalibrated",
        description="BatchNorm statistics behind the reported test values: the running ones, or "
        "recomputed on the training images (F9).",
    )
    reported_epoch: Literal["final", "best-on-test"] = Field(
        "final", description="Epoch that is reported; best-on-test is the published one (F13)."
    )

    def training(self) -> dict[str, Any]:
        """The settings that decide a run's numbers, defaults included."""
        settings = self.model_dump(mode="json", include=set(Training.model_fields))
        return settings | {"target": self.target.identity()}


class Evaluation(Settings):
    """How runs are evaluated, all in the same way.

    The test images are a fixed stratified choice, the same for all runs.
    """

    epoch_images: Annotated[int, Field(strict=True, ge=10)] = Field(
        10_000, description="Test images after every epoch; all, if the target has fewer."
    )
    final_images: Annotated[int, Field(strict=True, ge=10)] = Field(
        10_000,
        description="Test images after the last epoch, likewise; they contain the former.",
    )
    statistics: Literal["reported", "both"] = Field(
        "reported",
        description="BatchNorm statistics that test images are evaluated with: those that an arm "
        "of the run reports, or running and recalibrated ones. After the last epoch the others "
        "are evaluated too, on `epoch_images`.",
    )
    after_epochs: Literal["all", "reported"] = Field(
        "all",
        description="Runs that are evaluated after every epoch, not only after the last. all: "
        "all runs; reported: only runs that report their best epoch on the test images "
        "(best-on-test), which saves time without a GPU.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Arithmetic of the evaluations on test images."
    )

    @model_validator(mode="after")
    def _final_contains_epoch(self) -> "Evaluation":
        if self.final_images < self.epoch_images:
            raise ValueError(
                f"final_images ({self.final_images}) must be at least "
                f"epoch_images ({self.epoch_images})"
            )
        return self


class Tuning(Settings):
    """Cross-validation for arms with `tune_learning_rate`: no test image is touched."""

    learning_rates: Annotated[list[Positive], Field(min_length=2), Once] = Field(
        [0.0001, 0.0003, 0.001, 0.003], description="Candidates."
    )
    folds: Annotated[int, Field(strict=True, ge=2)] = Field(
        5, description="Stratified folds; each is left out once. Few folds save time."
    )


class Laboratory(Settings):
    """Experiments on small networks with made data, for each of the study's seeds."""

    experiments: Annotated[list[LaboratoryExperiment], Once] = Field(
        [],
        description="diagonal: diagonal linear networks (Lippl & Lindsey, Corollary 2); relu: "
        "two-layer ReLU networks (Proposition 3); batchnorm: rescaled weights under BatchNorm; "
        "kernel: whether invariance to turns passes to classes that were not shown turned. "
        "A study with experiments needs no arms.",
    )


class StudyWithoutMeasurements(Settings):
    """A whole study, its sweeps expanded: every arm here is one condition."""

    study: Name = Field(description="Name of the study, and of its folder under `results`.")
    title: Words = Field("", description="Title of the report; empty: made of networks and images.")
    question: Words = Field("", description="What the study asks: the report starts with it.")
    results: WrittenFolder = Field(Path("results"), description="Folder of all studies' results.")
    cache: WrittenFolder = Field(
        Path("resources"), description="Folder of the images and weights that all studies share."
    )
    scratch: Place | None = Field(
        None,
        description="Folder of what unfinished trainings keep, to go on from if they are ended; "
        "null: within the study's results.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="auto: a GPU where there is one; cuda: an error where there is none."
    )
    seed: Annotated[list[Seed], Field(min_length=1), Once] = Field(
        description="Each draws the training images, the start of the weights and the order of the "
        f"images; intervals need {MINIMUM_SEEDS}."
    )
    subset_size: Annotated[
        list[Annotated[int, Field(strict=True, ge=10)]], Field(min_length=1), Once
    ] = Field([50], description="Number of training images.")
    weights: dict[
        Annotated[Name, AfterValidator(_not_random)],
        Annotated[list[WeightsSource], Field(min_length=1), Once],
    ] = Field({}, description="Named pretrained weights: sources in the order they are tried.")
    evaluation: Evaluation = Evaluation()
    tuning: Tuning = Tuning()
    laboratory: Laboratory = Laboratory()
    ladder: list[Rung] = Field([], description="Protocols, each with less wrong than the last.")
    claims: dict[Name, Claim] = Field({}, description="Ledger of claims, by name.")
    arms: dict[Words, Arm] = Field(description="Conditions by name: a start and a protocol each.")

    # In no configuration: what there are no results of, as keys of `tlstudy.jobs.progress`.
    _lacking: frozenset[tuple] | None = PrivateAttr(None)

    @property
    def incomplete(self) -> bool:
        """Whether it makes do with the results that are there."""
        return self._lacking is not None

    def without(self, lacking: Iterable[tuple]) -> Self:
        """The same study, incomplete: it makes do without the results of these keys."""
        study = self.model_copy()
        study._lacking = frozenset(lacking)
        return study

    def has(self, *key: str | int) -> bool:
        """Whether there are results of (step, arm, subset size, seed).

        Of the laboratory the key is ("laboratory", experiment, seed). A study that is to be
        complete counts on all of them.
        """
        return key not in (self._lacking or ())


# A key for each measurement, with its own settings.
Study = create_model(
    "Study",
    __base__=StudyWithoutMeasurements,
    __doc__=StudyWithoutMeasurements.__doc__,
    **{
        name: (measurement.settings, measurement.settings())
        for name, measurement in measurements().items()
    },
)
