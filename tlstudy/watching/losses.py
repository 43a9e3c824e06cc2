"""Seeing the loss: between a network's output and the backward pass, losses tell their values."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode, _len_torch_function_stack, _pop_mode, _push_mode

from tlstudy.watching.seen import Seen

MEANS = (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.kl_div, F.gaussian_nll_loss)
OF_CLASSES = (F.cross_entropy, F.nll_loss)
OF_LOGITS = F.binary_cross_entropy_with_logits
LOSSES = frozenset((*MEANS, *OF_CLASSES, OF_LOGITS, F.binary_cross_entropy, F.poisson_nll_loss))
TO_LOGARITHMS = (F.log_softmax, torch.log_softmax, torch.Tensor.log_softmax)
SUBTRACTIONS = (torch.Tensor.sub, torch.sub)
NO_LABEL = -1  # stands for labels that a loss ignores
FEW = 16  # fewer values may lie between 0 and 1 by chance
LARGEST_SCORES = 2**20  # values from which correct answers are counted: of a text there are more
LOSS_LOOKS, LOSS_LOOKS_AT_EVERY = 8, 64  # a look at a value on a GPU waits for the work before it

# Function, its input, its target, and its value: the latter two are None of what is no loss.
SawLoss = Callable[[Callable, torch.Tensor, torch.Tensor | None, torch.Tensor | None], None]


class LossWindow(TorchFunctionMode):
    """Tells of calls of the usual losses, and of `Tensor.backward`, while it is open.

    Modes of PyTorch form a stack, and others leave it from the top. So this one goes in and out
    below them, but above that of `torch.set_default_device`, which wants to be the lowest.
    """

    def __init__(
        self,
        saw_loss: SawLoss,
        saw_backward: Callable[[torch.Tensor], None],
        saw_difference: Callable[[torch.Tensor, torch.Tensor], None],
    ):
        super().__init__()
        self.is_open = False
        self._saw_difference = saw_difference
        self._saw_loss, self._saw_backward = saw_loss, saw_backward

    def open(self) -> None:
        """Begin to listen; no harm if it does already."""
        if not self.is_open:
            self.is_open = True
            self._restack([self])

    def close(self) -> None:
        """Stop listening, and leave the stack as it was."""
        if self.is_open:
            self.is_open = False
            self._restack([])

    def _restack(self, own: list["LossWindow"]) -> None:
        stack = [_pop_mode() for _ in range(_len_torch_function_stack())][::-1]
        stack = [mode for mode in stack if mode is not self]
        default = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
        lowest = int(default is not None and stack[:1] == [default])
        for mode in [*stack[:lowest], *own, *stack[lowest:]]:
            _push_mode(mode)

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Call the function, and tell of it if it is a loss."""
        kwargs = kwargs or {}
        if torch.compiler.is_compiling():
            return func(*args, **kwargs)
        if func is torch.Tensor.backward:
            self._saw_backward(args[0])
            return func(*args, **kwargs)
        if func in TO_LOGARITHMS and args and args[0].dim() == 2:
            self._saw_loss(func, args[0].detach(), None, None)
        if func in SUBTRACTIONS and is_column_beside_row(*args[:2]):
            self._saw_difference(*args[:2])
        result = func(*args, **kwargs)
        if func in LOSSES and isinstance(result, torch.Tensor):
            named = dict(zip(("input", "target"), args, strict=False)) | kwargs
            value, outputs = result.detach(), named["input"].detach()
            if named.get("reduction") == "sum":
                value = value / max(1, outputs.shape[:1].numel())  # one number has no length
            value, target = value.float().mean(), named["target"]
            if func in OF_CLASSES and not target.is_floating_point():
                ignored = target == named.get("ignore_index", -100)
                target = target.long().masked_fill(ignored, NO_LABEL)
                if named.get("reduction", "mean") != "mean":  # this is of all examples so far
                    value = value * target.numel() / (~ignored).sum().clamp(min=1)
            self._saw_loss(func, outputs, target, value)
        return result


def is_repeated(outputs: torch.Tensor, target: torch.Tensor) -> bool:
    """Whether outputs are repeated to fit several targets, as (N, 1) beside (N,) are to (N, N).

    Targets that are repeated may be meant, such as the same one for all examples.
    """
    if outputs.shape == target.shape or outputs.numel() < 2 or target.numel() < 2:
        return False
    return torch.broadcast_shapes(outputs.shape, target.shape) != outputs.shape


def is_column_beside_row(one: Any = None, other: Any = None) -> bool:
    """Whether a difference is of (N, 1) and (N,), of which one has gradients and one has none.

    Differences of all pairs are meant where both come of the network, or neither does.
    """
    if not (isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)):
        return False
    column, row = (one, other) if one.dim() == 2 else (other, one)
    fits = row.dim() == 1 and len(row) > 1 and column.shape == (len(row), 1)
    return fits and one.requires_grad != other.requires_grad


@torch.no_grad()
def is_classification(loss: Callable, outputs: torch.Tensor, target: torch.Tensor) -> bool:
    """Whether outputs (N, classes) and labels (N,) entered a loss, few enough to count answers."""
    has_labels = outputs.dim() == 2 and not target.is_floating_point()
    return loss in OF_CLASSES and has_labels and outputs.numel() <= LARGEST_SCORES


def look_at_inputs_of(loss: Callable, outputs: torch.Tensor, seen: Seen) -> None:
    """Take down what enters a loss: at the first looks, and later at some steps."""
    if seen.loss_checks >= LOSS_LOOKS and seen.steps % LOSS_LOOKS_AT_EVERY:
        return
    wrong = wrong_input(loss, outputs)
    if wrong is not None:
        seen.loss_checks += 1
        if wrong:
            seen.wrong_inputs.append((loss.__name__, wrong))


def wrong_input(loss: Callable, outputs: torch.Tensor) -> str | None:
    """What enters the loss in place of what it expects; empty if that is right.

    None where it cannot be told, as of few values.
    """
    values = outputs.float()
    if loss in OF_CLASSES + TO_LOGARITHMS:
        if outputs.dim() < 2 or outputs.shape[1] < 2:
            return None
        close = 1e-3 if outputs.dtype in (torch.float32, torch.float64) else 2e-2
        is_softmax = values.min() >= 0 and (values.sum(1) - 1).abs().max() < close
        if is_softmax:
            return "probabilities (at least 0, and they add up to 1)"
        if loss is F.nll_loss and (values.exp().sum(1) - 1).abs().max() > 0.05:
            return "values that are no logarithms of probabilities"
        return ""
    if loss is OF_LOGITS and outputs.numel() >= FEW:
        inside = values.min() >= 0 and values.max() <= 1 and values.max() > values.min()
        return "probabilities (all from 0 to 1)" if inside else ""
    return None if loss is OF_LOGITS else ""
