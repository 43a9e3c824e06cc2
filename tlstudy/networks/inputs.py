"""From raw images to the network's inputs."""

import numpy as np
import torch
from PIL import Image

from tlstudy.config.fields import IMAGENET_MEAN, IMAGENET_STD
from tlstudy.networks.pretrained import PretrainedWeights


def resize(images: np.ndarray, size: int, device: torch.device) -> torch.Tensor:
    """Resize (N, H, W) or (N, H, W, 3) uint8 images to (N, [3,] size, size) uint8 on the device.

    By PIL, bilinear, as the published protocol does.
    """
    resized = np.empty((len(images), size, size, *images.shape[3:]), dtype=np.uint8)
    for place, image in zip(resized, images, strict=True):
        place[...] = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
    values = torch.from_numpy(resized)
    if images.ndim == 4:
        values = values.permute(0, 3, 1, 2).contiguous()
    return values.to(device)


class Inputs:
    """Turns uint8 images, grey or of colours, into normalised three-channel network inputs.

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
        """(N, H, W) or (N, 3, H, W) uint8 to (N, 3, H, W) float32, channels last in memory."""
        colours = images.unsqueeze(1) if images.dim() == 3 else images
        pixels = colours.to(self._mean.device).float() / 255
        inputs = (pixels - self._mean) / self._std
        return inputs.contiguous(memory_format=torch.channels_last)
