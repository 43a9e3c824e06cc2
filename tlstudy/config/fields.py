"""Types of settings: numbers with limits, names, and the base of all models."""

import unicodedata
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# Below, the spread of seeds is hardly known, and nobody can see whether values are near normal:
# there is no interval.
MINIMUM_SEEDS = 5
# Mean and standard deviation of ImageNet's channels, RGB, of inputs in 0 to 1 (torchvision).
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9.-]*$"


def _refuse_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def named(value: Any, *, key: str = "name") -> Any:
    """A name alone stands for the mapping with its defaults."""
    return {key: value} if isinstance(value, str) else value


def odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd, so that the grid has a centre")
    return value


def _once(values: list[Any]) -> list[Any]:
    try:
        again = len(set(values)) < len(values)
    except TypeError:  # lists, of which there are few
        again = any(value in values[:index] for index, value in enumerate(values))
    if again:
        raise ValueError("a value may be listed once only")
    return values


# The limits stand before the validator, so that the JSON schema has them too.
NUMBER = BeforeValidator(_refuse_boolean)
Number = Annotated[float, Field(allow_inf_nan=False), NUMBER]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), NUMBER]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False), NUMBER]
Fraction = Annotated[float, Field(ge=0, lt=1), NUMBER]
Share = Annotated[float, Field(gt=0, le=1), NUMBER]
Factor = Annotated[float, Field(ge=0.001, le=1000, allow_inf_nan=False), NUMBER]
Count = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
# Names become names of folders; file systems end at 255 bytes, with what is added to them.
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=100)]
THREE_CHANNELS = Field(min_length=3, max_length=3)
Once = AfterValidator(_once)


class Settings(BaseModel):
    """Base of all models: unknown keys are errors, values cannot change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def printable_words(text: str) -> str:
    """
    Raises:
        ValueError: names the first character that no report can show, and its place.
    """
    for place, character in enumerate(text, start=1):
        if unicodedata.category(character) in UNPRINTABLE:
            reason = "cannot be written into a report"
        elif unicodedata.bidirectional(character) in TURNING:
            reason = "turns the direction of the words after it"
        else:
            continue
        raise ValueError(
            f"has the character U+{ord(character):04X} at place {place}, which {reason}; leave it "
            "out"
        )
    return text


# Control characters, halves of pairs and places without a character: no XML or terminal has them.
UNPRINTABLE = ("Cc", "Cs", "Cn")
# Overrides and the like. Letters of Hebrew and Arabic need none: they have their own direction.
TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
# Words of a user's, shown as they are in report, figures and terminal.
Words = Annotated[str, AfterValidator(printable_words)]


def unprintable_in_path(path: str) -> str:
    """Which character of a path no list of files can hold, in words; empty if there is none."""
    for place, character in enumerate(path, start=1):
        if unicodedata.category(character) in UNPRINTABLE_IN_PATHS:
            told = f"has the character U+{ord(character):04X} at place {place}"
            return f"{told}, which no list of files can hold"
    return ""


def _usable(path: Path) -> Path:
    """A path with its `~` filled in, as a shell does only at the start of a word."""
    if wrong := unprintable_in_path(str(path)):
        raise ValueError(f"{wrong}; rename the file or folder")
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(
            f"begins with {path.parts[0]}, which is no user's home here; must be a path, such as "
            f"./{path}"
        ) from None


def _without_braces(path: Path) -> Path:
    if set("{}") & set(str(path)):
        raise ValueError("has a brace, which Snakemake takes for a wildcard; must have none")
    return path


# A new version of Unicode may know characters that are unknown here: they may stand in paths.
UNPRINTABLE_IN_PATHS = ("Cc", "Cs")
# A file or folder that is read.
Place = Annotated[Path, AfterValidator(_usable)]
# A folder that the workflow's rules write into.
WrittenFolder = Annotated[Path, AfterValidator(_usable), AfterValidator(_without_braces)]


ALL = "all"  # as a selection's seeds it is replaced by the study's before any is made


class Selection(Settings):
    """Runs that get what takes much time beside the training itself."""

    seeds: Annotated[list[Seed], Once] = Field(
        [], description="Seeds; [] for none, `all` for all of the study's."
    )
    arms: Annotated[list[str], Once] = Field([], description="Arms by name; [] for all.")
