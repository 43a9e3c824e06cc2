"""Teacher networks with few units that set the tasks of ReLU networks."""

import torch

DIMENSIONS = 16
AUXILIARY_FEATURES = 8
FOR_SCALE = 20_000  # inputs from which a teacher's standard deviation is computed


class Teacher:
    """f(x) = sum over features of +-<theta, x>_+, over its standard deviation for Gaussian inputs.

    Signs alternate, plus first.

    Args:
        features: (features, dimensions) unit vectors theta.
        generator: draws the inputs from which the deviation is computed.
    """

    def __init__(self, features: torch.Tensor, generator: torch.Generator):
        self._features, self._deviation = features, 1.0
        inputs = torch.randn(FOR_SCALE, features.shape[1], generator=generator)
        self._deviation = float(self.outputs(inputs).std())

    def outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """(samples,) for inputs (samples, dimensions)."""
        signs = torch.ones(len(self._features))
        signs[1::2] = -1
        return torch.relu(inputs @ self._features.T) @ signs / self._deviation


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
