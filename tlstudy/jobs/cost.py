"""What a job costs: operations, memory and the time that a scheduler is asked for.

All follow from the configuration alone: the same on every machine and at any time, so that a dry
run and the run itself ask for the same. `tlstudy plan` adds the times of this machine.
"""

from math import ceil

from tlstudy.config.architectures import network_facts
from tlstudy.config.measurements import measurements
from tlstudy.config.settings import STATISTICS, Study
from tlstudy.config.study import Run
from tlstudy.config.training import Training
from tlstudy.measures.passes import cost_of_pass, training_passes

# Measured: 6.8 GiB for resnet50 at 30 epochs, of which 2.7 GiB are the path of the weights; for
# resnet18 at 32 pixels and two epochs 1.7 to 1.9 GiB on an Intel Xeon (AVX-512), 2.4 GiB elsewhere.
PROGRAM_MB = 1400
TRAINING_MB = 2100  # passes of a training: resnet50, 64 images of 128 x 128
# Vectors of all weights that a training holds beside the path: weights, gradients, the optimiser's
# state, what is handed to later steps. They do not shrink with the images. Measured at 32 pixels
# and two epochs: 2.1 GB for resnet18, 6.8 GB for vit_b_16; 5.6 GB for resnet50 at 64 and 30 epochs.
TRAINING_VECTORS = 20
# The same of a measurement; those of so many millions of weights are in what it states itself.
MEASURED_VECTORS, IN_MEASURED = 20, 25
TOGETHER = 64  # images that are only looked at
# Times that all training images are held as network inputs; training looks at them once more for
# BatchNorm's statistics while it holds those of the epoch.
ALL_INPUTS = {"train": 2}
# Operations a second, far below what is reached, as a job that runs out of time is lost. A core: a
# quarter of what the slowest of the kept audit's trainings reached on an AMD EPYC (Zen 4), an
# eighth of the fastest. A GPU: not measured; a tenth or less of the float32 peak of those built
# for data centres since 2017.
CORE_SPEED = 1e10
GPU_SPEED = 1e12
# A random change of an image on a core, as operations at four times CORE_SPEED. Measured: 0.3 ms at
# 32 pixels, 0.6 ms at 128 and 1.3 ms at 224 for a rotation, the slowest of a grey image.
CHANGE, CHANGE_OF_PIXEL = 1e7, 800
# For the start, shared file systems that are slow, and all that is not counted as operations.
LEAST_MINUTES = 30


def per_image(run: Run) -> float:
    """Operations of one image's forward pass."""
    return operations_of_image(run.settings.architecture, run.settings.image_size)


def operations_of_image(architecture: str, size: int) -> float:
    """Operations of one forward pass: two for each multiply-add."""
    return 2e9 * network_facts(architecture, size).multiply_adds


def millions_of_weights(settings: Training) -> float:
    """Weights of a network with ten outputs, millions."""
    return network_facts(settings.architecture, settings.image_size).millions


def operations(study: Study, run: Run, step: str) -> float:
    """Operations of a job, those in bfloat16 counted as the float32 ones that take as long."""
    if step == "train":
        return training_operations(study, run) + evaluation_operations(study, run)
    return per_image(run) * measurements()[step].passes(study, run)


def training_operations(study: Study, run: Run) -> float:
    """Operations of all training steps of a run, those of its tuning among them."""
    size = run.settings.images_trained_on(run.subset_size)
    passes = training_passes(run, size)
    changed = float(size)
    if run.settings.tune_learning_rate:
        share = 1 - 1 / study.tuning.folds
        candidates = len(study.tuning.learning_rates) * study.tuning.folds
        passes += candidates * training_passes(run, share * size)
        changed += candidates * share * size
    changes = len(run.settings.augmentation) * run.settings.epochs * changed
    return per_image(run) * passes + changes * operations_of_change(run.settings.image_size)


def operations_of_change(size: int) -> float:
    """Operations that take as long as one random change of an image."""
    return CHANGE + CHANGE_OF_PIXEL * size**2


def evaluation_operations(study: Study, run: Run) -> float:
    """Operations of all looks of a training at test images."""
    return per_image(run) * _looks(study, run)


def _looks(study: Study, run: Run) -> float:
    """Passes of all looks at test images, each recalibration with its pass of training images."""
    settings, early = study.evaluation, run.settings.early_stopping is not None
    # With early stopping what is kept at the end is looked at beside the last epoch.
    before_last = run.settings.epochs - (not early)
    pool = run.settings.target.data.test
    after_epoch, at_end = min(settings.epoch_images, pool), min(settings.final_images, pool)
    looks = before_last * len(run.after_epochs) + len(STATISTICS) - len(run.statistics)
    images = looks * after_epoch + len(run.statistics) * at_end
    recalibrations = before_last * ("recalibrated" in run.after_epochs) + 1
    trained_on = run.settings.images_trained_on(run.subset_size)
    passes = cost_of_pass(settings.precision) * (images + recalibrations * trained_on)
    # After each epoch those held out, with statistics of all others, in float32.
    return passes + (run.settings.epochs * run.subset_size if early else 0)


def memory_mb(run: Run, step: str) -> int:
    """Memory of a job of a step, MB.

    Program, passes, the training images as inputs, and in training the path of the weights.
    """
    settings = run.settings
    batch = max(TOGETHER, min(settings.batch_size, run.subset_size))
    facts = network_facts(settings.architecture, settings.image_size)
    held = TRAINING_MB if step == "train" else measurements()[step].memory_mb
    passes = held * facts.activations * batch / TOGETHER * (settings.image_size / 128) ** 2
    inputs = ALL_INPUTS.get(step, 1) * run.subset_size * 3 * 4 * settings.image_size**2 / 1e6
    if step == "train":
        vectors = settings.epochs + 1 + own_vectors(settings) + TRAINING_VECTORS
        weights = 4 * vectors * facts.millions
    else:
        weights = 4 * MEASURED_VECTORS * max(0.0, facts.millions - IN_MEASURED)
    return round(PROGRAM_MB + passes + inputs + weights)


def own_vectors(settings: Training) -> float:
    """Vectors of all weights that a training holds for settings of its own."""
    vectors = float(settings.weight_average is not None) + (settings.l2_sp > 0)
    vectors += settings.early_stopping is not None  # those of the best epoch
    # A mask has a byte for each weight, and the start is held to put weights back.
    return vectors + (1.25 if settings.trained.share is not None else 0)


def checkpoint_vectors(settings: Training) -> int:
    """Vectors of all weights in two checkpoints, old and new, that settings of a training add."""
    kept = (settings.weight_average is not None) + (settings.early_stopping is not None)
    return settings.epochs + 2 * kept


def on_one_core(step: str) -> bool:
    """Whether a step of a run computes on one core, whatever there is."""
    return step != "train" and measurements()[step].on_one_core


def runtime_minutes(study: Study, run: Run, step: str, threads: int, gpus: int) -> int:
    """Minutes that a job of a step is given, many times what it should take.

    Args:
        gpus: GPUs that it computes on; with 0 it computes on `threads` cores.
    """
    speed = gpus * GPU_SPEED or threads * CORE_SPEED
    return LEAST_MINUTES + ceil(operations(study, run, step) / speed / 60)
