"""BatchNorm with exact sums in float32, and statistics recomputed on given images (flaw F9)."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm

# PyTorch adds the rows of a block one by one in float32, so few rows keep its sums exact. A block
# of so many values stays in a core's cache while it is read twice.
BLOCK_ROWS, BLOCK_VALUES = 2**8, 2**18

native_backward = torch.ops.aten.native_batch_norm_backward
SUMS = [False, True, True]  # of its three answers: without the gradient of the inputs


class BatchNorm2d(nn.BatchNorm2d):
    """BatchNorm whose batch statistics are right to float32's rounding on a processor.

    In channels-last memory PyTorch sums each channel over all images and pixels one value after
    the other, and the first gradient of a new ResNet-50 points elsewhere (docs/speed.md). Here
    blocks of rows are summed by PyTorch's own kernels, and the blocks in float64. On other devices,
    in other precisions and in evaluation mode it is PyTorch's layer.
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Normalise (N, C, H, W)."""
        exact = inputs.device.type == "cpu" and inputs.dtype == torch.float32
        if not (self.training and exact):
            return super().forward(inputs)
        outputs, mean, variance = _Normalise.apply(inputs, self.weight, self.bias, self.eps)
        if self.track_running_stats:
            self._follow(mean, variance, inputs.numel() // inputs.shape[1])
        return outputs

    def _follow(self, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
        """Move the running statistics; their variance is the unbiased one, as PyTorch's is."""
        with torch.no_grad():
            self.num_batches_tracked += 1
            share = self.momentum
            if share is None:  # a cumulative average
                share = 1 / float(self.num_batches_tracked)
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * (count / (count - 1)), share)


class _Normalise(torch.autograd.Function):
    """Normalisation with the batch's own statistics (Ioffe & Szegedy 2015, section 3)."""

    @staticmethod
    def forward(context, inputs, weight, bias, eps):
        mean, variance = _statistics(inputs)
        scale = (variance + eps).rsqrt().float()
        mean, variance = mean.float(), variance.float()
        context.save_for_backward(inputs, weight, mean, scale)
        context.eps = eps
        context.mark_non_differentiable(mean, variance)
        return batch_norm(inputs, mean, variance, weight, bias, eps=eps), mean, variance

    @staticmethod
    def backward(context, gradient, *_):
        inputs, weight, mean, scale = context.saved_tensors
        if torch.is_grad_enabled():  # for second derivatives, which PyTorch's kernel has
            return *_native(gradient, inputs, weight, mean, scale, [True] * 3), None
        channels, count = len(mean), inputs.numel() // len(mean)
        blocks = list(zip(_blocks(inputs), _blocks(gradient), strict=True))
        sums = [
            _native(_image(own), _image(block), *_widened(block, weight, mean, scale), SUMS)[1:]
            for block, own in blocks
        ]
        by_weight, by_bias = (
            torch.cat(part).view(-1, channels).sum(0, dtype=torch.float64)
            for part in zip(*sums, strict=True)
        )
        # weight * scale * (gradient - mean of gradient - normalised * mean of the two's product)
        factor = scale.double() * weight.double()
        slope = -factor * scale.double() * by_weight / count
        offset = -factor * by_bias / count - slope * mean.double()
        terms = offset.float(), slope.float(), factor.float()
        answer = torch.empty_like(inputs, memory_format=torch.channels_last)
        for (block, own), part in zip(blocks, _blocks(answer), strict=True):
            offset, slope, factor = _widened(block, *terms)
            torch.addcmul(offset, block, slope, out=part).addcmul_(own, factor)
        return answer, by_weight.float(), by_bias.float(), None


