"""How much memory a training needs, so that a scheduler can be asked for it."""

from tlstudy.settings import Arm

# Weights of torchvision's networks with ten outputs, millions.
MILLIONS_OF_WEIGHTS = {
    "resnet18": 11.2,
    "resnet34": 21.3,
    "resnet50": 23.5,
    "resnet101": 42.5,
    "resnet152": 58.2,
}
# Measured: 6.8 GiB for resnet50 at 30 epochs, of which 2.7 GiB are the path of the weights.
BASE_MB = 5000


def training_memory_mb(arm: Arm) -> int:
    """Memory of a training, MB: the path of the weights in float32, and the rest."""
    path = 4 * MILLIONS_OF_WEIGHTS[arm.architecture] * (arm.epochs + 1)
    return round(BASE_MB + path)
