"""Which networks there are, and what a configuration must know of them before anything starts.

Light on purpose: PyTorch is imported only for facts of networks that are not in the tables here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

from tlstudy.storage.errors import UserError

# Names of a network of timm's and of one of the user's begin so.
TIMM, PYTHON = "timm.", "python."
HE2015 = "he2015"

# torchvision's classifiers by the names of their weights, without the prefix IMAGENET1K_.
_BY_WEIGHTS = {
    "V1": "alexnet convnext_base convnext_large convnext_small convnext_tiny densenet121 "
    "densenet161 densenet169 densenet201 efficientnet_b0 efficientnet_b2 efficientnet_b3 "
    "efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7 efficientnet_v2_l "
    "efficientnet_v2_m efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5 mnasnet0_75 "
    "mnasnet1_0 mnasnet1_3 mobilenet_v3_small resnet18 resnet34 resnext101_64x4d "
    "shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5 shufflenet_v2_x2_0 squeezenet1_0 "
    "squeezenet1_1 swin_b swin_s swin_t swin_v2_b swin_v2_s swin_v2_t vgg11 vgg11_bn vgg13 "
    "vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn vit_b_32 vit_l_32",
    "V1 V2": "efficientnet_b1 mobilenet_v2 mobilenet_v3_large regnet_x_16gf regnet_x_1_6gf "
    "regnet_x_32gf regnet_x_3_2gf regnet_x_400mf regnet_x_800mf regnet_x_8gf regnet_y_1_6gf "
    "regnet_y_3_2gf regnet_y_400mf regnet_y_800mf regnet_y_8gf resnet101 resnet152 resnet50 "
    "resnext101_32x8d resnext50_32x4d wide_resnet101_2 wide_resnet50_2",
    "SWAG_E2E_V1 SWAG_LINEAR_V1": "regnet_y_128gf vit_h_14",
    "V1 V2 SWAG_E2E_V1 SWAG_LINEAR_V1": "regnet_y_16gf regnet_y_32gf",
    "V1 SWAG_E2E_V1 SWAG_LINEAR_V1": "vit_b_16 vit_l_16",
}
TORCHVISION = {
    name: tuple(f"IMAGENET1K_{weights}" for weights in versions.split())
    for versions, names in _BY_WEIGHTS.items()
    for name in names.split()
}
# Those whose blocks may stride on the 1x1 convolution.
BOTTLENECKS = [
    name
    for name in TORCHVISION
    if name.startswith(("resnet", "resnext", "wide_resnet"))
    and name not in ("resnet18", "resnet34")
]
# Those with second heads for their training, which other networks have not.
WITH_AUXILIARY = ("googlenet", "inception_v3")
# Sides of the images of weights of vision transformers, where it is not 224.
SIDES = {
    ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1"): 384,
    ("vit_l_16", "IMAGENET1K_SWAG_E2E_V1"): 512,
    ("vit_h_14", "IMAGENET1K_SWAG_E2E_V1"): 518,
}
RESNET_STAGES = ("stem", "layer1", "layer2", "layer3", "layer4")
# Share of a network's operations that comes after each of these stages, as `networks.facts` counts.
AFTER = {
    "resnet18": (0.93, 0.68, 0.45, 0.23, 0.0),
    "resnet34": (0.97, 0.78, 0.54, 0.18, 0.0),
    "resnet50": (0.97, 0.81, 0.56, 0.20, 0.0),
    "resnet101": (0.98, 0.90, 0.77, 0.10, 0.0),
    "resnet152": (0.99, 0.93, 0.77, 0.07, 0.0),
}
# Multiply-adds of one image at 224 x 224, in thousands of millions, as torchvision's documentation
# gives them; those of another size go with its area.
MULTIPLY_ADDS = {
    "resnet18": 1.81,
    "resnet34": 3.66,
    "resnet50": 4.09,
    "resnet101": 7.80,
    "resnet152": 11.51,
}
# Weights of the same with ten outputs, millions.
MILLIONS_OF_WEIGHTS = {
    "resnet18": 11.2,
    "resnet34": 21.3,
    "resnet50": 23.5,
    "resnet101": 42.5,
    "resnet152": 58.2,
}
# Up to this side the last stage of these networks is 1 x 1.
ONE_PIXEL_AT_THE_END = 32


@dataclass(frozen=True)
class NetworkFacts:
    """What is known of a network before it is trained, at one side of its images.

    Attributes:
        millions: weights with ten outputs, millions.
        multiply_adds: of one image, in thousands of millions.
        activations: what a training step holds of one image over what resnet50 holds; at least 1.
        after: share of the operations that comes after each stage of the encoder; the keys are
            the stages' names in order. Empty if it has no stages, for the reason `no_stages`.
        batchnorm: whether it has any.
        one_value: whether a BatchNorm layer gets a single value a channel of each image.
        problem: why it cannot be built or take such images; empty if it can.
    """

    millions: float = 0.0
    multiply_adds: float = 0.0
    activations: float = 0.0
    after: dict[str, float] = field(default_factory=dict)
    no_stages: str = ""
    batchnorm: bool = True
    one_value: bool = False
    problem: str = ""

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(self.after)


class NotCalledError(UserError):
    """A network is a function that is not called: only a folder of results names it."""


# Networks of the user's own functions that the user's own files name. A folder of results may come
# from anybody, and so may its study.json: no function is imported for it.
_named_by_user: set[str] = set()


def let_be_called(architectures: Iterable[str]) -> None:
    """Allow `network_facts` to import and call the functions behind networks of the user's own.

    Args:
        architectures: names of networks, as the files have them that the user wrote.
    """
    _named_by_user.update(architectures)


@cache
def network_facts(architecture: str, image_size: int) -> NetworkFacts:
    """Facts of a network: of five ResNets from the tables here, of any other from itself.

    Raises:
        NotCalledError: it is a function that no file of the user's names, and its facts were not
            found earlier on this machine.
    """
    if architecture in MULTIPLY_ADDS:
        multiply_adds = MULTIPLY_ADDS[architecture]
        return NetworkFacts(
            millions=MILLIONS_OF_WEIGHTS[architecture],
            multiply_adds=multiply_adds * (image_size / 224) ** 2,
            activations=max(1.0, multiply_adds / MULTIPLY_ADDS["resnet50"]),
            after=dict(zip(RESNET_STAGES, AFTER[architecture], strict=True)),
            one_value=image_size <= ONE_PIXEL_AT_THE_END,
        )
    # By name: this package may not import `networks`, and most studies need no PyTorch here.
    facts = import_module("tlstudy.networks.facts")
    if architecture.startswith(PYTHON) and architecture not in _named_by_user:
        if kept := facts.kept_facts(architecture, image_size):
            return kept
        module, function, _ = python_parts(architecture)
        raise NotCalledError(
            f"architecture: found the Python function {module}:{function}, which only a folder of "
            "results names, so it is not called; name a study file of yours that has "
            f"architecture: {{python: '{module}:{function}'}}, such as in "
            "`tlstudy plan studies/mine.yaml`."
        )
    return facts.facts(architecture, image_size)


def allowed_sources(architecture: str) -> list[str]:
    """Names of the sources of pretrained weights that exist for an architecture."""
    if architecture.startswith(TIMM):
        names = import_module("timm").list_pretrained(f"{architecture.removeprefix(TIMM)}.*")
        return [name.partition(".")[2] for name in names]
    names = list(TORCHVISION.get(architecture, ()))
    return names + ([HE2015] if architecture == "resnet50" else [])


def side_of_weights(architecture: str, source: str) -> int | None:
    """The side of images that a network with these weights must have; None if it takes others."""
    if not architecture.startswith("vit_"):
        return None
    return SIDES.get((architecture, source), 224)


def python_parts(architecture: str) -> tuple[str, str, str]:
    """Module, function and digest of a network of the user's."""
    path, _, digest = architecture.removeprefix(PYTHON).rpartition("-")
    module, _, function = path.rpartition(".")
    return module, function, digest
