"""The watcher: hooks that see a training, and change no number of it."""

import atexit
import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from tlstudy.watching.examples import (
    fingerprints_of,
    input_of,
    joint_fingerprints,
    tensors_in,
    tensors_of_examples,
)
from tlstudy.watching.finding import Finding, counted, listed, report_text
from tlstudy.watching.judge import findings, unjudged
from tlstudy.watching.looks import (
    compare_statistics,
    depends_on_mode,
    is_bad,
    is_frozen_batchnorm,
    is_in_backward,
    is_transformed,
    norms_of,
    statistics_of,
    sum_of,
)
from tlstudy.watching.losses import OF_CLASSES, LossWindow, is_repeated, wrong_input
from tlstudy.watching.seen import (
    BatchNormSeen,
    Call,
    InputsSeen,
    Mean,
    ParameterSeen,
    Seen,
)
from tlstudy.watching.table import Row, write_table

# On a GPU a look at a value waits for the work before it, so not every step is looked at there.
LOOKS_AT_ALL, LOOKS_AT_EVERY = 32, 16
LOSS_LOOKS, LOSS_LOOKS_AT_EVERY = 8, 64
PENDING = 64  # forward passes that may wait for their backward pass
SETTLED = 30  # steps after which BatchNorm's statistics are those of the batches
PROBES = 4  # parameters that tell whether the gradients were cleared
LARGEST_SCORES = 2**20  # values from which correct answers are counted: of a text there are more

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
            optimiser: or several, if each trains a part of the network.
            classes: of a classification, for the command that audits the table; seen otherwise.
            path: table of epochs; a file that is there is replaced. None: no table.
            test_images: tensor (N, ...) as it goes into the network, or a data set or a loader of
                such examples, also with labels after them.

        Raises:
            TypeError: these are not a network and optimisers, in this order.
            IsADirectoryError: path is a folder.
        """
        optimisers = [optimiser] if _is_optimiser(optimiser) else optimiser
        optimisers = list(optimisers) if isinstance(optimisers, Iterable) else [optimisers]
        right = isinstance(model, nn.Module) and optimisers and all(map(_is_optimiser, optimisers))
        if not right:
            raise TypeError(
                "watch takes a network and then its optimiser, or several in a list; it got "
                f"{type(model).__name__} and {type(optimiser).__name__}"
            )
        self.model, self.classes = model, classes
        self.path = Path(path) if path is not None else None
        if self.path and self.path.is_dir():
            raise IsADirectoryError(f"path is a folder; a file in it is wanted: {self.path}")
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self.rows: list[Row] = []
        self._optimisers = optimisers
        self._test_images = test_images
        self._seen = Seen(optimisers=len(self._optimisers))
        self._modules = {module: name for name, module in model.named_modules()}
        self._mode_layers: list[nn.Module] = []
        self._parameters: list[tuple[str, nn.Parameter]] = []
        self._batchnorm_start: dict[nn.Module, tuple] = {}
        self._entry: nn.Module | None = None
        self._main_entry: nn.Module | None = None
        self._passed: list[tuple[nn.Module, Any, Any]] = []
        self._calls: deque[Call] = deque()
        self._call: Call | None = None
        self._window = LossWindow(
            self._safe(self._saw_loss),
            self._safe(self._saw_backward),
            self._safe(self._saw_difference),
        )
        self._probes: list[nn.Parameter] = []
        self._found_cleared: bool | None = None
        self._largest: torch.Tensor | None = None
        self._tensors = 1  # of an example, as the network gets it
        self._norm: torch.Tensor | None = None
        self._batch_of_step: int | None = None
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
        self._look_at_weights()
        seen = self._seen
        seen.epochs += 1
        seen.examples.end_epoch()
        seen.longest_epoch = max(seen.longest_epoch, self._steps_of_epoch)
        row: Row = {"epoch": seen.epochs, **self._train.row("train")}
        if self._norm is not None:
            row["gradient_norm"] = float(self._norm)
        row["learning_rate"] = float(self._optimisers[0].param_groups[0]["lr"])
        row |= self._test.row("test")
        if self._test.examples:
            row["test_images"] = self._test.examples
        self.rows.append(row | self._given)
        if self.path:
            write_table(self.path, self.rows)

    @property
    def findings(self) -> list[Finding]:
        """What was found until now."""
        self._safe(self._settle_all)()
        self._safe(self._look_at_weights)()
        if self._test_images is not None and self._seen.examples.given is None:
            self._seen.examples.given = fingerprints_of(self._test_images, self._tensors)
        return findings(self._seen)

    def report(self) -> str:
        """The findings until now, as a text: what was seen, why it matters, what to do."""
        self._reported = True
        found, seen = self.findings, self._seen
        heading = f"{counted(seen.epochs, 'epoch')}, {counted(seen.steps, 'step')}"
        table = ""
        if self.path and self.rows:
            option = f" --classes {self.classes}" if self.classes else ""
            table = f"  The table of epochs: tlstudy audit {self.path}{option}"
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
        self._train, self._test = Mean(), Mean()
        self._given: dict[str, float | None] = {}
        self._steps_of_epoch = 0

    # Forward passes

    def _before_module(self, module: nn.Module, inputs: tuple) -> None:
        if is_in_backward():
            return
        is_outside = self._entry is None or module is self._entry
        if self._window.is_open and is_outside and next(module.parameters(), None) is not None:
            self._window.close()  # a network without gradients may compute otherwise in a mode
        if is_outside and module in self._modules and next(module.parameters(), None) is not None:
            if not self._seen.steps:
                self._begin()
            self._entry = module
            self._passed.clear()
            if torch.is_grad_enabled() and self._seen.steps < LOSS_LOOKS:
                self._window.open()  # the network may compute its loss itself

    def _after_module(self, module: nn.Module, inputs: tuple, kwargs: dict, output: Any) -> None:
        if self._entry is None or module not in self._modules:
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

    def _begin(self) -> None:
        """Take down how things are before the first step; until then the network may change."""
        seen = self._seen
        self._modules = {module: name for name, module in self.model.named_modules()}
        self._parameters = list(self.model.named_parameters())
        # A pass in training mode changes them: what counts is how they were before it.
        self._batchnorm_start = {
            layer: self._batchnorm_start.get(layer) or statistics_of(layer)
            for layer in self._modules
            if isinstance(layer, _BatchNorm) and layer.running_mean is not None
        }
        self._mode_layers = [layer for layer in self._modules if depends_on_mode(layer)]
        seen.modes_differ = bool(self._mode_layers)
        seen.parameters = {
            name: ParameterSeen(*[sum_of(parameter)] * 2) for name, parameter in self._parameters
        }
        self._look_at_weights()

    def _make_call(self, module: nn.Module, inputs: Any, output: Any, with_gradients: bool) -> Call:
        seen = self._seen
        training = any(layer.training for layer in self._mode_layers or [module])
        batch = input_of(inputs)
        size = len(batch) if batch is not None and batch.dim() else 0
        call = Call(training, with_gradients, size)
        if with_gradients and not training:
            only_frozen = all(map(is_frozen_batchnorm, self._mode_layers or [module]))
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
        if with_gradients and self._is_looking() and not seen.not_finite:
            self._look_for_non_finite(module, batch, output)
        if with_gradients and not seen.steps and batch is not None:
            self._look_at_inputs(batch)
        if with_gradients and not self._steps_of_epoch and seen.steps >= SETTLED:
            self._look_at_batchnorm()
        self._settle(PENDING)
        self._calls.append(call)
        self._call = call
        return call

    def _look_for_non_finite(self, module: nn.Module, batch: Any, output: Any) -> None:
        if not is_bad(output):
            return
        at = f"in the forward pass of step {self._seen.steps + 1}"
        if batch is not None and is_bad(batch):
            self._seen.not_finite = f"the input is not finite {at}"
            return
        layer = next((one for one, _, result in self._passed if is_bad(result)), module)
        name = self._modules[layer] or "the network"
        wrong = [name for name, one in self._parameters if not bool(one.isfinite().all())]
        weights = f"; by then {listed(wrong)} is not finite" if wrong else ""
        kind = type(layer).__name__
        self._seen.not_finite = (
            f"{name} ({kind}) gives the first value that is not finite, {at}{weights}"
        )

    def _look_at_inputs(self, batch: torch.Tensor) -> None:
        if not batch.is_floating_point() or batch.numel() < 2:
            return
        values = batch.detach().float()
        seen = InputsSeen(*map(float, (values.min(), values.max(), values.mean(), values.std())),
                          is_image=batch.dim() == 4)  # fmt: skip
        for module, inputs, _ in self._passed:
            if start := self._batchnorm_start.get(module):
                mean, variance, _ = start
                if bool(mean.any()) or bool((variance != 1).any()):  # not as they begin
                    seen.layer = self._modules[module]
                    seen.first = compare_statistics(inputs[0], mean, variance)
                break
        self._seen.inputs = seen

    def _look_at_batchnorm(self) -> None:
        """Of a middle and the last layer, once an epoch: all of them would take too long."""
        layers = [(m, inputs) for m, inputs, _ in self._passed if m in self._batchnorm_start]
        for module, inputs in layers[len(layers) // 2 :: max(1, (len(layers) - 1) // 2)][:2]:
            if module.training and module.running_mean is not None:
                seen = compare_statistics(inputs[0], module.running_mean, module.running_var)
                self._seen.batchnorm[self._modules[module]] = seen

    # Losses and backward passes

    @torch.no_grad()
    def _saw_loss(
        self,
        loss: Callable,
        outputs: torch.Tensor,
        target: torch.Tensor | None,
        value: torch.Tensor | None,
    ) -> None:
        seen = self._seen
        call = self._call if self._entry is None else None  # of a forward pass that is over
        with_gradients = call.with_gradients if call else self._entry is not None
        if with_gradients and (
            seen.loss_checks < LOSS_LOOKS or seen.steps % LOSS_LOOKS_AT_EVERY == 0
        ):
            wrong = wrong_input(loss, outputs)
            if wrong is not None:
                seen.loss_checks += 1
                if wrong:
                    seen.wrong_inputs.append((loss.__name__, wrong))
        if call is None or target is None:
            return
        if loss not in OF_CLASSES and is_repeated(outputs, target):
            shapes = tuple(outputs.shape), tuple(target.shape)
            seen.broadcasts[loss.__name__, *shapes] += 1
        call.losses.append(value)
        is_classes = loss in OF_CLASSES and outputs.dim() == 2 and not target.is_floating_point()
        if is_classes and outputs.numel() <= LARGEST_SCORES:
            self.classes = self.classes or outputs.shape[1]
            call.right = (outputs.argmax(1) == target).sum()
            call.labels = len(target)

    def _saw_difference(self, one: torch.Tensor, other: torch.Tensor) -> None:
        outputs, target = (one, other) if one.requires_grad else (other, one)
        if self._call is not None and self._entry is None:
            shapes = tuple(outputs.shape), tuple(target.shape)
            self._seen.broadcasts["a difference", *shapes] += 1

    def _saw_backward(self, value: torch.Tensor) -> None:
        if self._call is not None and value.numel() == 1:
            self._call.backward = value.detach().float().reshape(())

    def _watch_backward(self, call: Call, output: Any) -> None:
        begins = self._safe(self._backward_begins)
        for tensor in tensors_in(output):
            if tensor.requires_grad:
                tensor.register_hook(lambda _, call=call: begins(call))

    def _backward_begins(self, call: Call) -> None:
        """No parameter has a gradient of this backward pass yet."""
        if call.trained:
            return
        call.trained = True
        if self._probes and self._is_looking():
            stale = all(p.grad is not None and bool(p.grad.any()) for p in self._probes)
            # One clearing before the step is enough: another network's loss may pass through here.
            self._found_cleared = bool(self._found_cleared) or not stale

    # Steps

    def _is_looking(self) -> bool:
        steps = self._seen.steps
        on_cpu = not self._parameters or self._parameters[0][1].device.type == "cpu"
        return on_cpu or steps < LOOKS_AT_ALL or steps % LOOKS_AT_EVERY == 0

    @torch.no_grad()
    def _after_step(self, *_: object) -> None:
        seen = self._seen
        self._entry = None
        looking = self._is_looking()
        if self._found_cleared is not None:
            seen.clear_checks += 1
            seen.not_cleared += not self._found_cleared
        self._found_cleared = None
        with_gradient = [
            (number, parameter)
            for number, (_, parameter) in enumerate(self._parameters)
            if parameter.grad is not None
        ]
        if with_gradient:
            norms = norms_of([parameter.grad for _, parameter in with_gradient])
            self._norm = torch.linalg.vector_norm(norms)
            every = norms
            if len(with_gradient) < len(self._parameters):
                places = torch.tensor([number for number, _ in with_gradient], device=norms.device)
                every = norms.new_zeros(len(self._parameters)).index_copy_(0, places, norms)
            self._largest = every if self._largest is None else torch.maximum(self._largest, every)
            if looking and not seen.not_finite:
                self._look_at_gradient([number for number, _ in with_gradient], norms)
            if len(self._probes) < PROBES and looking:
                found = zip(with_gradient, norms.tolist(), strict=True)
                nonzero = [parameter for (_, parameter), norm in found if norm > 0]
                dense = [one for one in nonzero if one.grad.layout == torch.strided]
                self._probes = sorted(dense, key=lambda one: one.numel())[:PROBES]
        self._settle_all(by_step=True)
        seen.steps += 1
        self._steps_of_epoch += 1

    def _look_at_gradient(self, numbers: list[int], norms: torch.Tensor) -> None:
        loss = None
        if self._call:
            loss = self._call.loss if self._call.backward is None else self._call.backward
        place = f"at step {self._seen.steps + 1}, while the network's outputs were finite"
        if loss is not None and not bool(loss.isfinite()):
            self._seen.not_finite = f"the loss is {float(loss)} {place}"
        elif not bool(self._norm.isfinite()):
            finite = norms.isfinite().tolist()
            bad = [self._parameters[i][0] for i, ok in zip(numbers, finite, strict=True) if not ok]
            self._seen.not_finite = f"the gradient of {listed(bad)} is not finite {place}"

    def _settle_all(self, by_step: bool = False) -> None:
        self._window.close()
        self._settle(1, by_step)
        self._call = None
        self._batch_of_step = None

    def _settle(self, most: int, by_step: bool = True) -> None:
        """Say of the oldest forward passes what they were for, until fewer are left."""
        while len(self._calls) >= most:
            call = self._calls.popleft()
            if call.trained and by_step:
                self._settle_trained(call)
            elif call.trained:  # a saliency map, or the rest of gradients that are added up
                self._seen.without_step += 1
            elif self._seen.steps:
                kind = self._seen.idle if call.with_gradients else self._seen.evaluated
                kind.add(call.training_mode)
                # Between steps it may be a part of the training, such as a painter's for a critic.
                at_end = call.with_gradients and call.training_mode and not by_step
                self._seen.idle_at_end += at_end
                if not call.with_gradients or not call.training_mode or at_end:
                    self._settle_evaluated(call)

    def _settle_trained(self, call: Call) -> None:
        seen = self._seen
        self._train.add(call)
        seen.trained.add(call.training_mode or call.training_is_meant)
        seen.layers_off += call.layers_off
        if (
            not (call.training_mode or call.training_is_meant)
            and seen.first_in_evaluation_mode is None
        ):
            seen.first_in_evaluation_mode = seen.steps + 1
        if self._batch_of_step is None and call.examples:
            self._batch_of_step = hash(frozenset(call.examples))
            if len(seen.batches) < 2:
                seen.batches.add(self._batch_of_step)
        seen.examples.train_on(call.examples, again=seen.epochs > 0)

    def _settle_evaluated(self, call: Call) -> None:
        if self._seen.examples.evaluate(set(call.examples)):
            self._test.add(call)

    # Weights

    @torch.no_grad()
    def _look_at_weights(self) -> None:
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
        for layer, (_, _, before) in self._batchnorm_start.items():
            name = self._modules[layer]
            one = seen.batchnorm.setdefault(name, BatchNormSeen())
            one.updates = int(layer.num_batches_tracked) - before
            # Without a momentum they are plain means of all batches, which do not lag so.
            one.initial_left = (1 - layer.momentum) ** one.updates if layer.momentum else 0.0
            frozen = is_frozen_batchnorm(layer)
            if frozen and one.updates and name not in seen.frozen_batchnorm_updates:
                seen.frozen_batchnorm_updates.append(name)


def _is_optimiser(value: Any) -> bool:
    """Whether it has what is used of an optimiser; wrappers need not be one by their class."""
    return hasattr(value, "param_groups") and hasattr(value, "register_step_post_hook")


def watch(model: nn.Module, optimiser: Optimiser | Iterable[Optimiser], **options: Any) -> Watch:
    """Watch a training: see `Watch`, which takes the same."""
    return Watch(model, optimiser, **options)
