"""Hooks on a network and its optimisers: forward passes, losses, backward passes and steps."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from tlstudy.watching.calls import PendingCalls
from tlstudy.watching.examples import input_of, joint_fingerprints, tensors_in, tensors_of_examples
from tlstudy.watching.looks import is_bad, is_frozen_batchnorm, is_in_backward, is_transformed
from tlstudy.watching.losses import (
    LOSS_LOOKS,
    OF_CLASSES,
    LossWindow,
    is_classification,
    is_repeated,
    look_at_inputs_of,
)
from tlstudy.watching.seen import Call, Seen
from tlstudy.watching.values import batchnorm_seen, first_not_finite, inputs_seen
from tlstudy.watching.weights import Weights

SETTLED = 30  # steps after which BatchNorm's statistics are those of the batches


class Hooks:
    """What PyTorch calls during a training, until it is removed.

    Hooks of modules are global ones, which look at the modules of this network only: so copies and
    files of the network hold nothing of the watcher.

    Attributes:
        classes: number of classes; taken from the outputs of the network if it was not given.
        tensors: of an example, as the network gets it.
        stopped: the error after which nothing is watched any more; empty without one.
    """

    def __init__(
        self,
        model: nn.Module,
        optimisers: Sequence[torch.optim.Optimizer],
        seen: Seen,
        weights: Weights,
        calls: PendingCalls,
        classes: int | None,
    ):
        self._model, self.classes = model, classes
        self._seen, self._weights, self._calls = seen, weights, calls
        self.tensors = 1
        self.stopped = ""
        self._entry: nn.Module | None = None
        self._main_entry: nn.Module | None = None
        self._passed: list[tuple[nn.Module, Any, Any]] = []
        self._window = LossWindow(
            self.safe(self._saw_loss),
            self.safe(self._saw_backward),
            self.safe(self._saw_difference),
        )
        self._handles = [
            register_module_forward_pre_hook(self.safe(self._before_module)),
            register_module_forward_hook(self.safe(self._after_module), with_kwargs=True),
        ]
        for one in optimisers:
            self._handles.append(one.register_step_pre_hook(lambda *_: self._window.close()))
            self._handles.append(one.register_step_post_hook(self.safe(self._after_step)))

    def remove(self) -> None:
        """Remove all of them."""
        self._window.close()
        for handle in self._handles:
            handle.remove()
        self._passed.clear()

    def safe(self, hook: Callable[..., None]) -> Callable[..., None]:
        """The hook, which must not end a training: after an error the watcher stops instead."""

        @functools.wraps(hook)
        def run(*args: Any, **kwargs: Any) -> None:
            # First of all, as a compiler reads on otherwise, and cannot follow.
            if torch.compiler.is_compiling() or self.stopped or is_transformed():
                return
            try:
                hook(*args, **kwargs)
            except Exception as error:
                self.stopped = f"{type(error).__name__}: {error}"
                self.remove()

        return run

    # Forward passes

    def _before_module(self, module: nn.Module, inputs: tuple) -> None:
        if is_in_backward():
            return
        is_outside = self._entry is None or module is self._entry
        if self._window.is_open and is_outside and next(module.parameters(), None) is not None:
            self._window.close()  # a network without gradients may compute otherwise in a mode
        if (
            is_outside
            and module in self._weights.modules
            and next(module.parameters(), None) is not None
        ):
            if not self._seen.steps:
                self._weights.begin()
            self._entry = module
            self._passed.clear()
            if torch.is_grad_enabled() and self._seen.steps < LOSS_LOOKS:
                self._window.open()  # the network may compute its loss itself

    def _after_module(self, module: nn.Module, inputs: tuple, kwargs: dict, output: Any) -> None:
        if self._entry is None or module not in self._weights.modules:
            return
        with_gradients = torch.is_grad_enabled()
        if with_gradients and not module._modules:  # autograd keeps most of these anyway
            self._passed.append((module, inputs, output))
        if module is self._entry:
            self._entry = None
            with torch.no_grad():
                call = self._make_call(module, (inputs, kwargs), output, with_gradients)
            if with_gradients:
                self._watch_backward(call, output)
            self._passed.clear()
            self._window.open()

    def _make_call(self, module: nn.Module, inputs: Any, output: Any, with_gradients: bool) -> Call:
        training = any(layer.training for layer in self._weights.mode_layers or [module])
        batch = input_of(inputs)
        size = len(batch) if batch is not None and batch.dim() else 0
        call = Call(training, with_gradients, size)
        if with_gradients and not training:
            only_frozen = all(map(is_frozen_batchnorm, self._weights.mode_layers or [module]))
            call.training_is_meant = only_frozen or self._model.training
            call.layers_off = self._model.training and not only_frozen
        self._main_entry = self._main_entry or module
        if batch is not None and module in (self._model, self._main_entry):
            rows = tensors_of_examples(inputs)
            call.examples = joint_fingerprints(rows)
            self.tensors = max(self.tensors, len(rows))
        own_loss = output.get("loss") if isinstance(output, Mapping) else None
        if isinstance(own_loss, torch.Tensor) and own_loss.numel() == 1:
            call.losses.append(own_loss.detach().float().reshape(()))
        if with_gradients:
            self._look_at_values(module, batch, output)
        self._calls.add(call)
        return call

    def _look_at_values(self, module: nn.Module, batch: Any, output: Any) -> None:
        seen, weights, passed = self._seen, self._weights, self._passed
        if weights.is_looked_at() and not seen.not_finite and is_bad(output):
            at = f"in the forward pass of step {seen.steps + 1}"
            seen.not_finite = first_not_finite(module, batch, passed, weights, at)
        if not seen.steps and batch is not None:
            seen.inputs = inputs_seen(batch, passed, weights)
        if not self._calls.steps_of_epoch and seen.steps >= SETTLED:
            seen.batchnorm |= batchnorm_seen(passed, weights)

    # Losses and backward passes

    @torch.no_grad()
    def _saw_loss(
        self,
        loss: Callable,
        outputs: torch.Tensor,
        target: torch.Tensor | None,
        value: torch.Tensor | None,
    ) -> None:
        call = self._calls.last if self._entry is None else None  # of a forward pass that is over
        with_gradients = call.with_gradients if call else self._entry is not None
        if with_gradients:
            look_at_inputs_of(loss, outputs, self._seen)
        if call is None or target is None:
            return
        if loss not in OF_CLASSES and is_repeated(outputs, target):
            shapes = tuple(outputs.shape), tuple(target.shape)
            self._seen.broadcasts[loss.__name__, *shapes] += 1
        call.losses.append(value)
        if is_classification(loss, outputs, target):
            self.classes = self.classes or outputs.shape[1]
            call.right = (outputs.argmax(1) == target).sum()
            call.labels = (target >= 0).sum()  # those that are ignored are below

    def _saw_difference(self, one: torch.Tensor, other: torch.Tensor) -> None:
        outputs, target = (one, other) if one.requires_grad else (other, one)
        if self._calls.last is not None and self._entry is None:
            shapes = tuple(outputs.shape), tuple(target.shape)
            self._seen.broadcasts["a difference", *shapes] += 1

    def _saw_backward(self, value: torch.Tensor) -> None:
        if self._calls.last is not None and value.numel() == 1:
            self._calls.last.backward = value.detach().float().reshape(())

    def _watch_backward(self, call: Call, output: Any) -> None:
        begins = self.safe(self._backward_begins)
        for tensor in tensors_in(output):
            if tensor.requires_grad:
                tensor.register_hook(lambda _, call=call: begins(call))

    def _backward_begins(self, call: Call) -> None:
        if not call.trained:
            call.trained = True
            self._weights.backward_begins()

    @torch.no_grad()
    def _after_step(self, *_: object) -> None:
        self._entry = None
        call = self._calls.last
        self._weights.after_step(call and (call.loss if call.backward is None else call.backward))
        self._window.close()
        self._calls.end_step()

    def settle_all(self) -> None:
        """Tell all forward passes apart that wait: the training is between two steps."""
        self._window.close()
        self._calls.settle_all()
