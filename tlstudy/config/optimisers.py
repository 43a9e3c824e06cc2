"""Settings of an optimiser and of the course of its learning rate.

What a name stands for in PyTorch is in `tlstudy.networks.optimisers`.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from tlstudy.config.fields import Count, Fraction, NotNegative, Positive, Settings, named


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
        "optimiser's, the same amount at each step; rounded up to whole steps."
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
