"""Sentinel of sharpness that is compared between networks of other weight norms."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError
from tlstudy.audit.sentinels.sentinel import sentinel

# A filter before BatchNorm that is twice as large has a quarter of the curvature and the same
# outputs. From this ratio of norms on, scale alone makes up a factor of two in curvature.
RATIO = 2**0.5


@sentinel(
    "note",
    "F17",
    needs=("layers.norm", "curvature or landscape"),
    why="Before BatchNorm a filter's scale changes no output, but it changes curvature by its "
    "square, and how far a step of a given length goes. So these values do not say which network "
    "is smoother (Dinh et al. 2017).",
    advice="Compare filter-normalised eigenvalues and landscapes along filter-normalised "
    "directions.",
)
def sharpness_compared_across_scales(evidences: list[Evidence]) -> Iterator[str]:
    """Raw eigenvalues, or landscapes along the path, of networks whose filters differ in norm.

    Norms are compared layer by layer, for tensors that are no bias and no part of a norm layer;
    the median over the layers that both have must differ by a factor of the square root of 2.
    """
    (first, first_norms), *others = ((each, _norms(each)) for each in evidences)
    shown = [what for what, there in _shown(evidences).items() if there]
    if not shown:
        raise TooLittleError("raw eigenvalues or landscapes along the path of two runs")
    for other, norms in others:
        shared = first_norms.index.intersection(norms.index)
        if shared.empty:
            continue
        ratio = float(np.exp(np.median(np.log(norms[shared] / first_norms[shared]))))
        if not 1 / RATIO < ratio < RATIO:
            yield (
                f"{' and '.join(shown)}: the weights of a layer are {ratio:.2g} times as large in "
                f"{other.arm} as in {first.arm} (median of {len(shared)} layers), which by itself "
                f"changes curvature by a factor of {ratio**-2:.2g}"
            )


def _norms(evidence: Evidence) -> pd.Series:
    """Norm after the last epoch of each layer's weights, by layer; biases and norms left out."""
    layers = evidence.layers
    if "kind" in layers:
        small = layers["kind"].str.endswith("bias") | layers["kind"].str.contains("norm")
        layers = layers[~small]
    last = layers.sort_values("epoch").drop_duplicates("layer", keep="last")
    norms = last.set_index("layer")["norm"].astype(float)
    return norms[norms > 0]


def _shown(evidences: list[Evidence]) -> dict[str, bool]:
    curvatures = [each.curvature for each in evidences if each.curvature is not None]
    measured = [each for each in curvatures if each["hessian_eigenvalue"].notna().any()]
    planes = [(each.landscape or {}).get("planes", {}) for each in evidences]
    along = [each for each in planes if each.get("trajectory", {}).get("status") == "drawn"]
    return {
        "raw Hessian eigenvalues": len(measured) > 1,
        "landscapes along the path": len(along) > 1,
    }
