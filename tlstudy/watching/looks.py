"""Looks at tensors, layers and parameters: what is computed of them, with nothing kept."""

from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from tlstudy.watching.examples import tensors_in
from tlstudy.watching.seen import BatchNormSeen


def is_bad(value: Any) -> bool:
    """Whether a tensor among the value's is not finite; minus infinity is what masks put in."""
    sums = [t.sum(dtype=torch.float32) for t in tensors_in(value) if t.is_floating_point()]
    return any(bool(one.isnan() | (one == float("inf"))) for one in sums)


def compare_statistics(
    values: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor
) -> BatchNormSeen:
    """A batch (B, C, ...) beside running means and variances (C,): medians over the channels."""
    values = values.detach().float()
    others = [dim for dim in range(values.dim()) if dim != 1]
    batch_variance, batch_mean = torch.var_mean(values, others)
    deviation = (variance.float() + 1e-5).sqrt()
    return BatchNormSeen(
        shift=float(((batch_mean - mean).abs() / deviation).median()),
        ratio=float(((batch_variance + 1e-5).sqrt() / deviation).median()),
        samples=values.numel() // values.shape[1],
    )


def statistics_of(layer: _BatchNorm) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Running means and variances of BatchNorm, and after how many batches."""
    return layer.running_mean.clone(), layer.running_var.clone(), int(layer.num_batches_tracked)


def is_in_backward() -> bool:
    """Layers run once more in a backward pass if their activations were not kept."""
    return torch._C._current_graph_task_id() != -1


def is_transformed() -> bool:
    """Inside torch.func.vmap or grad, tensors have no values that could be looked at."""
    return torch._C._functorch.maybe_current_level() is not None


def depends_on_mode(layer: nn.Module) -> bool:
    """Whether a layer computes something else in training mode: dropout of any kind, BatchNorm."""
    if isinstance(layer, _BatchNorm):
        return layer.running_mean is not None
    is_dropout = isinstance(layer, _DropoutNd) or "Drop" in type(layer).__name__
    names = ("p", "drop_prob", "dropout") if is_dropout else ("dropout",)
    shares = [getattr(layer, name, 0) for name in names]
    return any(isinstance(share, int | float) and share > 0 for share in shares)


def is_frozen_batchnorm(layer: nn.Module) -> bool:
    """Whether a layer is BatchNorm with weights, none of which requires a gradient."""
    parameters = list(layer.parameters(recurse=False)) if isinstance(layer, _BatchNorm) else []
    return bool(parameters) and not any(one.requires_grad for one in parameters)


def sum_of(parameter: torch.Tensor) -> float:
    """In float64, so that a change of any value changes it."""
    if isinstance(parameter, nn.parameter.UninitializedParameter):
        return float("nan")
    return float(parameter.detach().sum(dtype=torch.float64))


def norms_of(gradients: list[torch.Tensor]) -> torch.Tensor:
    """Norm of each gradient, on the device of the first."""
    one_kind = len({(g.device, g.dtype, g.layout) for g in gradients}) == 1
    if one_kind and gradients[0].layout == torch.strided:
        norms = torch._foreach_norm(gradients)
    else:
        dense = [g.coalesce().values() if g.is_sparse else g for g in gradients]
        norms = [torch.linalg.vector_norm(gradient) for gradient in dense]
    return torch.stack([norm.float().to(gradients[0].device) for norm in norms])
