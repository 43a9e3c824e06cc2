"""Settings of how a network is trained: its optimiser, the course of its learning rate.

What a name stands for in PyTorch is in `tlstudy.networks`: nothing here imports it.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from tlstudy.config.fields import (
    NUMBER,
    Count,
    Fraction,
    NotNegative,
    Once,
    Positive,
    Settings,
    Share,
    named,
)

if TYPE_CHECKING:
    from tlstudy.config.settings import Training


class Adam(Settings):
    """Adam (Kingma & Ba 2015)."""

    name: Literal["adam"] = "adam"
    learning_rate: Positive = Field(0.001, description="Step size.")
    beta1: Fraction = Field(0.9, description="Decay of the gradient's running mean.")
    beta2: Fraction = Field(0.999, description="Decay of the squared gradient's running mean.")
    weight_decay: NotNegative = Field(0.0, description="L2 penalty factor.")


class AdamW(Settings):
    """Adam with a weight decay of its own (Loshchilov & Hutter 2019)."""

    name: Literal["adamw"]
    learning_rate: Positive = Field(0.001, description="Step size.")
    beta1: Fraction = Field(0.9, description="Decay of the gradient's running mean.")
    beta2: Fraction = Field(0.999, description="Decay of the squared gradient's running mean.")
    weight_decay: NotNegative = Field(
        0.01, description="Share of a weight that a step takes away, over the learning rate."
    )


class SGD(Settings):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"]
    learning_rate: Positive = Field(0.01, description="Step size.")
    momentum: Fraction = Field(0.0, description="Momentum factor.")
    nesterov: bool = Field(False, description="Nesterov's momentum; needs a momentum above 0.")
    weight_decay: NotNegative = Field(0.0, description="L2 penalty factor.")

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "SGD":
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: true needs a momentum above 0, such as momentum: 0.9")
        return self


Optimiser = Annotated[Adam | AdamW | SGD, Field(discriminator="name")]


WarmUp = Annotated[
    NotNegative,
    Field(
        description="Epochs, also parts of one, in which the learning rate rises to the "
        "optimiser's, the same amount at each step."
    ),
]


class Constant(Settings):
    """The optimiser's learning rate at every step."""

    name: Literal["constant"] = "constant"
    warm_up: WarmUp = 0.0


class Cosine(Settings):
    """A learning rate that falls to 0 along half a cosine (Loshchilov & Hutter 2017)."""

    name: Literal["cosine"]
    warm_up: WarmUp = 0.0


class Step(Settings):
    """A learning rate that is multiplied by a factor every so many epochs."""

    name: Literal["step"]
    warm_up: WarmUp = 0.0
    every: Count = Field(10, description="Epochs from one fall to the next, after the warm-up.")
    factor: Annotated[Positive, Field(le=1)] = Field(
        0.1, description="What the learning rate is multiplied by."
    )


Schedule = Annotated[
    Constant | Cosine | Step,
    Field(discriminator="name"),
    BeforeValidator(
        named,
        json_schema_input_type=Literal["constant", "cosine", "step"] | Constant | Cosine | Step,
    ),
]


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
        lambda value: {"part": value} if isinstance(value, str) else value,
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

    def held_out(self, count: int) -> int:
        """How many of so many images of a class are held out; at least one is trained on."""
        return min(max(1, round(self.share * count)), count - 1)


# Settings that act on an optimiser's steps: they need one that holds the network.
OF_STEPS = ("schedule", "gradient_clip", "trained", "l2_sp", "weight_average")


def refuse_what_does_not_fit(training: "Training") -> None:
    """
    Raises:
        ValueError: settings of a training that are right one by one and wrong together.
    """
    if training.schedule.warm_up >= training.epochs:
        raise ValueError(
            f"schedule.warm_up must end before the training: found {training.schedule.warm_up:g}, "
            f"allowed is less than epochs ({training.epochs})"
        )
    if training.tune_learning_rate and training.optimiser_holds != "network":
        raise ValueError("tune_learning_rate needs an optimiser that holds the network")
    if training.tune_learning_rate and training.drawing != "stratified":
        raise ValueError("tune_learning_rate needs `drawing: stratified`, so that it has folds")
    if training.early_stopping and training.drawing != "stratified":
        raise ValueError(
            "early_stopping needs `drawing: stratified`, so that no image is held out and trained "
            "on too"
        )
    if training.normalisation == "weights" and training.initialisation == "random":
        raise ValueError("normalisation: weights needs an initialisation that has weights")
    if training.optimiser_holds != "network":
        fields = type(training).model_fields
        changed = [key for key in OF_STEPS if getattr(training, key) != fields[key].default]
        if changed:
            raise ValueError(
                f"{changed[0]} needs an optimiser that holds the network; leave it out or take "
                "`optimiser_holds: network`"
            )


def images_trained_on(training: "Training", size: int) -> int:
    """Of so many training images, the same number of each class, those that are not held out."""
    if training.early_stopping is None:
        return size
    outputs = training.target.outputs
    classes = [size // outputs + (place < size % outputs) for place in range(outputs)]
    return size - sum(training.early_stopping.held_out(count) for count in classes if count)
