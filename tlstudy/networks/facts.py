"""Facts of a network that no table has: from the network itself, on no device.

They are kept in files, so that PyTorch is imported for them once.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from tlstudy.config.architectures import TIMM, NetworkFacts
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_json_atomically

IMAGES = 2
FORMAT = 2  # of the files: another number makes them anew
TEN = 10  # outputs
# What a training step of resnet50 holds of one pixel, bytes.
RESNET50_BYTES = 1725


def facts(architecture: str, image_size: int) -> NetworkFacts:
    """Facts of a network, from its file if there is one."""
    if kept := kept_facts(architecture, image_size):
        return kept
    found = measured_facts(architecture, image_size)
    if not found.problem:
        with suppress(OSError, UserError):  # without the file it is measured again the next time
            write_json_atomically(_file(architecture, image_size), asdict(found))
    return found


def kept_facts(architecture: str, image_size: int) -> NetworkFacts | None:
    """Facts that were found earlier, from their file; None if there is none."""
    try:
        text = _file(architecture, image_size).read_text(encoding="utf-8")
        return NetworkFacts(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None


def _file(architecture: str, image_size: int) -> Path:
    libraries = ("torch", "torchvision", *(["timm"] if architecture.startswith(TIMM) else []))
    versions = "-".join(version(library) for library in libraries)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = f"{architecture}-{image_size}-{versions}-{FORMAT}.json"
    return Path(home) / "tlstudy" / "networks" / name


def measured_facts(architecture: str, image_size: int) -> NetworkFacts:
    """Build the network on the meta device, where nothing is computed, and look at it."""
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    try:
        network = _with_new_head(architecture, image_size).eval()
        images = torch.empty(IMAGES, 3, image_size, image_size, device="meta")
        values, operations, held = _looked_at(network, images)
        _check_training(network, images)
        after, no_stages = _after(network.eval(), images, operations)
    except UserError as error:
        return NetworkFacts(problem=error.message)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].strip(" .")
        return NetworkFacts(
            problem=f"{architecture} cannot be built and trained on images of {image_size} "
            f"pixels a side ({reason})"
        )
    layers = list(network.modules())
    return NetworkFacts(
        millions=sum(weight.numel() for weight in network.parameters()) / 1e6,
        multiply_adds=operations / 2e9 / IMAGES,
        activations=max(1.0, held / IMAGES / (RESNET50_BYTES * image_size**2)),
        after=after,
        no_stages=no_stages,
        batchnorm=any(isinstance(layer, _BatchNorm) for layer in layers),
        one_value=values == IMAGES,
    )


def _with_new_head(architecture: str, image_size: int):
    """The network as a run starts with it, ten outputs in place of those that it was built with."""
    import torch

    from tlstudy.networks.architecture import build_without_values, head_of, new_head

    network = build_without_values(architecture, "3x3", image_size=image_size)
    name = head_of(network, outputs=1000)
    with torch.device("meta"):
        network.set_submodule(name, new_head(network.get_submodule(name), TEN))
    return network


def _check_training(network, images) -> None:
    """Call it as a training step does.

    Raises:
        ValueError: what is kept of a run, its weights, would not be the network that was trained.
    """
    from torch.nn.modules.batchnorm import _BatchNorm

    buffers = [
        (name, buffer, buffer._version)
        for path, layer in network.named_modules()
        if not isinstance(layer, _BatchNorm)  # its statistics are made anew
        for name, buffer in layer.named_buffers(prefix=path, recurse=False)
    ]
    _check_shape(network.train()(images), "in training ")
    now = dict(network.named_buffers(remove_duplicate=False))
    for name, buffer, writes in buffers:
        if now.get(name) is not buffer or buffer._version != writes:
            raise ValueError(
                f"training changes its buffer {name}, which is not kept with its weights"
            )


def _check_shape(outputs, when: str = "") -> None:
    shape = tuple(getattr(outputs, "shape", ()))
    if shape != (IMAGES, TEN):
        found = f"have the shape {shape}" if shape else f"are of type {type(outputs).__name__}"
        raise ValueError(f"{when}its outputs {found}")


def _looked_at(network, images):
    """Fewest values a channel in a BatchNorm layer; operations; bytes held for the gradient."""
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.utils.flop_counter import FlopCounterMode

    values, held = [], {}
    weights = {weight.untyped_storage()._cdata for weight in network.parameters()}

    def see(layer, inputs):
        values.append(inputs[0].numel() // inputs[0].shape[1])

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            held[storage._cdata] = storage, storage.nbytes()
        return tensor

    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    hooks = [layer.register_forward_pre_hook(see) for layer in layers]
    counter = FlopCounterMode(display=False)
    with counter, torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = network(images)
    for hook in hooks:
        hook.remove()
    _check_shape(outputs)
    return min(values, default=0), counter.get_total_flops(), sum(n for _, n in held.values())


def _after(network, images, operations):
    """Share of the operations after each stage but the head, and why there are no stages."""
    from torch.utils.flop_counter import FlopCounterMode

    from tlstudy.networks.stages import HEAD, NoStagesError, stages_of

    try:
        stages = stages_of(network)
    except NoStagesError as error:
        return {}, str(error)
    shares, done, values = {}, 0, images
    for name, stage in stages.items():
        with FlopCounterMode(display=False) as counter:
            values = stage(values)
        done += counter.get_total_flops()
        if name != HEAD:
            shares[name] = max(0.0, round(1 - done / operations, 4))
    return shares, ""
