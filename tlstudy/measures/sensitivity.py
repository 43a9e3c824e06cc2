"""Transforms of images in groups, and how far a network's features and answers follow them.

Turns by right angles, flips and cyclic shifts change no pixel's value, so they are exactly unitary.
Features are averaged over positions: a stage whose maps merely turn with the image counts as
invariant.
"""

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, log_softmax, pad

from tlstudy.config.training import Training
from tlstudy.measures.invariance import UPRIGHT
from tlstudy.measures.stage_features import stage_features
from tlstudy.networks.device import autocast
from tlstudy.networks.evaluation import predict_recalibrated
from tlstudy.networks.images import Images, training_inputs
from tlstudy.networks.stages import NoStagesError

Transform = Callable[[torch.Tensor], torch.Tensor]
SIDES = (-2, -1)
SHIFT = 1 / 8  # of the side
SMALLER = 0.75
DARKER = 0.6


def _turn(quarters: int) -> Transform:
    return lambda images: torch.rot90(images, quarters, SIDES)


def _shift(down: int, right: int) -> Transform:
    def shifted(images: torch.Tensor) -> torch.Tensor:
        pixels = round(SHIFT * images.shape[-1])
        return images.roll((down * pixels, right * pixels), SIDES)

    return shifted


def _smaller(images: torch.Tensor) -> torch.Tensor:
    """Reduced, with black around it."""
    side = images.shape[-1]
    inner = round(SMALLER * side)
    planes = images if images.dim() == 4 else images.unsqueeze(1)
    small = interpolate(planes.float(), size=(inner, inner), mode="bilinear", antialias=True)
    before = (side - inner) // 2
    after = side - inner - before
    framed = pad(small.round().clamp(0, 255).to(torch.uint8), (before, after, before, after))
    return framed if images.dim() == 4 else framed.squeeze(1)


TURNS = tuple(map(_turn, (1, 2, 3)))
# Those of each group beside the identity, of (N, H, W) or (N, 3, H, W) uint8 images. ImageNet
# training shows a network the first four kinds of change, and not the others.
GROUPS: dict[str, tuple[Transform, ...]] = {
    "horizontal-flip": (lambda images: images.flip(-1),),
    "shift": tuple(_shift(*way) for way in ((0, 1), (0, -1), (1, 0), (-1, 0))),
    "scale": (_smaller,),
    "brightness": (lambda images: (DARKER * images.float()).round().to(torch.uint8),),
    "vertical-flip": (lambda images: images.flip(-2),),
    "quarter-turn": TURNS,
    "inversion": (lambda images: 255 - images,),
    # For networks that were shown the other turns.
    "half-and-three-quarter-turn": TURNS[1:],
}


WAYS = tuple(dict.fromkeys(chain.from_iterable(GROUPS.values())))  # each once
PLACES = {group: [WAYS.index(way) for way in ways] for group, ways in GROUPS.items()}


def in_every_way(images: torch.Tensor) -> torch.Tensor:
    """The images as they are, then all of them in each of WAYS.

    One tensor, so that BatchNorm is recalibrated once for all.
    """
    return torch.cat([images, *(transform(images) for transform in WAYS)])


def relative_sensitivity(features: list[torch.Tensor]) -> float:
    """Mean distance between two transforms of an image over that between two images.

    0 if features are invariant, about 1 if a transform is as another image. Speicher et al. 2024,
    arXiv:2407.04325, section 3.

    Args:
        features: (N, channels) for each transform of the same images, the identity among them.
            Of the distances between images all are taken, not a random part.
    """
    across = [
        (first - second).norm(dim=1).mean()
        for index, first in enumerate(features)
        for second in features[index + 1 :]
    ]
    between = [torch.pdist(each).mean() for each in features]
    spread = torch.stack(between).mean()
    return float(torch.stack(across).mean() / spread) if spread > 0 else float("nan")


def sensitivity_rows(network: nn.Module, training: Training, images: Images) -> Iterator[dict]:
    """Relative sensitivity of each stage of the encoder to each group.

    BatchNorm is recalibrated on the training images as they are. A network without stages has no
    rows.
    """
    device = next(network.parameters()).device
    batches = training_inputs(training, images, device)
    try:
        by_stage = stage_features(network, images, in_every_way(images.test), batches)
    except NoStagesError:
        return
    parts = {stage: features.split(len(images.test)) for stage, features in by_stage.items()}
    for group, places in PLACES.items():
        for stage, (upright, *others) in parts.items():
            value = relative_sensitivity([upright, *(others[place] for place in places)])
            yield {
                "group": group,
                "measure": "sensitivity",
                "stage": stage,
                "class": "",
                "value": value,
            }


def answer_rows(
    network: nn.Module, training: Training, images: Images, precision: str
) -> Iterator[dict]:
    """Accuracy and divergence on transformed test images, by class and group.

    A group's value is the mean over its transforms, the identity apart; the group `none` has the
    accuracy on the images as they are.

    Args:
        precision: arithmetic of the predictions, float32 or bfloat16.
    """
    device = next(network.parameters()).device
    batches = training_inputs(training, images, device)
    with autocast(device, precision):
        turned = in_every_way(images.test)
        logits = predict_recalibrated(network, turned, images.inputs, batches)
    upright, *others = log_softmax(logits.double(), dim=1).split(len(images.test))

    def by_class(group: str, measure: str, values: torch.Tensor) -> Iterator[dict]:
        """Values: (transforms, N)."""
        for label in images.test_labels.unique().tolist():
            of_class = values[:, images.test_labels == label]
            yield {
                "group": group,
                "measure": measure,
                "stage": "",
                "class": str(label),
                "value": float(of_class.double().mean()),
                "right": packed(of_class) if measure == "accuracy" else None,
            }

    def right(answers: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack([each.argmax(dim=1) == images.test_labels for each in answers])

    yield from by_class(UPRIGHT, "accuracy", right([upright]))
    for group, places in PLACES.items():
        answers = [others[place] for place in places]
        yield from by_class(group, "accuracy", right(answers))
        divergences = [(upright.exp() * (upright - each)).sum(dim=1) for each in answers]
        yield from by_class(group, "divergence", torch.stack(divergences))


def packed(right: torch.Tensor) -> bytes:
    """A bit for each value in order, the highest of a byte first."""
    return np.packbits(right.cpu().numpy()).tobytes()
