"""Parameters, gradients and BatchNorm layers of the watched network, from step to step."""

from collections.abc import Iterable, Sequence

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tlstudy.watching.finding import listed
from tlstudy.watching.looks import (
    depends_on_mode,
    is_frozen_batchnorm,
    norms_of,
    statistics_of,
    sum_of,
)
from tlstudy.watching.seen import BatchNormSeen, ParameterSeen, Seen

# On a GPU a look at a value waits for the work before it, so not every step is looked at there.
LOOKS_AT_ALL, LOOKS_AT_EVERY = 32, 16
PROBES = 4  # parameters that tell whether the gradients were cleared


def optimisers_of(model: object, optimiser: object) -> list[torch.optim.Optimizer]:
    """One optimiser or several, as a list.

    Raises:
        TypeError: these are not a network and optimisers, in this order.
    """
    optimisers = [optimiser] if _is_optimiser(optimiser) else optimiser
    optimisers = list(optimisers) if isinstance(optimisers, Iterable) else [optimisers]
    if isinstance(model, nn.Module) and optimisers and all(map(_is_optimiser, optimisers)):
        return optimisers
    raise TypeError(
        "watch takes a network and then its optimiser, or several in a list; it got "
        f"{type(model).__name__} and {type(optimiser).__name__}"
    )


def _is_optimiser(value: object) -> bool:
    """Whether it has what is used of an optimiser; wrappers need not be one by their class."""
    return hasattr(value, "param_groups") and hasattr(value, "register_step_post_hook")


class Weights:
    """What the watcher keeps of the network's layers and parameters.

    Attributes:
        modules: names of all modules of the network.
        mode_layers: layers that compute something else in training mode.
        batchnorm_start: running means, variances and batches of each BatchNorm layer before the
            first step.
        norm: that of all gradients at the last step.
    """

    def __init__(self, model: nn.Module, optimisers: Sequence[torch.optim.Optimizer], seen: Seen):
        self._model, self._optimisers, self._seen = model, optimisers, seen
        self.modules = {module: name for name, module in model.named_modules()}
        self.mode_layers: list[nn.Module] = []
        self.batchnorm_start: dict[nn.Module, tuple] = {}
        self.norm: torch.Tensor | None = None
        self._parameters: list[tuple[str, nn.Parameter]] = []
        self._probes: list[nn.Parameter] = []
        self._found_cleared: bool | None = None
        self._largest: torch.Tensor | None = None

    def begin(self) -> None:
        """Take down how things are before the first step; until then the network may change."""
        seen = self._seen
        self.modules = {module: name for name, module in self._model.named_modules()}
        self._parameters = list(self._model.named_parameters())
        # A pass in training mode changes them: what counts is how they were before it.
        self.batchnorm_start = {
            layer: self.batchnorm_start.get(layer) or statistics_of(layer)
            for layer in self.modules
            if isinstance(layer, _BatchNorm) and layer.running_mean is not None
        }
        self.mode_layers = [layer for layer in self.modules if depends_on_mode(layer)]
        seen.modes_differ = bool(self.mode_layers)
        seen.parameters = {
            name: ParameterSeen(*[sum_of(parameter)] * 2) for name, parameter in self._parameters
        }
        self.look()

    def is_looked_at(self) -> bool:
        """Whether values of this step are looked at."""
        steps = self._seen.steps
        on_cpu = not self._parameters or self._parameters[0][1].device.type == "cpu"
        return on_cpu or steps < LOOKS_AT_ALL or steps % LOOKS_AT_EVERY == 0

    def not_finite(self) -> list[str]:
        """Names of parameters that are not finite."""
        return [name for name, one in self._parameters if not bool(one.isfinite().all())]

    def backward_begins(self) -> None:
        """No parameter has a gradient of this backward pass yet."""
        if self._probes and self.is_looked_at():
            stale = all(p.grad is not None and bool(p.grad.any()) for p in self._probes)
            # One clearing before the step is enough: another network's loss may pass through here.
            self._found_cleared = bool(self._found_cleared) or not stale

    def after_step(self, loss: torch.Tensor | None) -> None:
        """Look at the gradients of a step.

        Args:
            loss: of the step, if it is known.
        """
        seen, looking = self._seen, self.is_looked_at()
        if self._found_cleared is not None:
            seen.clear_checks += 1
            seen.not_cleared += not self._found_cleared
        self._found_cleared = None
        numbers = [n for n, (_, one) in enumerate(self._parameters) if one.grad is not None]
        if not numbers:
            return
        with_gradient = [self._parameters[number][1] for number in numbers]
        norms = norms_of([parameter.grad for parameter in with_gradient])
        self.norm = torch.linalg.vector_norm(norms)
        every = norms
        if len(numbers) < len(self._parameters):
            places = torch.tensor(numbers, device=norms.device)
            every = norms.new_zeros(len(self._parameters)).index_copy_(0, places, norms)
        self._largest = every if self._largest is None else torch.maximum(self._largest, every)
        if looking and not seen.not_finite:
            self._look_at_gradient(loss, numbers, norms)
        if len(self._probes) < PROBES and looking:
            found = zip(with_gradient, norms.tolist(), strict=True)
            nonzero = [parameter for parameter, norm in found if norm > 0]
            dense = [one for one in nonzero if one.grad.layout == torch.strided]
            self._probes = sorted(dense, key=lambda one: one.numel())[:PROBES]

    def _look_at_gradient(
        self, loss: torch.Tensor | None, numbers: list[int], norms: torch.Tensor
    ) -> None:
        place = f"at step {self._seen.steps + 1}, while the network's outputs were finite"
        if loss is not None and not bool(loss.isfinite()):
            self._seen.not_finite = f"the loss is {float(loss)} {place}"
        elif not bool(self.norm.isfinite()):
            finite = norms.isfinite().tolist()
            bad = [self._parameters[i][0] for i, ok in zip(numbers, finite, strict=True) if not ok]
            self._seen.not_finite = f"the gradient of {listed(bad)} is not finite {place}"

    @torch.no_grad()
    def look(self) -> None:
        """Which parameters are held, trained and moved, and how old BatchNorm's statistics are."""
        seen = self._seen
        held = {id(p) for one in self._optimisers for g in one.param_groups for p in g["params"]}
        own = {id(parameter) for _, parameter in self._parameters}
        seen.foreign = len(held - own) if own else 0
        largest = self._largest.tolist() if self._largest is not None else None
        for number, (name, parameter) in enumerate(self._parameters):
            one = seen.parameters[name]
            one.held |= id(parameter) in held
            one.trainable &= parameter.requires_grad
            now, frozen = sum_of(parameter), not parameter.requires_grad
            one.moved |= now != one.start
            one.moved_frozen |= one.frozen and frozen and now != one.last
            one.last, one.frozen = now, frozen
            if largest:
                one.gradient = largest[number]
        for layer, (_, _, before) in self.batchnorm_start.items():
            name = self.modules[layer]
            one = seen.batchnorm.setdefault(name, BatchNormSeen())
            one.updates = int(layer.num_batches_tracked) - before
            # Without a momentum they are plain means of all batches, which do not lag so.
            one.initial_left = (1 - layer.momentum) ** one.updates if layer.momentum else 0.0
            frozen = is_frozen_batchnorm(layer)
            if frozen and one.updates and name not in seen.frozen_batchnorm_updates:
                seen.frozen_batchnorm_updates.append(name)
