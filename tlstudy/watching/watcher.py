"""The watcher: hooks that see a training, and change no number of it."""

import atexit
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from tlstudy.watching.calls import PendingCalls
from tlstudy.watching.examples import (
    fingerprints_of,
    input_of,
    joint_fingerprints,
    tensors_in,
    tensors_of_examples,
)
from tlstudy.watching.finding import Finding, counted, report_text
from tlstudy.watching.judge import findings, unjudged
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
from tlstudy.watching.table import Row, own_path, write_table
from tlstudy.watching.values import batchnorm_seen, first_not_finite, inputs_seen
from tlstudy.watching.weights import Weights, optimisers_of

SETTLED = 30  # steps after which BatchNorm's statistics are those of the batches

Optimiser = torch.optim.Optimizer


class Watch:
    """Watches a network and its optimiser until it is closed.

    Hooks of modules are global ones, which look at the modules of this network only: so copies and
    files of the network hold nothing of the watcher.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: Optimiser | Iterable[Optimiser],
        *,
        classes: int | None = None,
        path: str | Path | None = "watch.csv",
        test_images: Any = None,
    ):
        """Begin to watch.

        Args:
            optimiser: one optimiser, or several if each trains a part of the network.
            classes: number of classes, for the command that audits the table; if not given, it is
                taken from the outputs of the network.
            path: file for the table of epochs; an existing file is replaced, unless it is of
                another watcher of this process: then -2 is added to the name. None: no table.
            test_images: a tensor (N, ...) in the form that the network gets, or a data set or
                loader of such examples, with or without labels after them.

        Raises:
            TypeError: these are not a network and optimisers, in this order.
            IsADirectoryError: path is a folder.
        """
        self._optimisers = optimisers_of(model, optimiser)
        self.model, self.classes = model, classes
        self.path = self._asked = Path(path) if path is not None else None
        if self.path and self.path.is_dir():
            raise IsADirectoryError(f"path is a folder; a file in it is wanted: {self.path}")
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self.rows: list[Row] = []
        self._test_images = test_images
        self._seen = Seen(optimisers=len(self._optimisers))
        self._weights = Weights(model, self._optimisers, self._seen)
        self._calls = PendingCalls(self._seen)
        self._entry: nn.Module | None = None
        self._main_entry: nn.Module | None = None
        self._passed: list[tuple[nn.Module, Any, Any]] = []
        self._window = LossWindow(
            self._safe(self._saw_loss),
            self._safe(self._saw_backward),
            self._safe(self._saw_difference),
        )
        self._tensors = 1  # of an example, as the network gets it
        self._refused: dict[str, str] = {}  # by name, what was given in place of a number
        self._begin_epoch()
        self._reported = False
        self._stopped = ""
        self._process = os.getpid()
        self._handles = [
            register_module_forward_pre_hook(self._safe(self._before_module)),
            register_module_forward_hook(self._safe(self._after_module), with_kwargs=True),
        ]
        for one in self._optimisers:
            self._handles.append(one.register_step_pre_hook(lambda *_: self._window.close()))
            self._handles.append(one.register_step_post_hook(self._safe(self._after_step)))
        atexit.register(self._at_exit)

    # What the user calls

    @contextmanager
    def epoch(self) -> Iterator["Watch"]:
        """Around all that belongs to an epoch, its evaluation too."""
        yield self
        self.end_epoch()

    def log(self, **values: float | None) -> None:
        """Give values of this epoch, such as test_loss, in place of those that are seen.

        What is no number is left out, and the report says so.
        """
        for name, value in values.items():
            try:
                self._given[name] = None if value is None else float(value)
            except Exception:  # of whatever a value may be; none may end a training
                shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
                self._refused[name] = f"{type(value).__name__}{shape}"
        self._seen.test_values_given |= any(name.startswith("test_") for name in values)

    def end_epoch(self, **values: float | None) -> None:
        """Call once an epoch, after its evaluation; not inside `epoch()`."""
        self.log(**values)
        self._safe(self._add_row)()
        self._begin_epoch()

    def _add_row(self) -> None:
        self._settle_all()
        self._weights.look()
        seen, calls = self._seen, self._calls
        seen.epochs += 1
        seen.examples.end_epoch()
        seen.longest_epoch = max(seen.longest_epoch, calls.steps_of_epoch)
        row: Row = {"epoch": seen.epochs, **calls.train.row("train")}
        if self._weights.norm is not None:
            row["gradient_norm"] = float(self._weights.norm)
        row["learning_rate"] = float(self._optimisers[0].param_groups[0]["lr"])
        row |= calls.test.row("test")
        if calls.test.examples:
            row["test_images"] = calls.test.examples
        self.rows.append(row | self._given)
        if self.path:
            if len(self.rows) == 1:
                self.path = own_path(self.path)
            write_table(self.path, self.rows)

    @property
    def findings(self) -> list[Finding]:
        """What was found until now."""
        self._safe(self._settle_all)()
        self._safe(self._weights.look)()
        if self._test_images is not None and self._seen.examples.given is None:
            self._look_at_test_images()
        return findings(self._seen)

    def _look_at_test_images(self) -> None:
        """They may be anything: an error ends neither the training nor the watch."""
        try:
            self._seen.examples.given = fingerprints_of(self._test_images, self._tensors)
        except Exception as error:
            self._seen.examples.given = set()
            self._seen.failed_checks["test_images"] = f"{type(error).__name__}: {error}"

    def report(self) -> str:
        """The findings until now, as a text: what was seen, why it matters, what to do."""
        self._reported = True
        found, seen = self.findings, self._seen
        heading = f"{counted(seen.epochs, 'epoch')}, {counted(seen.steps, 'step')}"
        table = ""
        if self.path and self.rows:
            option = f" --classes {self.classes}" if self.classes else ""
            table = f"  The table of epochs: tlstudy audit {self.path}{option}"
            if self.path != self._asked:
                table += f"\n  ({self._asked} is the table of another watcher)"
        missing = unjudged(seen)
        for name, what in self._refused.items():
            missing.append(f"the value {name}: a number is wanted, and it was a {what}.")
        if self._stopped:
            step = seen.steps + 1
            missing.append(f"anything from step {step} on: the watcher failed ({self._stopped}).")
        return report_text(found, heading, missing, table)

    def close(self) -> None:
        """Remove all hooks; the report can still be asked for."""
        self._remove_hooks()
        atexit.unregister(self._at_exit)

    def _remove_hooks(self) -> None:
        self._window.close()
        for handle in self._handles:
            handle.remove()
        self._passed.clear()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _at_exit(self) -> None:
        was_used = self._seen.steps or self._calls
        if not self._reported and was_used and os.getpid() == self._process:
            print(self.report())
        self.close()

    def _safe(self, hook: Callable[..., None]) -> Callable[..., None]:
        """The hook, which must not end a training: after an error the watcher stops instead."""

        @functools.wraps(hook)
        def run(*args: Any, **kwargs: Any) -> None:
            # First of all, as a compiler reads on otherwise, and cannot follow.
            if torch.compiler.is_compiling() or self._stopped or is_transformed():
                return
            try:
                hook(*args, **kwargs)
            except Exception as error:
                self._stopped = f"{type(error).__name__}: {error}"
                self._remove_hooks()

        return run

    def _begin_epoch(self) -> None:
        self._calls.begin_epoch()
        self._given: dict[str, float | None] = {}

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
            call.training_is_meant = only_frozen or self.model.training
            call.layers_off = self.model.training and not only_frozen
        self._main_entry = self._main_entry or module
        if batch is not None and module in (self.model, self._main_entry):
            rows = tensors_of_examples(inputs)
            call.examples = joint_fingerprints(rows)
            self._tensors = max(self._tensors, len(rows))
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
        begins = self._safe(self._backward_begins)
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

    def _settle_all(self) -> None:
        self._window.close()
        self._calls.settle_all()


watch = Watch  # read as what it does: tlstudy.watch(model, optimiser)
