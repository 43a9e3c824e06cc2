"""Weights that are multiplied before training."""

from typing import Literal

from pydantic import Field, model_validator

from tlstudy.config.fields import Factor, Settings


class Rescaling(Settings):
    """A part of the network whose weights are multiplied before training."""

    part: Literal["encoder", "first", "head", "both", "all"] = Field(
        "encoder",
        description="encoder: all convolutions; first: the first of them; head: the last layer; "
        "both: encoder and head; all: every parameter, BatchNorm's scale and shift too (Lippl & "
        "Lindsey 2024).",
    )
    factor: Factor = Field(1.0, description="What its weights are multiplied by.")
    learning_rate_factor: Factor = Field(
        1.0,
        description="The part's learning rate, as a multiple of the optimiser's. A convolution "
        "before BatchNorm trains as if it were not rescaled when this is `factor` (Adam) or its "
        "square (SGD).",
    )
    running_statistics: Literal["kept", "rescaled"] = Field(
        "kept",
        description="BatchNorm's running statistics at the start, if the encoder is rescaled. "
        "rescaled: means are multiplied by the factor, variances by its square, which is right "
        "only where convolutions alone are rescaled.",
    )

    @model_validator(mode="after")
    def _statistics_follow_an_encoder(self) -> "Rescaling":
        unchanged = self.factor == 1 or self.part in ("first", "head")
        if self.running_statistics == "rescaled" and unchanged:
            raise ValueError(
                "running_statistics: rescaled needs a factor other than 1 on a part that holds all "
                "convolutions"
            )
        return self
