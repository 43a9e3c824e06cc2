"""Sharpness of the training loss: largest Hessian eigenvalue, rise along random directions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import hardsigmoid, relu6
from torch.overrides import TorchFunctionMode

from tlstudy.measures.planes import filter_normalised_direction, filter_norms
from tlstudy.networks.batchnorm import by_batch, untracked
from tlstudy.networks.evaluation import loss_of_head, training_mode_loss
from tlstudy.networks.images import Batch
from tlstudy.networks.trained import UNUSED
from tlstudy.storage.durations import with_time_left
from tlstudy.storage.randomness import Stream, derived_seed

# A Ritz value is good to the square of this where the eigenvalue is apart from the others.
TOLERANCE = 0.01

Vector = torch.Tensor


@dataclass(frozen=True)
class Eigenvalue:
    """Largest eigenvalue, its relative residual and the number of products it took."""

    value: float
    residual: float
    products: int


def lanczos(product: Callable[[Vector], Vector], start: Vector, steps: int) -> Eigenvalue:
    """Largest (algebraic) eigenvalue of a symmetric operator by the Lanczos iteration.

    Every new vector is made orthogonal to all before it (Golub & Van Loan 2013, section 10.3.1),
    as rounding would otherwise bring found eigenvalues back. It stops once the residual of the
    Ritz pair, |H v - lambda v| = beta_m |s_m|, is below a hundredth of |lambda|.

    Args:
        product: maps a vector (weights,) to H times it.
        start: (weights,), not zero.
        steps: most products.
    """
    basis = [start / start.norm()]
    alphas, betas = [], []
    for _ in with_time_left(range(steps), "product"):
        image = product(basis[-1])
        alphas.append(float(image @ basis[-1]))
        image = image - torch.stack([image @ vector for vector in basis]) @ torch.stack(basis)
        betas.append(float(image.norm()))
        values, vectors = np.linalg.eigh(
            np.diag(alphas) + np.diag(betas[:-1], 1) + np.diag(betas[:-1], -1)
        )
        residual = betas[-1] * abs(vectors[-1, -1])
        if residual <= TOLERANCE * abs(values[-1]) or len(alphas) == len(start):
            break
        basis.append(image / betas[-1])
    size = abs(values[-1])
    return Eigenvalue(float(values[-1]), residual / size if size else np.nan, len(alphas))


class _TwiceDifferentiable(TorchFunctionMode):
    """Context that spells hard sigmoids out: PyTorch's own can be differentiated only once."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is hardsigmoid:
            return relu6(args[0] + 3) / 6
        return function(*args, **(kwargs or {}))


def largest_hessian_eigenvalue(
    network: nn.Module,
    batches: list[Batch],
    head: str,
    steps: int,
    seed: int,
    filter_normalised: bool = False,
) -> Eigenvalue:
    """Largest Hessian eigenvalue of the training loss with each batch's BatchNorm statistics.

    Raw: all weights count, those of BatchNorm too. It depends on the scale of filters before
    BatchNorm, on which no output depends (Dinh et al. 2017). Filter-normalised: that of D H D,
    where D multiplies a weight by its filter's norm, and one-dimensional tensors are held, as
    along filter-normalised directions (Li et al. 2018). A step of 1 there is a change of a filter
    by its own norm, so no such scale matters.

    Hessian-vector products are exact (Pearlmutter 1994), by differentiating the gradient.

    Args:
        steps: most products.
    """
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    sizes = [weight.numel() for weight in weights]
    generator = torch.Generator().manual_seed(derived_seed(seed, Stream.LANDSCAPE))
    start = torch.cat([torch.randn(size, generator=generator) for size in sizes]).to(weights[0])
    scale = _by_filter(weights) if filter_normalised else torch.ones_like(start)
    count = sum(len(labels) for _, labels in batches)
    by_batch(network)
    # Of PyTorch's ways to compute attention only this one can be differentiated twice.
    with untracked(network), sdpa_kernel(SDPBackend.MATH), _TwiceDifferentiable():
        loss = sum(
            loss_of_head(network(images), labels, head) * (len(labels) / count)
            for images, labels in batches
        )
        # They can be differentiated again; their graph serves every product.
        gradients = torch.autograd.grad(loss, weights, create_graph=True, **UNUSED)

        def product(vector: Vector) -> Vector:
            parts = zip((scale * vector).split(sizes), weights, strict=True)
            shaped = [part.view_as(weight) for part, weight in parts]
            products = torch.autograd.grad(gradients, weights, shaped, retain_graph=True, **UNUSED)
            return scale * torch.cat([each.flatten() for each in products])

        return lanczos(product, start * (scale > 0), steps)


def _by_filter(weights: list[torch.Tensor]) -> Vector:
    """The norm of each weight's filter, (weights,); 0 for weights of one-dimensional tensors."""
    return torch.cat(
        [
            (
                filter_norms(weight).expand_as(weight)
                if weight.dim() > 1
                else torch.zeros_like(weight)
            ).flatten()
            for weight in (each.detach() for each in weights)
        ]
    )


def rise_along_random_directions(
    network: nn.Module, batches: list[Batch], head: str, radius: float, directions: int, seed: int
) -> float:
    """Mean rise of the training loss, nats, at both ends of filter-normalised directions.

    The slope cancels between the ends, so this is the curvature that a random direction meets
    (Li et al. 2018 for the directions). Arms with the same seed share the draws.
    """
    weights = [weight.data for weight in network.parameters()]
    centre = [weight.clone() for weight in weights]
    generator = torch.Generator().manual_seed(derived_seed(seed, Stream.LANDSCAPE))
    here = float(training_mode_loss(network, batches, head))
    rises = []
    for _ in range(directions):
        direction = filter_normalised_direction(centre, generator)
        for way in (radius, -radius):
            torch._foreach_copy_(weights, torch._foreach_add(centre, direction, alpha=way))
            rises.append(float(training_mode_loss(network, batches, head)) - here)
    torch._foreach_copy_(weights, centre)
    return float(np.mean(rises))
