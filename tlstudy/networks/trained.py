"""Which weights a training changes, and what pulls them towards their start."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import nn

from tlstudy.config.training import Trained, Training
from tlstudy.networks.batchnorm import by_batch, untracked
from tlstudy.networks.evaluation import loss_of_head
from tlstudy.networks.images import Batch
from tlstudy.networks.stages import stages_of
from tlstudy.networks.trajectory import unflatten
from tlstudy.storage.randomness import Stream, derived_seed

# Of a weight that takes no part in the loss the gradient is 0.
UNUSED = {"allow_unused": True, "materialize_grads": True}

# Whether a tensor is trained, by its name and kind; the last layer always is.
PARTS: dict[str, Callable[[str, str], bool]] = {
    "all": lambda name, kind: True,
    "head": lambda name, kind: False,
    "batchnorm": lambda name, kind: kind.startswith("batchnorm"),
    "bias": lambda name, kind: name.endswith(".bias") or kind.endswith("-bias"),
}


def in_head(kind: str) -> bool:
    """Whether a tensor of this kind is one of the last layer's."""
    return kind.startswith("linear-")


def whole_tensors(trained: Trained, network: nn.Module, kinds: Mapping[str, str]) -> list[bool]:
    """Whether each tensor is trained, in whole or in part, in the order of the kinds."""
    if trained.stages:
        stages = stages_of(network)
        # Stages share the network's weights and have other names for them.
        chosen = {weight for name in trained.stages for weight in stages[name].parameters()}
        named = [weight in chosen for weight in network.parameters()]
    else:
        named = [PARTS[trained.part](name, kind) for name, kind in kinds.items()]
    return [own or in_head(kind) for own, kind in zip(named, kinds.values(), strict=True)]


def draw_masks(
    training: Training,
    network: nn.Module,
    kinds: Mapping[str, str],
    batches: Callable[[], list[Batch]],
    seed: int,
) -> list[torch.Tensor | None]:
    """For each tensor which of its weights are trained; None where it is not for masks to say.

    The same at every call, so a training that goes on from a checkpoint draws them anew.

    Args:
        batches: makes all training inputs and labels.
    """
    share = training.trained.share
    weights = list(network.parameters())
    if share is None:
        return [None] * len(weights)
    inner = [
        weight for weight, kind in zip(weights, kinds.values(), strict=True) if not in_head(kind)
    ]
    count = sum(weight.numel() for weight in inner)
    size = max(1, round(share * count))
    generator = torch.Generator().manual_seed(derived_seed(seed, Stream.MASK))
    if training.trained.by_gradients:
        gradients = _gradients(network, inner, batches(), training.head)
        chosen = torch.cat([gradient.abs().flatten() for gradient in gradients]).topk(size).indices
    else:
        chosen = torch.randperm(count, generator=generator)[:size]
    flat = torch.zeros(count, dtype=torch.bool, device=inner[0].device)
    flat[chosen.to(flat.device)] = True
    masks = [part.bool() for part in unflatten(flat, inner)]
    if training.trained.shuffled_top_k is not None:
        masks = [_shuffled(mask, generator) for mask in masks]
    of_inner = iter(masks)
    return [None if in_head(kind) else next(of_inner) for kind in kinds.values()]


def _shuffled(mask: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A mask of the same shape and size at random places."""
    places = torch.randperm(mask.numel(), generator=generator).to(mask.device)
    return mask.flatten()[places].view_as(mask)


def _gradients(
    network: nn.Module, weights: Sequence[torch.Tensor], batches: list[Batch], head: str
) -> tuple[torch.Tensor, ...]:
    """Gradients of the mean loss, BatchNorm with each batch's own statistics, nothing dropped."""
    network.requires_grad_(True)
    by_batch(network)
    sums = [torch.zeros_like(weight) for weight in weights]
    with untracked(network):
        for images, labels in batches:
            loss = loss_of_head(network(images), labels, head) * len(labels)
            torch._foreach_add_(sums, torch.autograd.grad(loss, weights, **UNUSED))
    return tuple(sums)


class TrainedWeights:
    """Lets an optimiser change some weights only.

    Tensors that are held have no gradient, so no optimiser holds them. Of a tensor with a mask, the
    weights outside are put back after each step: weight decay and momentum cannot move them.

    Args:
        whole: whether each tensor is trained, in whole or in part.
        masks: see `draw_masks`.

    Attributes:
        shares: (tensors,) share of each tensor's weights that is trained.
    """

    def __init__(
        self,
        training: Training,
        kinds: Mapping[str, str],
        weights: list[nn.Parameter],
        whole: Sequence[bool],
        masks: Sequence[torch.Tensor | None],
    ):
        for weight, trained in zip(weights, whole, strict=True):
            weight.requires_grad_(trained)
        self.shares = np.array(
            [
                float(trained) if mask is None else float(mask.double().mean())
                for trained, mask in zip(whole, masks, strict=True)
            ]
        )
        self._masked = [
            (weight, mask, weight.detach().clone())
            for weight, mask in zip(weights, masks, strict=True)
            if mask is not None
        ]
        self._pull = training.l2_sp
        self._pulled = [
            (weight, weight.detach().clone())
            for kind, weight, trained in zip(kinds.values(), weights, whole, strict=True)
            if self._pull and trained and not in_head(kind)
        ]

    @torch.no_grad()
    def before_step(self) -> None:
        """Add the pull towards the start to the gradients; clear those outside the masks."""
        for weight, start in self._pulled:
            if weight.grad is not None:  # a weight that takes no part
                weight.grad.add_(weight - start, alpha=self._pull)
        for weight, mask, _ in self._masked:
            if weight.grad is not None:
                weight.grad.mul_(mask)

    @torch.no_grad()
    def after_step(self) -> None:
        """Put the weights outside the masks back to their start."""
        for weight, mask, start in self._masked:
            weight.copy_(torch.where(mask, weight, start))


def train_only(
    training: Training,
    network: nn.Module,
    kinds: Mapping[str, str],
    batches: Callable[[], list[Batch]],
    seed: int,
) -> TrainedWeights:
    """Make a network ready to be trained in the weights that the training names.

    Args:
        batches: makes all training inputs and labels, for the gradients before the training.
    """
    masks = draw_masks(training, network, kinds, batches, seed)
    whole = whole_tensors(training.trained, network, kinds)
    return TrainedWeights(training, kinds, list(network.parameters()), whole, masks)
