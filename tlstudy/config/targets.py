"""The target of a training: a named data set or a folder of images, and what is done to it."""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from tlstudy.config.datasets import NAMED, DataSet
from tlstudy.config.fields import Count, Place, Seed, Settings, Words, named

FOLDER = "folder"  # stands for a user's own images where the name of a data set stands
LONGEST_NAME = 40
TARGETS = (*NAMED, FOLDER)
PARTS = ("train", "test")  # of a target's images
ANYWHERE = "anywhere"
# Shares of the free pixels above and left of an image on a canvas.
PLACES = {
    "centre": (0.5, 0.5),
    "top-left": (0, 0),
    "top-right": (0, 1),
    "bottom-left": (1, 0),
    "bottom-right": (1, 1),
}
OF_FOLDERS = ("side", "colour", "test_share")
TRANSFORMS = {"invert", "block_shuffle", "canvas", "test_transform", "seed"}


class FolderImages(Settings):
    """What was found in a folder of images."""

    # It stands in names of folders.
    digest: str = Field(
        pattern=r"^[0-9a-f]{10}$", description="Of the images and of how they are read."
    )
    classes: list[Words] = Field(description="Names of the sub-folders, in alphabetical order.")
    train: Count = Field(description="Training images.")
    test: Count = Field(description="Test images.")
    rarest: Count = Field(description="Training images of the rarest class.")
    channels: Literal[1, 3] = Field(description="1: grey; 3: colour.")


class Canvas(Settings):
    """A larger black square that images are put on."""

    side: Annotated[int, Field(strict=True, ge=8, le=512)] = Field(description="In pixels.")
    place: Literal[(*PLACES, ANYWHERE)] = Field(
        "centre", description="anywhere: drawn for each image, by the target's seed."
    )
    test_place: Literal[(*PLACES, ANYWHERE)] | None = Field(
        None, description="Of test images; null: as the training images."
    )

    @field_validator("test_place")
    @classmethod
    def _same_place_is_the_default(cls, place: str | None, values: ValidationInfo) -> str | None:
        """The same images must not make another run."""
        return None if place == values.data.get("place") else place

    @property
    def places(self) -> dict[str, str]:
        """Place of the images of each part."""
        return {"train": self.place, "test": self.test_place or self.place}


class Target(Settings):
    """The images that a network is trained and tested on.

    In a configuration a name alone stands for a data set: `target: digits`.
    """

    name: Literal[TARGETS] = Field(
        "mnist", description="A data set, or `folder` (it may be left out beside the key folder)."
    )
    folder: Place | None = Field(
        None,
        description="Images of one's own: a sub-folder for each class, or such a folder named "
        "train and one named test.",
    )
    side: Annotated[int, Field(strict=True, ge=8, le=512)] = Field(
        64, description="Of a folder: side in pixels of the squares that are cut and kept."
    )
    colour: Literal["auto", "grey", "rgb"] = Field(
        "auto", description="Of a folder: auto takes what the images are, if all are alike."
    )
    test_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.25, description="Of a folder without train and test: share of each class for testing."
    )
    images: FolderImages | None = Field(
        None, description="Of a folder: what was found in it. Leave it out: tlstudy fills it in."
    )

    invert: bool = Field(False, description="Black for white.")
    block_shuffle: Annotated[int, Field(strict=True, ge=2)] | None = Field(
        None,
        description="Number of blocks along a side. Each image is cut into blocks, which are "
        "permuted in the same way in all images. As many blocks as pixels permutes pixels.",
    )
    canvas: Canvas | None = Field(None, description="Put on a larger square before resizing.")
    test_transform: Literal[
        "none", "rotate-90", "rotate-180", "rotate-270", "flip-horizontal", "flip-vertical"
    ] = Field("none", description="Done to test images only.")
    seed: Seed = Field(
        0, description="Of block_shuffle and of places `anywhere`; without them it is 0."
    )

    @field_validator("seed")
    @classmethod
    def _unused_seed_is_the_default(cls, seed: int, values: ValidationInfo) -> int:
        """A seed that nothing draws with must not make another run of the same images."""
        canvas = values.data.get("canvas")
        anywhere = canvas and ANYWHERE in canvas.places.values()
        drawn = values.data.get("block_shuffle") or anywhere
        return seed if drawn else 0

    @model_validator(mode="after")
    def _folder_and_name_agree(self) -> "Target":
        if (self.name == FOLDER) != (self.folder is not None):
            raise ValueError(
                "`name: folder` and the key `folder` need each other; write {folder: photos} for "
                "images of your own, or the name of a data set, such as digits"
            )
        fields = type(self).model_fields
        unused = [key for key in OF_FOLDERS if getattr(self, key) != fields[key].default]
        if unused and self.folder is None:
            raise ValueError(
                f"{unused[0]} is of a folder of images; must be left out for {self.name}"
            )
        return self

    @property
    def data(self) -> DataSet:
        """The data set behind the target."""
        if self.folder is None:
            return NAMED[self.name]
        found = self.images
        return DataSet(
            *(f"the folder {self.folder.name}", tuple(found.classes), found.train, found.test),
            *(found.rarest, self.side, found.channels, "images of one\u2019s own"),
        )

    @property
    def outputs(self) -> int:
        """Number of classes, and of a network's outputs."""
        return len(self.data.classes)

    @property
    def source(self) -> str:
        """Name of the images in the cache; of a folder with a digest of its content."""
        if self.folder is None:
            return self.name
        plain = re.sub(r"[^A-Za-z0-9.-]", "-", self.folder.absolute().name).strip(".-")
        return f"{plain[:LONGEST_NAME] or FOLDER}-{self.images.digest}"

    @property
    def place(self) -> Path:
        """Folder of the images in the cache."""
        return Path("folders", self.source) if self.folder else Path(self.source)

    @property
    def key(self) -> str:
        """Name of the target in paths; of one with transforms with a digest of them."""
        changed = self.transforms()
        digest = hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:6]
        return f"{self.source}-{digest}" if changed else self.source

    @property
    def title(self) -> str:
        """The data set and what is done to it, in words."""
        told = [
            f"{name.replace('_', ' ')} "
            f"{' '.join(map(str, value.values())) if isinstance(value, dict) else value}"
            for name, value in self.tested.transforms().items()
        ]
        if self.canvas and self.canvas.test_place:
            told.append(f"training images {self.canvas.place}")
        return ", ".join([self.data.title, *told])

    @property
    def tested(self) -> "Target":
        """The same with training images placed as its test images are.

        Targets that have this in common have the same test images.
        """
        if not self.canvas:
            return self
        canvas = Canvas(side=self.canvas.side, place=self.canvas.places["test"])
        return Target(**{**dict(self), "canvas": canvas})

    def transforms(self) -> dict[str, Any]:
        """Transforms that differ from their defaults."""
        return self.model_dump(mode="json", include=TRANSFORMS, exclude_defaults=True)

    def identity(self) -> dict[str, Any]:
        """What decides the images: where a folder lies does not."""
        return {"name": self.source, **self.transforms()}


def _named(value: Any) -> Any:
    """The mapping that a name alone stands for, and the name that a folder has."""
    if isinstance(value, dict) and "folder" in value:
        return {"name": FOLDER, **value}
    return named(value)


TargetSetting = Annotated[
    Target, BeforeValidator(_named, json_schema_input_type=Literal[tuple(NAMED)] | Target)
]
MNIST = Target()
