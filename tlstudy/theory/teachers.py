"""Teacher networks with few units that set the tasks of ReLU networks."""

from dataclasses import dataclass

import torch

DIMENSIONS = 16
AUXILIARY_FEATURES = 8
FOR_SCALE = 20_000  # inputs from which a teacher's standard deviation is computed


@dataclass(frozen=True)
class Teacher:
    """f(x) = sum over features of +-<theta, x>_+, divided by its standard deviation.

    Attributes:
        features: (features, dimensions) unit vectors theta; signs alternate, plus first.
        deviation: standard deviation of the sum over Gaussian inputs.
    """

    features: torch.Tensor
    deviation: float

    def outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """(samples,) for inputs (samples, dimensions)."""
        return _alternating(self.features, inputs) / self.deviation


def _alternating(features: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    signs = torch.ones(len(features))
    signs[1::2] = -1
    return torch.relu(inputs @ features.T) @ signs


def teacher(features: torch.Tensor, generator: torch.Generator) -> Teacher:
    """A teacher with these features whose outputs have the standard deviation 1."""
    inputs = torch.randn(FOR_SCALE, features.shape[1], generator=generator)
    return Teacher(features, float(_alternating(features, inputs).std()))


def orthonormal(generator: torch.Generator) -> torch.Tensor:
    """(dimensions, dimensions) random orthonormal rows: the features of all tasks of a seed."""
    return torch.linalg.qr(torch.randn(DIMENSIONS, DIMENSIONS, generator=generator))[0]


def main_features(basis: torch.Tensor, count: int, overlap: float, cosine: float) -> torch.Tensor:
    """(count, dimensions) features of a main task beside an auxiliary one.

    The auxiliary task has the first AUXILIARY_FEATURES rows of the basis.

    Args:
        overlap: share of the features that are auxiliary ones.
        cosine: between each other feature and an auxiliary one; 0 for no relation.
    """
    shared = round(overlap * count)
    new = basis[AUXILIARY_FEATURES:][: count - shared]
    related = basis[shared : shared + len(new)]
    others = cosine * related + (1 - cosine**2) ** 0.5 * new
    return torch.cat([basis[:shared], others])
