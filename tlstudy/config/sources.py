"""Names of the sources of pretrained weights."""

IMAGENET_RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
TWO_VERSIONS = ("resnet50", "resnet101", "resnet152")
HE2015 = "he2015"


def allowed_sources(architecture: str) -> list[str]:
    """Names of the sources that exist for an architecture."""
    names = ["IMAGENET1K_V1"] if architecture in IMAGENET_RESNETS else []
    names += ["IMAGENET1K_V2"] if architecture in TWO_VERSIONS else []
    return names + ([HE2015] if architecture == "resnet50" else [])
