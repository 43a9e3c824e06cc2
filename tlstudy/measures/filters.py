"""What a fine-tuned network still has of its pretrained features, filter by filter.

The features of a convolution are its filters, (in x height x width) vectors: what Proposition 3
of Lippl & Lindsey calls the direction theta of a unit's input weights.
"""

import math
from collections.abc import Iterator, Mapping

import torch

# Directions are counted from the largest until they hold this share of a layer's squared norm.
HELD = 0.5


def filters(weight: torch.Tensor) -> torch.Tensor:
    """(filters, in x height x width) float64 rows of a convolution's weight."""
    return weight.detach().double().flatten(1)


def filter_alignment(before: torch.Tensor, after: torch.Tensor) -> float:
    """Median over the filters of the cosine between a filter before and after.

    Args:
        before, after: weights (filters, in, height, width); filters that are zero are left out.
    """
    start, end = filters(before), filters(after)
    sizes = start.norm(dim=1) * end.norm(dim=1)
    cosines = ((start * end).sum(dim=1) / sizes)[sizes > 0]
    return float(cosines.quantile(0.5)) if len(cosines) else math.nan


def alignment_if_across(before: torch.Tensor, after: torch.Tensor) -> float:
    """What that median would be if every filter had moved as far at right angles to itself."""
    start, end = filters(before), filters(after)
    moved = (end - start).norm(dim=1) / start.norm(dim=1)
    cosines = (1 / (1 + moved.square()).sqrt())[moved.isfinite()]
    return float(cosines.quantile(0.5)) if len(cosines) else math.nan


def top_directions(weight: torch.Tensor) -> torch.Tensor:
    """(directions, in x height x width) orthonormal input directions that a layer weighs most.

    Right singular vectors of the filters, as many as hold HELD of the squared norm.
    """
    _, sizes, directions = torch.linalg.svd(filters(weight), full_matrices=False)
    shares = sizes.square().cumsum(0) / sizes.square().sum()
    return directions[: int((shares < HELD).sum()) + 1]


def share_within(change: torch.Tensor, directions: torch.Tensor) -> float:
    """Share of a change's squared norm that lies in the span of orthonormal directions.

    In a random span of k directions among d it is k / d in the mean.

    Args:
        change: (filters, in, height, width).
        directions: (k, in x height x width).
    """
    rows = filters(change)
    whole = float(rows.square().sum())
    return float((rows @ directions.T).square().sum()) / whole if whole else math.nan


def layer_rows(
    before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]
) -> Iterator[dict]:
    """Alignment and share within the top directions for every convolution.

    Args:
        before, after: weights (filters, in, height, width) by layer.
    """
    for layer, start in before.items():
        end, directions = after[layer], top_directions(start)
        count, dimensions = directions.shape
        values = {
            "alignment": filter_alignment(start, end),
            "alignment-if-across": alignment_if_across(start, end),
            "directions": count,
            "share-within": share_within(end - start, directions),
            "share-within-random": count / dimensions,
        }
        for measure, value in values.items():
            yield {"measure": measure, "layer": layer, "value": float(value)}
