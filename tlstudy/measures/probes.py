"""What the stages of a residual network hold: probes, frozen encoders, stages put back.

A stage works here as it does in an evaluation: BatchNorm has the statistics of the training
images. So its outputs are computed once, and what comes after it is trained or scored on them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from tlstudy.config.fields import ENCODER_STAGES
from tlstudy.config.settings import Evaluation, Training
from tlstudy.networks.batchnorm import recalibrated
from tlstudy.networks.device import autocast
from tlstudy.networks.evaluation import BATCH, Score, predict, score
from tlstudy.networks.trainer import Images, Trainer, training_batches

STAGES = (*ENCODER_STAGES, "head")


def stages_of(network: nn.Module) -> dict[str, nn.Module]:
    """The network's parts in order, sharing its weights; one after the other they are it."""
    stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    head = nn.Sequential(network.avgpool, nn.Flatten(), network.fc)
    return {
        "stem": stem,
        **{name: getattr(network, name) for name in ENCODER_STAGES[1:]},
        "head": head,
    }


def from_stage(network: nn.Module, stage: str) -> nn.Sequential:
    """The stage and all that comes after it, sharing the network's weights."""
    parts = stages_of(network)
    return nn.Sequential(*(parts[name] for name in STAGES[STAGES.index(stage) :]))


@dataclass(frozen=True)
class Outputs:
    """Outputs (N, channels, height, width) of every encoder stage, float32 on the processor."""

    train: dict[str, torch.Tensor]
    test: dict[str, torch.Tensor]


def stage_outputs(network: nn.Module, training: Training, images: Images) -> Outputs:
    """Outputs of the encoder's stages, BatchNorm recalibrated on the training images."""
    device = next(network.parameters()).device
    batches = [batch for batch, _ in training_batches(training, images, device)]
    with recalibrated(network, batches):
        network.eval()
        return Outputs(
            train=_outputs(network, images.train, images, device),
            test=_outputs(network, images.test, images, device),
        )


@torch.inference_mode()
def _outputs(
    network: nn.Module, raw: torch.Tensor, images: Images, device: torch.device
) -> dict[str, torch.Tensor]:
    parts, collected = stages_of(network), {name: [] for name in ENCODER_STAGES}
    for batch in raw.split(BATCH[device.type]):
        values = images.inputs(batch)
        for name in ENCODER_STAGES:
            values = parts[name](values)
            collected[name].append(values.cpu())
    return {name: torch.cat(values) for name, values in collected.items()}


class AfterStage:
    """Hands cached outputs to what comes after a stage, where images are handed to a network."""

    def __init__(self, device: torch.device):
        self.device = device

    def __call__(self, outputs: torch.Tensor) -> torch.Tensor:
        """(N, channels, height, width) on the device."""
        # A tensor made in inference mode cannot take part in training; its copy can.
        return outputs.to(self.device).clone(memory_format=torch.channels_last)


def after_stage(images: Images, outputs: Outputs, stage: str, device: torch.device) -> Images:
    """The images as the parts after the stage see them."""
    return replace(
        images,
        train=outputs.train[stage],
        test=outputs.test[stage],
        inputs=AfterStage(device),
    )


def probe(outputs: Outputs, images: Images, stage: str) -> tuple[Score, Score]:
    """Train and test score of a linear readout of a stage's outputs, averaged over positions.

    Logistic regression on standardised features, L2 penalty of strength 1 (scikit-learn's
    default): no choice here looks at test images.
    """
    features = {"train": outputs.train[stage], "test": outputs.test[stage]}
    pooled = {part: values.mean(dim=(2, 3)).double().numpy() for part, values in features.items()}
    readout = make_pipeline(StandardScaler(), LogisticRegression(max_iter=10_000))
    readout.fit(pooled["train"], images.train_labels.numpy())
    return (
        _probe_score(readout, pooled["train"], images.train_labels),
        _probe_score(readout, pooled["test"], images.test_labels),
    )


def _probe_score(readout, features, labels: torch.Tensor) -> Score:
    # A digit that no training image shows has no output: it gets no probability.
    logits = torch.full((len(labels), 10), -torch.inf, dtype=torch.float64)
    logits[:, readout.classes_] = torch.from_numpy(readout.predict_log_proba(features))
    return score(logits, labels, "logits")


