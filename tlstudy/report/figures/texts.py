"""Words of the figures: titles here, explanations in `explanations/`, a file for each figure.

Snakemake's report takes the same files as captions.
"""

from pathlib import Path

from tlstudy.config.catalogue import ACCURACY_BY_SIZE, CONTRADICTIONS, PENALTY, base_name

GAMMA, RHO = "\N{GREEK SMALL LETTER GAMMA}", "\N{GREEK SMALL LETTER RHO}"
TITLES = {
    "ladder": "The gap between the two networks, fix by fix",
    "ladder-loss": "The gap in the loss, fix by fix",
    "claims": "Claims and the effects stated in advance",
    "results": "Reported results",
    "loss-new": "Loss of the new networks",
    "loss-pretrained": "Loss of the pretrained networks",
    "balanced-accuracy": "Balanced accuracy",
    "gradient-norm": "Gradient norm",
    "magnitude-change": "Magnitude change of all weights",
    "angle-change": "Angle change of all weights",
    "layerwise-magnitude": "Magnitude change by layer",
    "layerwise-angle": "Angle change by layer",
    "encoder": "Accuracy by stage of the network",
    "landscape-trajectory": "Loss landscape in the plane of the run's own path",
    "landscape-random": "Loss landscape in a random plane",
    "curvature": "Curvature of the training loss",
    "reuse": "Reuse of pretrained features",
    "features": "Features before and after training, by stage",
    "invariance-transfer": "Turned images of classes that were shown turned, or not",
    "invariance-stages": "Sensitivity to changes of the image, by stage",
    "overlap": "The gap between the two networks as local structure is destroyed",
    CONTRADICTIONS: "Contradictions within the published material",
    PENALTY: "The penalty of Proposition 3 and its printed variants",
    "laboratory-claims": "The laboratory's claims and the effects stated in advance",
    "laboratory-regimes": "Benefit of an auxiliary task: ReLU networks",
    "laboratory-diagonal": "Benefit of an auxiliary task: diagonal linear networks",
    "laboratory-implicit": "Cost of gradient descent over the least possible",
    "laboratory-features": "Features that a factor on pretrained weights selects: ReLU networks",
    "laboratory-rescaling": "A factor on pretrained weights under BatchNorm",
    ACCURACY_BY_SIZE: "Balanced accuracy by number of training images",
}


def explanation(name: str) -> str:
    """How to read a figure; one that shows the other rungs is read alike."""
    file = Path(__file__).parent / "explanations" / f"{base_name(name)}.rst"
    return " ".join(file.read_text(encoding="utf-8").split())
