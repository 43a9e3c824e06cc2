"""Pretrained weights as a network takes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

State = Mapping[str, Any]


@dataclass(frozen=True)
class PretrainedWeights:
    """Weights that a network starts from, or that it is built for.

    Attributes:
        state: tensors by their names in torchvision's network; None for a random start, of a
            network that is built as these weights need it.
        origin: `record.json` beside them: source, checksum, and the conventions they follow.
    """

    state: State | None
    origin: dict[str, Any]

    @property
    def stride_on(self) -> str:
        """3x3 or 1x1: the convolution that carries a bottleneck's stride."""
        return self.origin["stride_on"]

    @property
    def used(self) -> dict[str, Any] | None:
        """Origin of the values that a network starts from; None for a random start."""
        return None if self.state is None else self.origin

    @property
    def normalisation(self) -> tuple[list[float], list[float]]:
        """Channel means and deviations of the inputs they were trained on, pixels from 0 to 1."""
        return self.origin["mean"], self.origin["std"]
