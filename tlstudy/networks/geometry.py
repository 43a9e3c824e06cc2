"""How far weights moved: displacement, change of norm and angle, in float64."""

from collections.abc import Sequence

import numpy as np
import torch


def moments(before: Sequence[torch.Tensor], after: Sequence[torch.Tensor]) -> np.ndarray:
    """Sums from which every change follows; the rows of several layers add up to a network's.

    Returns:
        (layers, 4) float64: |before|^2, |after|^2, |after - before|^2 and
        <before, after - before>. Each is summed in float64 from the float32 weights.
    """
    rows = []
    for start, end in zip(before, after, strict=True):
        start, end = start.detach().double().flatten(), end.detach().double().flatten()
        step = end - start
        rows.append(torch.stack([start @ start, end @ end, step @ step, start @ step]))
    return torch.stack(rows).cpu().numpy()


def changes(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Displacement, signed change of norm and angle from (..., 4) moments.

    displacement = |b - a| / |a|; norm_change = (|b| - |a|) / |a|;
    angle = 2 atan2(|a' - b'|, |a' + b'|) in degrees, a' and b' the unit vectors (Kahan 2006).
    |a' - b'|^2 is computed as (|b - a|^2 - (|b| - |a|)^2) / (|a| |b|), in which nothing large
    cancels for small angles. Changes from a zero vector are not numbers (NaN).
    """
    before, after, step, along = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        norm_before, norm_after = np.sqrt(np.where(before > 0, before, np.nan)), np.sqrt(after)
        growth = (2 * along + step) / (norm_before + norm_after)
        product = norm_before * np.where(after > 0, norm_after, np.nan)
        gap = np.clip((step - growth**2) / product, 0, 4)
        return {
            "norm": norm_after,
            "displacement": np.sqrt(step) / norm_before,
            "norm_change": growth / norm_before,
            "angle": np.degrees(2 * np.arctan2(np.sqrt(gap), np.sqrt(4 - gap))),
        }


def predicted_adam_displacement(
    before: Sequence[torch.Tensor], learning_rate: float | np.ndarray, steps: float
) -> np.ndarray:
    """(layers,) displacement if Adam moved every weight by the learning rate, one way, each step.

    steps x learning rate / root mean square of the layer: the size of Adam's step does not
    depend on the gradient's (Kingma & Ba 2015, section 2.1).

    Args:
        learning_rate: one, or (layers,) of them.
        steps: their number; a step at a part of the learning rate counts as that part.
    """
    mean_squares = [tensor.detach().double().square().mean() for tensor in before]
    with np.errstate(divide="ignore"):
        return steps * learning_rate / np.sqrt(torch.stack(mean_squares).cpu().numpy())
