"""Random changes of the training images in each epoch, each by name.

The transform of torchvision behind a name is in `tlstudy.networks.augmentation`.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag

from tlstudy.config.fields import NUMBER, Fraction, Once, Settings, Share, named

Class = Annotated[int, Field(strict=True, ge=0)]
Angle = Literal[0, 90, 180, 270]
HALF = "half"


def _kind_of_classes(value: Any) -> str:
    return HALF if isinstance(value, str) else "list"


# Told apart before they are validated, so that a mistake is told for the kind that is meant.
Classes = Annotated[
    Annotated[Annotated[list[Class], Once], Tag("list")] | Annotated[Literal[HALF], Tag(HALF)],
    Discriminator(_kind_of_classes),
]


class Transform(Settings):
    """What all transforms have."""

    classes: Classes = Field(
        [],
        description="Classes whose images it changes, numbered from 0; [] for all; half: half of "
        "the classes, drawn by the seed. Classes that turn into each other are drawn together.",
    )


class Rotation(Transform):
    """A rotation about the centre by a random angle; what comes in from outside is black."""

    name: Literal["rotation"]
    degrees: Annotated[float, Field(gt=0, le=180), NUMBER] = Field(
        15.0, description="Largest angle, either way."
    )


class QuarterTurn(Transform):
    """A rotation by one of several right angles, which changes no pixel's value."""

    name: Literal["quarter-turn"]
    angles: Annotated[list[Angle], Field(min_length=1), Once] = Field(
        list(get_args(Angle)), description="Degrees to choose from."
    )


class HorizontalFlip(Transform):
    """Left and right exchanged."""

    name: Literal["horizontal-flip"]
    probability: Share = Field(0.5, description="Share of the images.")


class VerticalFlip(Transform):
    """Top and bottom exchanged."""

    name: Literal["vertical-flip"]
    probability: Share = Field(0.5, description="Share of the images.")


class ResizedCrop(Transform):
    """A random part of the image, enlarged to its size."""

    name: Literal["resized-crop"]
    smallest: Share = Field(0.5, description="Smallest part, as a share of the area.")


class Shift(Transform):
    """A shift by whole pixels; what comes in from outside is black."""

    name: Literal["shift"]
    share: Share = Field(0.1, description="Largest shift along each side, as a share of it.")


class ColourJitter(Transform):
    """Other brightness, contrast, saturation and hue; the last two change no grey image."""

    name: Literal["colour-jitter"]
    brightness: Fraction = Field(0.2, description="Largest change, as a share.")
    contrast: Fraction = Field(0.2, description="Largest change, as a share.")
    saturation: Fraction = Field(0.2, description="Largest change, as a share.")
    hue: Annotated[float, Field(ge=0, le=0.5), NUMBER] = Field(
        0.0, description="Largest change, as a share of the circle of colours."
    )


class Erasing(Transform):
    """A random rectangle turned black (Zhong et al. 2020)."""

    name: Literal["erasing"]
    probability: Share = Field(0.5, description="Share of the images.")
    largest: Share = Field(0.33, description="Largest rectangle, as a share of the area.")


OneTransform = (
    Rotation
    | QuarterTurn
    | HorizontalFlip
    | VerticalFlip
    | ResizedCrop
    | Shift
    | ColourJitter
    | Erasing
)
# The model of each transform by its name: the one table of what is allowed.
TRANSFORMS: dict[str, type[Transform]] = {
    get_args(model.model_fields["name"].annotation)[0]: model for model in get_args(OneTransform)
}


Augmentation = list[
    Annotated[
        OneTransform,
        Field(discriminator="name"),
        BeforeValidator(named, json_schema_input_type=Literal[tuple(TRANSFORMS)] | OneTransform),
    ]
]
