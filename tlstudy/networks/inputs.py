"""From raw digits to the network's inputs."""

import numpy as np
import torch
from PIL import Image

from tlstudy.networks.pretrained import PretrainedWeights

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def resize(images: np.ndarray, size: int) -> torch.Tensor:
    """Resize (N, 28, 28) uint8 images to (N, size, size) uint8, PIL bilinear as published."""
    resized = [
        np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
        for image in images
    ]
    return torch.from_numpy(np.stack(resized))


class Inputs:
    """Turns uint8 grey images into normalised three-channel network inputs.

    Args:
        normalisation: none (pixels from 0 to 1), imagenet or weights.
        weights: those whose means and deviations `weights` stands for.
    """

    def __init__(self, normalisation: str, weights: PretrainedWeights | None, device: torch.device):
        mean, std = {
            "none": ((0.0,) * 3, (1.0,) * 3),
            "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
        }.get(normalisation) or weights.normalisation
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).view(1, 3, 1, 1)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """(N, H, W) uint8 to (N, 3, H, W) float32, channels last in memory."""
        pixels = images.to(self._mean.device).unsqueeze(1).float() / 255
        inputs = (pixels - self._mean) / self._std
        return inputs.contiguous(memory_format=torch.channels_last)
