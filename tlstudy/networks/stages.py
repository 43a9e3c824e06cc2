"""The stages of a network by its own names: one after the other they are the network.

A network is traced with torch.fx as far down as its parts are called one after the other, and cut
where a single tensor goes from one part to the next.
"""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import fx, nn
from torch.nn.modules.batchnorm import _NormBase

from tlstudy.config.network_checks import HEAD_ALONE
from tlstudy.networks.architecture import head_of
from tlstudy.networks.batchnorm import set_modes

NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm)
MOST = 0.8  # of the encoder's weights: a part that holds more is looked into
STEM, HEAD = "stem", "head"


class NoStagesError(Exception):
    """Why a network has no stages, in words that follow "it has no stages: "."""


@dataclass
class _Part:
    """Operations of a stage, in order."""

    name: str
    nodes: list[fx.Node] = field(default_factory=list)


def stages_of(network: nn.Module) -> dict[str, nn.Module]:
    """The network's stages in order, sharing its weights; the last one, head, has its last layer.

    A stage is a part of the network that has parts itself, by its own name, or else a convolution
    or linear layer with what follows it. What comes before the first part is the stem.

    Raises:
        NoStagesError: it cannot be followed, or is no chain of parts.
    """
    head = head_of(network)
    if all(name.startswith(f"{head}.") for name, _ in network.named_parameters()):
        raise NoStagesError(HEAD_ALONE)
    graph = _traced(network, head)
    entry, *options = (node for node in graph.nodes if node.op == "placeholder")
    given, nodes = set(options), []  # what follows from options alone are checks of their values
    for node in graph.nodes:
        inputs = set(node.all_input_nodes)
        if inputs and inputs <= given:
            given.add(node)
        elif node.op not in ("placeholder", "output"):
            nodes.append(node)
    parts = _joined(_parts(network, nodes, head))
    stages = {}
    for part in parts:
        stages[part.name], entry = _module(network, part, entry)
    return stages


class _Tracer(fx.Tracer):
    """Follows calls within the opened modules, and takes all others as single operations."""

    def __init__(self, opened: set[nn.Module]):
        super().__init__()
        self.opened = opened

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return module not in self.opened


def _traced(network: nn.Module, head: str) -> fx.Graph:
    _, *options = inspect.signature(network.forward).parameters.values()
    given = {
        option.name: option.default for option in options if option.default is not option.empty
    }
    opened = set(_opened(network, head))
    modes = {module: module.training for module in network.modules()}
    try:
        # A trace holds what the network asked of its mode.
        training, evaluation = (
            _Tracer(opened).trace(network.train(mode), concrete_args=given or None)
            for mode in (True, False)
        )
    except Exception as error:  # a network's own code may fail in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NoStagesError(f"torch.fx cannot follow it ({reason})") from None
    finally:
        set_modes(modes)
    if _written(training) != _written(evaluation):
        raise NoStagesError(
            "it has other steps in training than in evaluation; let layers do them, such as "
            "torch.nn.Dropout"
        )
    return evaluation


def _written(graph: fx.Graph) -> str:
    """All operations and their arguments; tensors made on the way have a number for each trace."""
    return re.sub(r"_tensor_constant\d+", "constant", str(graph))


def _opened(network: nn.Module, head: str) -> Iterator[nn.Module]:
    """The network, what its head is in, and whatever holds nearly all of its encoder."""
    yield network
    path = head.split(".")
    of_head = {network.get_submodule(".".join(path[:end])) for end in range(1, len(path))}
    yield from of_head
    level = network
    while level is not None:
        inner = [part for part in level.children() if _has_parts(part) and part not in of_head]
        yield from (part for part in inner if isinstance(part, nn.ModuleList))
        sizes = [sum(weight.numel() for weight in part.parameters()) for part in inner]
        largest = max(sizes, default=0)
        level = inner[sizes.index(largest)] if largest > MOST * sum(sizes) > 0 else None
        # A block adds a shortcut: cutting it would be no chain.
        if level is not None:
            yield level


def _has_parts(part: nn.Module) -> bool:
    return any(True for _ in part.parameters()) and any(True for _ in part.children())


def _parts(network: nn.Module, nodes: list[fx.Node], head: str) -> list[_Part]:
    """All operations, in order, by the part that they belong to."""
    parts: list[_Part] = []
    waiting: list[fx.Node] = []  # without weights: they go with what came before, or with a readout
    any_block = any(_has_parts(_called(network, node)) for node in nodes if _weighs(network, node))
    for node in nodes:
        waiting.append(node)
        if not _weighs(network, node):
            continue
        layer, name = _called(network, node), str(node.target)
        reads_out = isinstance(layer, nn.Linear) or name == head
        if not reads_out and parts:
            parts[-1].nodes += waiting[:-1]
            waiting = waiting[-1:]
        in_stem = any_block and (not parts or parts[-1].name == STEM) and not _has_parts(layer)
        if name == head:
            parts.append(_Part(HEAD))
        elif in_stem and (not parts or not reads_out):
            parts = parts or [_Part(STEM)]
        elif not (isinstance(layer, NORMS) and parts):
            parts.append(_Part(name))
        parts[-1].nodes += waiting
        waiting = []
    if not parts or parts[-1].name != HEAD:
        raise NoStagesError("its last layer is not the last one that it calls")
    parts[-1].nodes += waiting
    return parts


def _weighs(network: nn.Module, node: fx.Node) -> bool:
    return node.op == "call_module" and any(True for _ in _called(network, node).parameters())


def _called(network: nn.Module, node: fx.Node) -> nn.Module:
    return network.get_submodule(str(node.target))


def _joined(parts: list[_Part]) -> list[_Part]:
    """Parts between which a single tensor goes; others are joined with the one before."""
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        raise NoStagesError("it calls a part twice")
    joined = [parts[0]]
    for part in parts[1:]:
        before = [node for earlier in joined for node in earlier.nodes]
        if len(_leaving(before)) == 1:
            joined.append(part)
        else:
            joined[-1].nodes += part.nodes
            joined[-1].name = HEAD if part.name == HEAD else joined[-1].name
    if len(joined) < 2:
        raise NoStagesError("it is no chain of parts")
    return joined


def _leaving(nodes: list[fx.Node]) -> list[fx.Node]:
    """Operations whose results others need later."""
    inside = set(nodes)
    return [
        node
        for node in nodes
        if node.op != "get_attr" and any(user not in inside for user in node.users)
    ]


def _module(
    network: nn.Module, part: _Part, entry: fx.Node
) -> tuple[fx.GraphModule, fx.Node | None]:
    """A part as a module from the result of the one before, and what leaves it."""
    graph = fx.Graph()
    copied = {entry: graph.placeholder("values")}

    def copy(node: fx.Node) -> fx.Node:
        if node not in copied:
            if node.op != "get_attr" and node not in part.nodes:
                raise NoStagesError("it needs its images again after their first part")
            copied[node] = graph.node_copy(node, copy)
        return copied[node]

    for node in part.nodes:
        copy(node)
    leaving = _leaving(part.nodes)
    # After the last one there is the network's output.
    graph.output(copied[leaving[0]])
    return fx.GraphModule(network, graph), leaving[0]
