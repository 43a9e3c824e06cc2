"""From raw images to the network's inputs."""

import numpy as np
import torch

from tlstudy.config.fields import IMAGENET_MEAN, IMAGENET_STD
from tlstudy.networks.pretrained import PretrainedWeights

PIL_ONE = 2**22  # PIL's resizing of 8-bit images has integer weights: this one stands for 1
RESIZED_AT_ONCE = 64  # images: their float64 sums stay near the cache


def resize(images: np.ndarray, size: int, device: torch.device) -> torch.Tensor:
    """Resize (N, H, W) or (N, H, W, 3) uint8 images to (N, [3,] size, size) uint8 on the device.

    Bilinear as in PIL, which the published protocol uses: the same integers on every device. PIL
    resizes rows, rounds, then resizes columns, with weights of 22 bits after the point; their
    products and sums are exact in float64.
    """
    if images.ndim == 4:
        count, height, width, channels = images.shape
        planes = images.transpose(0, 3, 1, 2).reshape(count * channels, height, width)
        return resize(planes, size, device).view(count, channels, size, size)
    across = _pil_weights(images.shape[2], size).to(device)
    down = _pil_weights(images.shape[1], size).to(device)
    resized = torch.empty(len(images), size, size, dtype=torch.uint8, device=device)
    parts = torch.from_numpy(images.copy()).split(RESIZED_AT_ONCE)
    for part, place in zip(parts, resized.split(RESIZED_AT_ONCE), strict=True):
        rows = _rounded(part.to(device).double() @ across.T)
        place.copy_(_rounded(down @ rows))
    return resized


def _rounded(sums: torch.Tensor) -> torch.Tensor:
    return (sums / PIL_ONE + 0.5).floor().clamp(0, 255)


def _pil_weights(length: int, size: int) -> torch.Tensor:
    """Weights (size, length) of the pixels in each new one, as integers of 1 / PIL_ONE.

    An image that is reduced is averaged over as many pixels as make a new one.
    """
    per_old_pixel = min(1.0, size / length)
    centres = (np.arange(size) + 0.5) * length / size
    distance = np.abs(np.arange(length) + 0.5 - centres[:, None])
    weights = np.clip(1 - distance * per_old_pixel, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    return torch.from_numpy(np.floor(weights * PIL_ONE + 0.5))


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