def trained_after(
    network: nn.Module, stage: str, training: Training, images: Images, seed: int
) -> tuple[Score, Score]:
    """Train and test score once what comes after the stage was trained, all up to it held.

    Args:
        network: the start; what comes after the stage is trained in place.
        images: as what comes after the stage sees them (`after_stage`).
    """
    rest = from_stage(network, STAGES[STAGES.index(stage) + 1])
    device = next(network.parameters()).device
    evaluation = Evaluation()
    trainer = Trainer(
        training, rest, images, evaluation, seed, device, after_epochs=(), follow_weights=False
    )
    outcome = trainer.run()
    if not outcome.finished:
        nothing = Score(float("nan"), float("nan"), float("nan"))
        return nothing, nothing
    return scores_after(network, stage, training, images)


def scores_after(
    network: nn.Module,
    stage: str | None,
    training: Training,
    images: Images,
    precision: str = "float32",
) -> tuple[Score, Score]:
    """Train and test score of what comes after the stage, BatchNorm recalibrated.

    Args:
        stage: None for the whole network, on images as they are.
        precision: arithmetic of the predictions, float32 or bfloat16.
    """
    rest = from_stage(network, STAGES[STAGES.index(stage) + 1]) if stage else network
    device = next(network.parameters()).device
    batches = [batch for batch, _ in training_batches(training, images, device)]
    with autocast(device, precision), recalibrated(rest, batches):
        train = predict(rest, images.train, images.inputs)
        test = predict(rest, images.test, images.inputs)
    return (
        score(train, images.train_labels, training.head),
        score(test, images.test_labels, training.head),
    )


def put_back(network: nn.Module, start: dict[str, torch.Tensor], stage: str) -> None:
    """Give a stage (or all of the encoder, or the head) the weights that it started from.

    Args:
        start: weights by name before training; running BatchNorm statistics play no part.
    """
    names = ENCODER_STAGES if stage == "encoder" else (stage,)
    before = {id(parameter): start[name] for name, parameter in network.named_parameters()}
    parts = stages_of(network)
    with torch.no_grad():
        for name in names:
            for parameter in parts[name].parameters():
                parameter.copy_(before[id(parameter)])


def encoder_rows(
    start: nn.Module,
    tuned: nn.Module,
    training: Training,
    images: Images,
    seed: int,
    frozen_stages: Collection[str] = ENCODER_STAGES,
    precision: str = "float32",
) -> Iterator[dict]:
    """Rows of the encoder table, without keys.

    Args:
        start: network before training; it is trained stage by stage here and restored.
        tuned: the same network after fine-tuning; restored at the end.
        images: training and test images, all of which are used.
        frozen_stages: those up to which all is held while the rest is trained.
        precision: arithmetic in which whole networks are evaluated; what comes after a frozen
            stage is trained and evaluated in float32.
    """
    outputs = stage_outputs(start, training, images)
    device = next(start.parameters()).device
    before = {name: value.detach().clone() for name, value in start.named_parameters()}
    for stage in ENCODER_STAGES:
        yield _row("probe", stage, probe(outputs, images, stage), images)
    for stage in frozen_stages:
        seen = after_stage(images, outputs, stage, device)
        yield _row("frozen", stage, trained_after(start, stage, training, seen, seed), images)
        _restore(start, before)
    del outputs
    scores = scores_after(tuned, None, training, images, precision)
    yield _row("fine-tuned", "", scores, images)
    yield from _put_back_rows(tuned, before, training, images, precision)


def _put_back_rows(
    tuned: nn.Module,
    before: dict[str, torch.Tensor],
    training: Training,
    images: Images,
    precision: str,
) -> Iterator[dict]:
    after = {name: value.detach().clone() for name, value in tuned.named_parameters()}
    for stage in (*STAGES, "encoder"):
        put_back(tuned, before, stage)
        scores = scores_after(tuned, None, training, images, precision)
        yield _row("put-back", stage, scores, images)
        _restore(tuned, after)


@torch.no_grad()
def _restore(network: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    for name, parameter in network.named_parameters():
        parameter.copy_(weights[name])


def _row(measure: str, stage: str, scores: tuple[Score, Score], images: Images) -> dict:
    train, test = scores
    return {
        "measure": measure,
        "stage": stage,
        "train_balanced_accuracy": train.balanced_accuracy,
        "test_balanced_accuracy": test.balanced_accuracy,
        "test_loss": test.loss,
        "test_images": len(images.test_labels),
    }
