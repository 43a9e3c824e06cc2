"""How many arithmetic operations a job of each stage takes: what its time grows with."""

from tlstudy.config.settings import ENCODER_STAGES, Study
from tlstudy.config.study import Run

# Multiply-adds of one image at 224 x 224, in thousands of millions, as torchvision's documentation
# gives them; those of another size go with its area.
MULTIPLY_ADDS = {
    "resnet18": 1.81,
    "resnet34": 3.66,
    "resnet50": 4.09,
    "resnet101": 7.80,
    "resnet152": 11.51,
}
GRADIENT = 3  # passes that a forward pass with its gradient counts for
HESSIAN_PRODUCT = 18  # and a Hessian-vector product: measured, about six gradients
BFLOAT16 = 0.5  # of a float32 operation's time, where the processor has it
LEVEL_SEARCH = 20  # passes that locate the matched train loss
# Share of a residual network's operations that comes after a stage.
AFTER = {"stem": 0.97, "layer1": 0.80, "layer2": 0.56, "layer3": 0.20, "layer4": 0.0}


def per_image(run: Run) -> float:
    """Operations of one image's forward pass: two for each multiply-add."""
    size = run.settings.image_size
    return 2e9 * MULTIPLY_ADDS[run.settings.architecture] * (size / 224) ** 2


def operations(study: Study, run: Run, stage: str) -> float:
    """Operations of a job, those in bfloat16 counted as the float32 ones that take as long."""
    passes = {
        "train": _training,
        "landscape": lambda study, run: 2 * study.landscape.grid**2 * run.subset_size,
        "curvature": _curvature,
        "encoder": _encoder,
        "reuse": _reuse,
    }[stage](study, run)
    return per_image(run) * passes


def _steps(run: Run, images: float) -> float:
    """Passes that all epochs on some images count for."""
    weight = BFLOAT16 if run.settings.precision == "bfloat16" else 1
    return run.settings.epochs * GRADIENT * images * weight


def _training(study: Study, run: Run) -> float:
    passes = _steps(run, run.subset_size) + _looks(study, run)
    if run.settings.tune_learning_rate:
        share = 1 - 1 / study.tuning.folds
        candidates = len(study.tuning.learning_rates) * study.tuning.folds
        passes += candidates * _steps(run, share * run.subset_size)
    return passes


def _looks(study: Study, run: Run) -> float:
    """Passes of all looks at test images, each recalibration with its pass of training images."""
    settings, statistics = study.evaluation, run.after_epochs
    before_last = run.settings.epochs - 1
    images = before_last * len(statistics) * settings.epoch_images + 2 * settings.final_images
    recalibrations = before_last * ("recalibrated" in statistics) + 1
    weight = BFLOAT16 if settings.precision == "bfloat16" else 1
    return weight * (images + recalibrations * run.subset_size)


def _curvature(study: Study, run: Run) -> float:
    settings = study.curvature
    at_a_point = settings.lanczos_steps * HESSIAN_PRODUCT + 2 * settings.directions
    return run.subset_size * (2 * at_a_point + LEVEL_SEARCH)


def _encoder(study: Study, run: Run) -> float:
    settings, images = study.encoder, run.subset_size + study.encoder.test_images
    trained = sum(AFTER[stage] for stage in settings.frozen_stages) * _steps(run, run.subset_size)
    # Every stage, the head and the whole encoder put back, and the fine-tuned network itself.
    looks = (len(ENCODER_STAGES) + 3) * images
    weight = BFLOAT16 if study.evaluation.precision == "bfloat16" else 1
    return trained + images + weight * looks


def _reuse(study: Study, run: Run) -> float:
    settings = study.reuse
    return GRADIENT * run.subset_size * (settings.descent_steps + settings.explicit_steps)
