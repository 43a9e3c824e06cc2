"""What the stages of a network hold: probes, frozen stages, stages put back.

A stage works here as it does in an evaluation: BatchNorm has the statistics of the training
images. So its outputs are computed once, and what comes after it is trained or scored on them.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from tlstudy.config.training import Training
from tlstudy.measures.stage_features import channels_last, outputs_by_stage, without_positions
from tlstudy.networks.batchnorm import recalibrated
from tlstudy.networks.device import autocast
from tlstudy.networks.evaluation import NO_SCORE, Score, predict, score
from tlstudy.networks.images import Images, training_inputs
from tlstudy.networks.stages import HEAD, stages_of
from tlstudy.networks.trainer import Trainer

Scores = tuple[Score, Score]  # of training images, of test images


def after(network: nn.Module, stage: str) -> nn.Sequential:
    """All that comes after the stage, sharing the network's weights."""
    stages = stages_of(network)
    return nn.Sequential(*list(stages.values())[list(stages).index(stage) + 1 :])


def stage_outputs(network: nn.Module, training: Training, images: Images) -> dict[str, Images]:
    """The images as what comes after each stage of the encoder sees them.

    Instead of pixels they are the stage's outputs, such as (N, channels, height, width), float32
    on the processor, BatchNorm recalibrated on the training images.
    """
    device = next(network.parameters()).device
    batches = training_inputs(training, images, device)
    with recalibrated(network, batches):
        network.eval()
        train, test = (
            outputs_by_stage(network, images, raw) for raw in (images.train, images.test)
        )
    as_inputs = partial(_as_inputs, device=device)
    return {
        stage: replace(images, train=train[stage], test=test[stage], inputs=as_inputs)
        for stage in train
    }


def _as_inputs(outputs: torch.Tensor, device: torch.device) -> torch.Tensor:
    # A tensor made in inference mode cannot take part in training; its copy can.
    memory = torch.channels_last if outputs.dim() == 4 else torch.contiguous_format
    return outputs.to(device).clone(memory_format=memory)


def probe(seen: Images, outputs: int, last: bool = False) -> Scores:
    """Scores of a linear readout of a stage's outputs, averaged over positions.

    Logistic regression on standardised features, L2 penalty of strength 1 (scikit-learn's
    default): no choice here looks at test images.

    Args:
        seen: see `stage_outputs`.
        outputs: number of classes.
        last: see `without_positions`.
    """
    train, test = (
        without_positions(values, last).double().numpy() for values in (seen.train, seen.test)
    )
    readout = make_pipeline(StandardScaler(), LogisticRegression(max_iter=10_000))
    readout.fit(train, seen.train_labels.numpy())

    def scored(features, labels: torch.Tensor) -> Score:
        # A class that no training image shows has no output: it gets no probability.
        logits = torch.full((len(labels), outputs), -torch.inf, dtype=torch.float64)
        logits[:, readout.classes_] = torch.from_numpy(readout.predict_log_proba(features))
        return score(logits, labels, "logits")

    return scored(train, seen.train_labels), scored(test, seen.test_labels)


def trained_after(
    network: nn.Module, stage: str, training: Training, seen: Images, seed: int
) -> Scores:
    """Scores once what comes after the stage was trained, in place, and all up to it was held.

    Args:
        seen: see `stage_outputs`.
    """
    rest, device = after(network, stage), next(network.parameters()).device
    training = plain(training)
    trainer = Trainer(training, rest, seen, None, seed, device, follow_weights=False)
    return scores(rest, training, seen) if trainer.run().finished else (NO_SCORE, NO_SCORE)


def plain(training: Training) -> Training:
    """Float32, without what needs the whole network or its images: the stage says what is held."""
    fields = ("trained", "augmentation", "early_stopping", "weight_average", "precision")
    if training.rescaling.part == "first":  # it is in what is held
        fields = (*fields, "rescaling")
    usual = {name: Training.model_fields[name].get_default() for name in fields}
    return training.model_copy(update=usual)


def scores(
    network: nn.Module, training: Training, images: Images, precision: str = "float32"
) -> Scores:
    """Scores of a network, or of what comes after a stage, BatchNorm recalibrated.

    Args:
        precision: arithmetic of the predictions, float32 or bfloat16.
    """
    device = next(network.parameters()).device
    batches = training_inputs(training, images, device)
    with autocast(device, precision), recalibrated(network, batches):
        train = predict(network, images.train, images.inputs)
        test = predict(network, images.test, images.inputs)
    return (
        score(train, images.train_labels, training.head),
        score(test, images.test_labels, training.head),
    )


@torch.no_grad()
def put_back(
    network: nn.Module, weights: Mapping[str, torch.Tensor], stages: Collection[str] | None = None
) -> None:
    """Give stages of a network these weights, by name; BatchNorm's statistics are left alone.

    Args:
        stages: None for all.
    """
    of_stages = stages_of(network)
    chosen = {
        id(weight) for stage in stages or of_stages for weight in of_stages[stage].parameters()
    }
    for name, weight in network.named_parameters():
        if id(weight) in chosen:
            weight.copy_(weights[name])


def weights_of(network: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all weights by name."""
    return {name: weight.detach().clone() for name, weight in network.named_parameters()}


def encoder_rows(
    start: nn.Module,
    tuned: nn.Module,
    training: Training,
    images: Images,
    seed: int,
    frozen_stages: Collection[str],
    precision: str,
) -> Iterator[dict]:
    """Rows of the encoder table, without keys.

    Args:
        start: network before training; it is trained stage by stage here and restored.
        tuned: the same network after fine-tuning; restored at the end.
        images: training and test images, all of which are used.
        frozen_stages: those up to which all is held while the rest is trained; the network may
            lack some of them, which are left out.
        precision: arithmetic in which whole networks are evaluated; what comes after a frozen
            stage is trained and evaluated in float32.
    """

    def row(measure: str, stage: str, scores: Scores) -> dict:
        train, test = scores
        return {
            "measure": measure,
            "stage": stage,
            "train_balanced_accuracy": train.balanced_accuracy,
            "test_balanced_accuracy": test.balanced_accuracy,
            "test_loss": test.loss,
            "test_images": len(images.test_labels),
        }

    seen = stage_outputs(start, training, images)
    before, fine_tuned = weights_of(start), weights_of(tuned)
    last = channels_last(outputs.train for outputs in seen.values())
    for stage in seen:
        yield row("probe", stage, probe(seen[stage], training.target.outputs, last))
    of_encoder = tuple(seen)
    for stage in of_encoder:
        if stage not in frozen_stages:
            continue
        yield row("frozen", stage, trained_after(start, stage, training, seen[stage], seed))
        put_back(start, before)
    del seen
    yield row("fine-tuned", "", scores(tuned, training, images, precision))
    each = [(stage, (stage,)) for stage in (*of_encoder, HEAD)]
    for name, stages in [*each, ("encoder", of_encoder)]:
        put_back(tuned, before, stages)
        yield row("put-back", name, scores(tuned, training, images, precision))
        put_back(tuned, fine_tuned)
