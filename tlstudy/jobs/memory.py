"""How much memory a job needs, so that a scheduler can be asked for it."""

from tlstudy.config.study import Run
from tlstudy.jobs.operations import MULTIPLY_ADDS

# Weights of torchvision's networks with ten outputs, millions.
MILLIONS_OF_WEIGHTS = {
    "resnet18": 11.2,
    "resnet34": 21.3,
    "resnet50": 23.5,
    "resnet101": 42.5,
    "resnet152": 58.2,
}
# Measured: 6.8 GiB for resnet50 at 30 epochs, of which 2.7 GiB are the path of the weights.
PROGRAM_MB = 1000
# What the passes of a stage hold: resnet50, 64 images of 128 x 128.
PASSES_MB = {
    "train": 4000,
    "landscape": 4000,
    "curvature": 11000,
    "encoder": 11000,
    "reuse": 11000,
}
TOGETHER = 64  # images that are only looked at
# Times that all training images are held as network inputs; training looks at them once more for
# BatchNorm's statistics while it holds those of the epoch.
ALL_INPUTS = {"train": 2}


def memory_mb(run: Run, stage: str) -> int:
    """Memory of a job of a stage, MB.

    Program, passes, the training images as inputs, and in training the path of the weights.
    """
    settings = run.settings
    batch = max(TOGETHER, min(settings.batch_size, run.subset_size))
    depth = max(1, MULTIPLY_ADDS[settings.architecture] / MULTIPLY_ADDS["resnet50"])
    passes = PASSES_MB[stage] * depth * batch / TOGETHER * (settings.image_size / 128) ** 2
    inputs = ALL_INPUTS.get(stage, 1) * run.subset_size * 3 * 4 * settings.image_size**2 / 1e6
    vectors = settings.epochs + 1 if stage == "train" else 0
    path = 4 * MILLIONS_OF_WEIGHTS[settings.architecture] * vectors
    return round(PROGRAM_MB + passes + inputs + path)
