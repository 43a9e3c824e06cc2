"""What the JSON files of results hold, with types: one source for all readers.

A key may be lacking, as in results of earlier versions: who asks for it is told.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12


def _moment(text: str) -> str:
    if text and datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("must say its time zone")
    return text


Moment = Annotated[str, AfterValidator(_moment)]  # in the form of ISO 8601; empty if not known
Counted = Annotated[int, Field(ge=0, le=2**53)]  # which every library can compute with
Number = float | None  # None stands for a value that is not finite


class Tried(TypedDict, total=False):
    """A source of weights, and what became of it."""

    source: str
    outcome: str


class WeightsRecord(TypedDict, total=False):
    """Where pretrained weights came from, and what they expect."""

    architecture: str
    source: str
    sha256: str
    parameters: int
    tried: list[Tried]
    description: str
    imagenet_top1_percent: Number
    origin_sha256: str
    stride_on: str
    mean: list[float]
    std: list[float]


class ImagesRecord(TypedDict, total=False):
    """Where images came from: name of the data set, and SHA-256 of files by name."""

    dataset: str
    files: dict[str, str]


class SubsetRecord(TypedDict, total=False):
    """The training images that were drawn: their numbers in the pool, labels, counts of classes."""

    target: str
    drawing: str
    size: int
    seed: int
    indices: list[int]
    labels: list[int]
    counts: list[int]
    duplicates: int


class Plane(TypedDict, total=False):
    """A plane of a landscape, or the reason why there is none."""

    status: str
    reason: str
    axis: list[float]
    loss: list[list[Number]]
    centre_loss: Number
    path: list[list[float]] | None
    off_plane: list[float]
    explained_variance: list[float]
    random_walk_null: list[float]


class LandscapeRecord(TypedDict, total=False):
    """The landscapes around a run's final weights, by plane."""

    checkpoint_train_loss: Number
    planes: dict[str, Plane]


class LaboratoryRecord(TypedDict, total=False):
    """How an experiment of the laboratory was run."""

    experiment: str
    seed: int
    seconds: float
    environment: dict[str, str]


class Sighting(TypedDict, total=False):
    """When a claim was first seen, and whether there were results then."""

    time: Moment
    results: bool


# By the command that makes the file.
RECORDS: dict[str, Any] = {
    "images": ImagesRecord,
    "weights": WeightsRecord,
    "subset": SubsetRecord,
    "landscape": LandscapeRecord,
    "laboratory": LaboratoryRecord,
    "claims": dict[str, dict[str, Sighting]],  # by name and digest
}