def _statistics(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and biased variance of each channel, in float64 (Chan, Golub & LeVeque 1983)."""
    channels = images.shape[1]
    means, variances, counts = [], [], []
    for block in _blocks(images):
        mean, variance = torch.batch_norm_update_stats(_image(block), None, None, 0.0)
        means.append(mean)
        variances.append(variance)
        counts += [len(block)] * (block.shape[1] // channels)
    shares = torch.tensor(counts, dtype=torch.float64) * channels / images.numel()
    means, variances = (torch.cat(part).view(-1, channels).double() for part in (means, variances))
    mean = shares @ means
    return mean, shares @ (variances + (means - mean).square())


def _blocks(images: torch.Tensor) -> Iterator[torch.Tensor]:
    """The values of images (N, C, H, W) in blocks (rows, multiple of C).

    A row holds several pixels, so that blocks of few rows are large. Blocks are views if channels
    are last in memory.
    """
    channels = images.shape[1]
    pixels = images.permute(0, 2, 3, 1).reshape(-1, channels)
    while len(pixels):
        in_row = min(max(1, BLOCK_VALUES // (BLOCK_ROWS * channels)), len(pixels))
        rows = min(BLOCK_ROWS, len(pixels) // in_row)
        yield pixels[: rows * in_row].view(rows, in_row * channels)
        pixels = pixels[rows * in_row :]


def _widened(block: torch.Tensor, *by_channel: torch.Tensor) -> Iterator[torch.Tensor]:
    """Values of channels (C,), repeated for the pixels in a block's row."""
    return (values.repeat(block.shape[1] // len(values)) for values in by_channel)


def _image(block: torch.Tensor) -> torch.Tensor:
    """(rows, C) as an image (1, C, rows, 1) with channels last in memory."""
    return block[None, :, None].permute(0, 3, 1, 2)


def _native(gradient, inputs, weight, mean, scale, wanted):
    # The network's epsilon is in the scale already: training mode does not look at it.
    return native_backward(gradient, inputs, weight, None, None, mean, scale, True, 0.0, wanted)


def make_exact(network: nn.Module) -> None:
    """Turn PyTorch's own BatchNorm layers of a network into exact ones, in place.

    Layers of other classes, such as timm's with an activation in them, stay what they are.
    """
    for module in network.modules():
        # Not by another layer: a reference that the network holds elsewhere would miss it.
        if type(module) is nn.BatchNorm2d and module.affine:
            module.__class__ = BatchNorm2d


def by_batch(network: nn.Module) -> None:
    """Put a network into evaluation mode, its BatchNorm layers into training mode.

    They normalise by the batch then, as in training; dropout and the like do nothing.
    """
    network.eval()
    for layer in _layers(network):
        layer.train()


@contextmanager
def recalibrated(network: nn.Module, batches: Iterable[torch.Tensor]) -> Iterator[None]:
    """Within the context, BatchNorm holds the cumulative average over the batches.

    Mean and (unbiased) variance are those of a pass in training mode, without dropout. A network
    without BatchNorm is left as it is. On leaving, the running
    statistics and the mode of the network are what they were.
    """
    layers = _layers(network)
    if not layers:
        yield
        return
    momenta = [layer.momentum for layer in layers]
    buffers = [{key: value.clone() for key, value in layer.named_buffers()} for layer in layers]
    modes = {module: module.training for module in network.modules()}
    for layer in layers:
        layer.reset_running_stats()
    try:
        by_batch(network)
        with torch.no_grad():
            for number, batch in enumerate(batches, start=1):
                for layer in layers:
                    layer.momentum = 1 / number  # PyTorch's own average waits for the device
                network(batch)
        set_modes(modes)
        yield
    finally:
        set_modes(modes)
        for layer, momentum, saved in zip(layers, momenta, buffers, strict=True):
            layer.momentum = momentum
            for key, value in saved.items():
                getattr(layer, key).copy_(value)


@contextmanager
def untracked(network: nn.Module) -> Iterator[None]:
    """Within the context, passes in training mode leave the running statistics alone."""
    layers = [layer for layer in _layers(network) if layer.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def set_modes(modes: Mapping[nn.Module, bool]) -> None:
    """Put modules into training mode, True, or evaluation mode, each by itself."""
    for module, training in modes.items():
        module.training = training


def _layers(network: nn.Module) -> list[_BatchNorm]:
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]
