"""Features of the stages of a network, averaged over positions, and how two of them compare."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from sklearn.linear_model import BayesianRidge, RidgeCV
from torch import nn

from tlstudy.networks.batchnorm import recalibrated
from tlstudy.networks.evaluation import batch_size
from tlstudy.networks.images import Images
from tlstudy.networks.stages import stages_of

PENALTIES = np.logspace(-4, 4, 17)  # candidates, of features with a total variance of 1


def stage_features(
    network: nn.Module,
    images: Images,
    raw: torch.Tensor,
    statistics: Iterable[torch.Tensor],
) -> dict[str, torch.Tensor]:
    """(N, channels) of each stage of the encoder, float64 on the processor.

    Args:
        images: only their way to inputs is used.
        raw: (N, H, W) or (N, 3, H, W) uint8, the images to look at.
        statistics: batches (N, 3, H, W) of inputs that BatchNorm is recalibrated on.

    Raises:
        NoStagesError: the network has none.
    """
    with recalibrated(network, statistics):
        network.eval()
        last = channels_last(outputs_by_stage(network, images, raw[:1]).values())
        return outputs_by_stage(
            network, images, raw, lambda values: without_positions(values, last).cpu().double()
        )


def _copied(values: torch.Tensor) -> torch.Tensor:
    """On the processor, and not what the next stage may change in place."""
    return values.to("cpu", copy=True)


@torch.inference_mode()
def outputs_by_stage(
    network: nn.Module,
    images: Images,
    raw: torch.Tensor,
    kept: Callable[[torch.Tensor], torch.Tensor] = _copied,
) -> dict[str, torch.Tensor]:
    """(N, ...) outputs of each stage of the encoder, in the mode that the network is in.

    Args:
        images, raw: see `stage_features`.
        kept: what is kept of a batch's outputs, such as (N, channels, height, width).
    """
    *stages, _ = stages_of(network).items()
    collected: dict[str, list[torch.Tensor]] = {name: [] for name, _ in stages}
    device = next(network.parameters()).device
    for part in raw.split(batch_size(device, raw.shape[-1])):
        values = images.inputs(part)
        for name, stage in stages:
            values = stage(values)
            collected[name].append(kept(values))
    return {name: torch.cat(values) for name, values in collected.items()}


def batches_of(images: Images, raw: torch.Tensor) -> Iterator[torch.Tensor]:
    """Inputs of the images (N, H, W) or (N, 3, H, W) in batches of about equal size."""
    size = batch_size(raw.device, raw.shape[-1])
    return map(images.inputs, raw.tensor_split(-(-len(raw) // size)))


def participation_ratio(features: np.ndarray) -> float:
    """Effective number of dimensions of (N, channels): (tr C)^2 / tr(C^2), C their covariance."""
    covariance = _normalised_covariance(features)
    return float(1 / np.square(covariance).sum())


def shared_dimensions(first: np.ndarray, second: np.ndarray) -> float:
    """Effective number of shared dimensions of two features (N, channels).

    Both have the same channels, such as those of a stage before and after training; images are not
    paired and may be others. (ENSD can be taken over either dimension that two features share.)
    ENSD = PR1 PR2 tr(C1 C2), C the covariances divided by their traces, PR the participation
    ratios (Lippl & Lindsey 2024, "Inductive biases of multi-task learning and finetuning", their
    signature of nested feature selection). It is PR where both are equal, and 0 where they span
    directions at right angles.
    """
    overlap = (_normalised_covariance(first) * _normalised_covariance(second)).sum()
    return participation_ratio(first) * participation_ratio(second) * float(overlap)


def _normalised_covariance(features: np.ndarray) -> np.ndarray:
    covariance = np.cov(features, rowvar=False)
    return covariance / np.trace(covariance)


def debiased_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Linear CKA of two (N, channels) features of the same images, without its bias at few images.

    Kornblith et al. 2019, with the unbiased estimator of HSIC of Song et al. 2012 (equation 5).
    About 0 for unrelated features, where the plain one approaches 1 with few images.
    """
    products = [_without_diagonal(features @ features.T) for features in (first, second)]
    both, one, other = (
        _unbiased_hsic(*pair) for pair in (products, (products[0],) * 2, (products[1],) * 2)
    )
    return float(both / np.sqrt(one * other)) if one > 0 and other > 0 else float("nan")


def _without_diagonal(matrix: np.ndarray) -> np.ndarray:
    return matrix - np.diag(np.diag(matrix))


def _unbiased_hsic(first: np.ndarray, second: np.ndarray) -> float:
    count = len(first)
    sums = first.sum() * second.sum() / ((count - 1) * (count - 2))
    crossed = first.sum(axis=0) @ second.sum(axis=0) * 2 / (count - 2)
    return float(((first * second).sum() + sums - crossed) / (count * (count - 3)))


def log_evidence(features: np.ndarray, labels: np.ndarray) -> float:
    """LogME (You et al. 2021): log evidence of linear regression of the classes, per image.

    Of each class's indicator on (N, channels) features, both variances chosen to make it largest;
    the mean over classes. No test image takes part.
    """
    found = []
    for label in np.unique(labels):
        regression = BayesianRidge(compute_score=True, fit_intercept=False, max_iter=1000)
        regression.fit(features, (labels == label).astype(float))
        found.append(regression.scores_[-1] / len(labels))
    return float(np.mean(found))


def reconstruction(
    features: np.ndarray, pixels: np.ndarray, test_features: np.ndarray, test_pixels: np.ndarray
) -> float:
    """Share of the variance of test images that a linear decoder of the features gets right.

    Ridge regression of (N, values) pixels on (N, channels) features, one penalty for all pixels, by
    the error on each training image when it is left out. R^2 = 1 - errors / deviations from the
    training images' mean, both squared and added up over test images and pixels: 0 is as good as
    that mean image, and it can be negative.
    """
    centre = features.mean(axis=0)
    scale = np.sqrt(features.var(axis=0).sum()) or 1.0  # features that do not vary tell nothing
    decoder = RidgeCV(PENALTIES).fit((features - centre) / scale, pixels)
    errors = test_pixels - decoder.predict((test_features - centre) / scale)
    deviations = test_pixels - pixels.mean(axis=0)
    return float(1 - np.square(errors).sum() / np.square(deviations).sum())


def channels_last(outputs: Iterable[torch.Tensor]) -> bool:
    """Whether a network has its channels last: some stage's outputs (N, side, side, channels)."""
    shapes = (values.shape for values in outputs if values.dim() == 4)
    return any(first == second != last for _, first, second, last in shapes)


def without_positions(outputs: torch.Tensor, last: bool = False) -> torch.Tensor:
    """(N, channels): the mean of a stage's outputs over positions.

    Args:
        outputs: (N, channels, side, side), (N, side, side, channels), (N, tokens, channels) or
            (N, channels); of four dimensions the two that are equal are the sides.
        last: whether channels are the last dimension where all three are equal, as of
            `channels_last`.
    """
    if outputs.dim() == 4:
        _, first, second, third = outputs.shape
        sides_first = first == second and (last or second != third)
        return outputs.mean(dim=(1, 2) if sides_first else (2, 3))
    return outputs.mean(dim=1) if outputs.dim() == 3 else outputs
