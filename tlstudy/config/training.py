"""Settings of how a network is trained.

What a name stands for in PyTorch is in `tlstudy.networks`: nothing here imports it.
"""

from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tlstudy.config.architecture_setting import Architecture
from tlstudy.config.augmentation import Augmentation
from tlstudy.config.fields import (
    NUMBER,
    Count,
    Fraction,
    Name,
    NotNegative,
    Once,
    Positive,
    Settings,
    Share,
    named,
)
from tlstudy.config.optimisers import Adam, Constant, Optimiser, Schedule
from tlstudy.config.rescaling import Rescaling
from tlstudy.config.targets import MNIST, TargetSetting


class Trained(Settings):
    """Which weights are trained, beside the last layer, which always is; one key at most."""

    part: Literal["all", "head", "batchnorm", "bias"] = Field(
        "all",
        description="all of them; head: none; batchnorm: BatchNorm's factors and shifts; bias: "
        "biases, BatchNorm's shifts among them.",
    )
    stages: Annotated[list[str], Once] = Field(
        [], description="All weights of these stages of the network."
    )
    top_k: Share | None = Field(
        None,
        description="This share of the single weights: those with the largest gradients before "
        "the training, on all training images.",
    )
    random: Share | None = Field(
        None, description="This share of the single weights, drawn by the seed."
    )
    shuffled_top_k: Share | None = Field(
        None,
        description="This share of the single weights: as many in each tensor as `top_k` would "
        "choose there, but drawn by the seed.",
    )

    @property
    def share(self) -> float | None:
        """Share of single weights that are trained; None if whole tensors are."""
        given = (self.top_k, self.random, self.shuffled_top_k)
        return next((share for share in given if share is not None), None)

    @property
    def by_gradients(self) -> bool:
        """Whether gradients before the training say which weights, or how many of each tensor."""
        return self.top_k is not None or self.shuffled_top_k is not None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Trained":
        said = [key for key, value in self if value != type(self).model_fields[key].default]
        if len(said) > 1:
            raise ValueError(f"found {' and '.join(said)}; one of them is allowed")
        return self


TrainedPart = Annotated[
    Trained,
    BeforeValidator(
        partial(named, key="part"),
        json_schema_input_type=Literal["all", "head", "batchnorm", "bias"] | Trained,
    ),
]


class EarlyStopping(Settings):
    """A share of the training images is held out, and their loss ends the training."""

    share: Annotated[float, Field(gt=0, lt=1), NUMBER] = Field(
        0.2, description="Of the training images of each class, drawn by the seed; at least one."
    )
    patience: Count = Field(
        5, description="Epochs without a lower held-out loss after which the training ends."
    )


# A function, as its code counts for the training: that of settings does not.
def held_out_of(stopping: EarlyStopping, count: int) -> int:
    """How many of so many images of a class are held out; at least one is trained on."""
    return min(max(1, round(stopping.share * count)), count - 1)


# Settings that act on an optimiser's steps: they need one that holds the network.
OF_STEPS = ("schedule", "gradient_clip", "trained", "l2_sp", "weight_average")


