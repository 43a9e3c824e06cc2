"""Random changes of the training images, by torchvision's transforms."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torchvision.transforms import v2

from tlstudy.config.augmentation import Transform
from tlstudy.config.targets import Target
from tlstudy.data.shown_classes import classes_of
from tlstudy.storage.randomness import Stream, derived_seed

SMOOTH = v2.InterpolationMode.BILINEAR


def _quarter_turn(own: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    # Not by torchvision's rotation, which interpolates.
    turns = [partial(torch.rot90, k=angle // 90, dims=(-2, -1)) for angle in own.angles]
    return v2.RandomChoice([v2.Lambda(turn) for turn in turns])


def _resized_crop(own: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    def crop(image: torch.Tensor) -> torch.Tensor:
        return v2.RandomResizedCrop(image.shape[-2:], (own.smallest, 1.0), antialias=True)(image)

    return crop


# The transform behind each name, from its settings: of an image (channels, H, W) uint8.
TRANSFORMS: dict[str, Callable[[Any], Callable[[torch.Tensor], torch.Tensor]]] = {
    "rotation": lambda own: v2.RandomRotation(own.degrees, SMOOTH),
    "quarter-turn": _quarter_turn,
    "horizontal-flip": lambda own: v2.RandomHorizontalFlip(own.probability),
    "vertical-flip": lambda own: v2.RandomVerticalFlip(own.probability),
    "resized-crop": _resized_crop,
    "shift": lambda own: v2.RandomAffine(0, translate=(own.share, own.share)),
    "colour-jitter": lambda own: v2.ColorJitter(
        own.brightness, own.contrast, own.saturation, own.hue
    ),
    "erasing": lambda own: v2.RandomErasing(
        own.probability, scale=(min(0.02, own.largest), own.largest)
    ),
}


class Augmentation:
    """Changes each image by random values of its own, the same for a seed and an epoch.

    Everything is drawn and computed on the processor, so all devices see the same images.
    """

    def __init__(self, transforms: Sequence[Transform], target: Target, seed: int):
        self._parts = [
            (TRANSFORMS[own.name](own), classes_of(own, target, seed)) for own in transforms
        ]
        self._seed = seed

    def __call__(self, images: torch.Tensor, labels: torch.Tensor, epoch: int) -> torch.Tensor:
        """Changed copies of (N, H, W) or (N, 3, H, W) uint8 images, on their device.

        Args:
            labels: (N,) classes of the images.
        """
        changed = images.cpu().clone()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed((derived_seed(self._seed, Stream.AUGMENTATION) + epoch) % 2**63)
            for image, label in zip(changed, labels.tolist(), strict=True):
                image.copy_(self._one(image, label))
        return changed.to(images.device)

    def _one(self, image: torch.Tensor, label: int) -> torch.Tensor:
        grey = image.dim() == 2
        image = image[None] if grey else image
        for transform, classes in self._parts:
            if label in classes:
                image = transform(image)
        return image[0] if grey else image