class Training(Settings):
    """What decides the numbers of a training run, the subset's size and the seed apart."""

    architecture: Architecture = Field(
        "resnet50",
        description="A classifier of torchvision by name, timm/<name>, or {python: "
        "package.module:function}; its last layer is replaced by one output a class.",
    )
    target: TargetSetting = Field(
        MNIST, description="What is learned: a data set by name, or a mapping."
    )
    initialisation: Name = Field(
        "random", description="random, or a name from `weights` for pretrained weights."
    )
    built_as: Name | None = Field(
        None,
        description="For a random start: a name from `weights`. The network is built as these "
        "weights need it; some need a bottleneck's stride on another convolution. Not given: as "
        "for the study's other arms of this architecture; null: as torchvision builds it.",
    )
    rescaling: Rescaling = Field(
        Rescaling(), description="Weights multiplied before training, with learning rates to go."
    )
    drawing: Literal["stratified", "published"] = Field(
        "stratified",
        description="How the training images are drawn: the same number of each class, without "
        "replacement; or np.random.seed(seed); np.random.choice(pool, n), as published (60000).",
    )
    image_size: Annotated[int, Field(strict=True, ge=32, le=518)] = Field(
        128, description="Side in pixels to which images are resized (bilinear)."
    )
    normalisation: Literal["none", "imagenet", "weights"] = Field(
        "imagenet",
        description="Input normalisation: none, ImageNet's channel means and deviations, or "
        "those recorded with the pretrained weights.",
    )
    head: Literal["logits", "softmax"] = Field(
        "logits", description="What enters the cross-entropy: logits, or softmax outputs (F7)."
    )
    optimiser: Optimiser = Adam()
    tune_learning_rate: bool = Field(
        False,
        description="Choose the learning rate by cross-validation within the training images, "
        "among `tuning.learning_rates`; the optimiser's own is not used then.",
    )
    optimiser_holds: Literal["network", "another-network"] = Field(
        "network",
        description="Whose parameters the optimiser holds; another-network is the published "
        "mistake: nothing is trained and gradients add up (F1, F2).",
    )
    schedule: Schedule = Field(
        Constant(), description="Course of the learning rate over the steps: a name or a mapping."
    )
    gradient_clip: Positive | None = Field(
        None,
        description="Largest norm of a step's gradient; one above is scaled down. null: no limit.",
    )
    label_smoothing: Fraction = Field(
        0.0,
        description="Share of each label that is spread evenly over all classes in what is "
        "minimised; recorded losses are without it.",
    )
    trained: TrainedPart = Field(
        Trained(), description="Which weights are trained: a name or a mapping; others are held."
    )
    l2_sp: NotNegative = Field(
        0.0,
        description="Strength of the L2-SP penalty (Li et al. 2018): this number times half the "
        "squared distance of the weights from their start is added to the loss. The last layer is "
        "left out.",
    )
    weight_average: Fraction | None = Field(
        None,
        description="Decay of an exponential average of the weights over the steps, such as 0.99; "
        "the averages are what is tested and kept. null: the weights themselves.",
    )
    augmentation: Augmentation = Field(
        [],
        description="Random changes of the training images in each epoch, one after the other: "
        "names or mappings; [] for none.",
    )
    early_stopping: EarlyStopping | None = Field(
        None,
        description="Holds images out and keeps the weights of the epoch with the lowest loss on "
        "them; null: all images are trained on, in all epochs.",
    )
    epochs: Count = Field(30, description="Passes over the training images.")
    batch_size: Count = Field(64, description="Most images in a step; batches are of equal size.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Arithmetic of the training steps; the weights themselves are float32.",
    )

    @field_validator("optimiser", mode="before")
    @classmethod
    def _adam_if_unnamed(cls, value: Any) -> Any:
        return {"name": "adam", **value} if isinstance(value, dict) else value

    def with_learning_rate(self, rate: float) -> Self:
        """The same training at another learning rate."""
        optimiser = self.optimiser.model_copy(update={"learning_rate": rate})
        return self.model_copy(update={"optimiser": optimiser})

    def images_trained_on(self, size: int) -> int:
        """Of so many training images, the same number of each class, those not held out."""
        if self.early_stopping is None:
            return size
        outputs = self.target.outputs
        classes = [size // outputs + (place < size % outputs) for place in range(outputs)]
        return size - sum(held_out_of(self.early_stopping, count) for count in classes if count)

    @model_validator(mode="after")
    def _fits_together(self) -> "Training":
        if self.schedule.warm_up >= self.epochs:
            raise ValueError(
                f"schedule.warm_up must end before the training: found {self.schedule.warm_up:g}, "
                f"allowed is less than epochs ({self.epochs})"
            )
        if self.tune_learning_rate and self.optimiser_holds != "network":
            raise ValueError("tune_learning_rate needs an optimiser that holds the network")
        if self.tune_learning_rate and self.drawing != "stratified":
            raise ValueError("tune_learning_rate needs `drawing: stratified`, so that it has folds")
        if self.early_stopping and self.drawing != "stratified":
            raise ValueError(
                "early_stopping needs `drawing: stratified`, so that no image is held out and "
                "trained on too"
            )
        if self.l2_sp and self.trained.part == "head":
            raise ValueError("l2_sp pulls no weight where `trained: head`; leave one of them out")
        if self.normalisation == "weights" and self.initialisation == "random":
            raise ValueError("normalisation: weights needs an initialisation that has weights")
        if self.optimiser_holds != "network":
            fields = type(self).model_fields
            changed = [key for key in OF_STEPS if getattr(self, key) != fields[key].default]
            if changed:
                raise ValueError(
                    f"{changed[0]} needs an optimiser that holds the network; leave it out or take "
                    "`optimiser_holds: network`"
                )
        return self
