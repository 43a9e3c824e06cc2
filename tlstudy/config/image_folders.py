"""A user's folder of images: what is in it, told before any image is used."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tlstudy.config.fields import printable_words
from tlstudy.config.targets import PARTS, FolderImages, Target
from tlstudy.storage.errors import UserError

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
GREY_MODES = frozenset(("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N"))
DIGITS = 10
# Images of a class, by part; without parts all of them are under "".
Files = Mapping[str, Mapping[str, list[Path]]]


def look_into(target: Target) -> Target:
    """The target with what is found in its folder.

    Raises:
        UserError: the folder cannot be used as it is; says what to change.
    """
    root = target.folder
    _check_name(root.absolute())
    files = files_of(root)
    classes = sorted({name for part in files.values() for name in part})
    channels = _channels(target, [file for file, *_ in listed(root, files)])
    train, test = {}, {}
    for name in classes:
        train[name], test[name] = counts(target, files, name)
    found = FolderImages(
        digest=digest_of(target, files, channels),
        classes=classes,
        train=sum(train.values()),
        test=sum(test.values()),
        rarest=min(train.values()),
        channels=channels,
    )
    return target.model_copy(update={"images": found})


def files_of(root: Path) -> Files:
    """Image files by part and class, in alphabetical order; other files are not looked at.

    Raises:
        UserError: there are no classes, a part lacks one, or a class has too few images.
    """
    if not root.is_dir():
        from_here = "" if root.is_absolute() else f" in {Path.cwd()}"
        raise UserError(
            f"{root}: no such folder{from_here}; must hold a sub-folder of images for each class."
        )
    names = _folders(root)
    split = set(PARTS) <= set(names)
    if not split and (hint := _nearly_split(root, names)):
        raise UserError(f"{root}: found the folders {', '.join(names)}; {hint}.")
    if split and len(names) > len(PARTS):
        other = next(name for name in names if name not in PARTS)
        raise UserError(f"{root}: found {other} beside train and test; remove it or put it there.")
    files = {
        part: {name: _images(root / part / name) for name in _folders(root / part)}
        for part in (PARTS if split else ("",))
    }
    least = 1 if split else 2
    for part, classes in files.items():
        place = root / part
        if len(classes) < 2:
            raise UserError(
                f"{place}: found {len(classes)} sub-folder{'s' * (len(classes) != 1)}; must have "
                "at least 2, one for each class with its images in it."
            )
        for name, found in classes.items():
            if len(found) < least:
                kinds = ", ".join(sorted(SUFFIXES))
                raise UserError(
                    f"{place / name}: found {len(found)} image{'s' * (len(found) != 1)} ({kinds}); "
                    f"must have at least {least}{'' if split else ', one of them for testing'}."
                )
    if split and set(files["train"]) != set(files["test"]):
        lone = sorted(set(files["train"]) ^ set(files["test"]))[0]
        raise UserError(
            f"{root}: found the class {lone} in one of train and test; must be in both."
        )
    return files


def _nearly_split(root: Path, names: list[str]) -> str:
    """What to do where train and test are meant, though not named so; empty if they are not.

    A class may be called train: then its folder holds images.
    """
    train = next((name for name in names if name.lower() == "train"), None)
    if not train or len(names) > len(PARTS) or not _folders(root / train) or _images(root / train):
        return ""
    return "must be named train and test, each with a sub-folder for each class"


def counts(target: Target, files: Files, name: str) -> tuple[int, int]:
    """Training and test images of a class."""
    if "" not in files:
        return len(files["train"][name]), len(files["test"][name])
    whole = len(files[""][name])
    tested = min(whole - 1, max(1, round(target.test_share * whole)))
    return whole - tested, tested


def contents(target: Target) -> Iterator[str]:
    """A line for each class with its images, and one for the files that are left out, if any."""
    files = files_of(target.folder)
    for name in target.images.classes:
        train, test = counts(target, files, name)
        yield f"{target.folder}: {name}: {train:,} training and {test:,} test images"
    taken = {file for file, *_ in listed(target.folder, files)}
    left_out = Counter(
        file.suffix.lower() or "no ending"
        for file in target.folder.rglob("*")
        if file.is_file() and file not in taken and not file.name.startswith(".")
    )
    if left_out:
        kinds = ", ".join(f"{count:,} with {kind}" for kind, count in sorted(left_out.items()))
        yield f"{target.folder}: {left_out.total():,} other files are not looked at: {kinds}"


def listed(root: Path, files: Files) -> Iterator[tuple[Path, str, str]]:
    """(file, part, class) of every image, in one order."""
    for part, classes in files.items():
        for name, found in classes.items():
            for file in found:
                yield file, part, name


def digest_of(target: Target, files: Files, channels: int) -> str:
    """Digest of the images' names and bytes, and of how they are read and split."""
    share = target.test_share if "" in files else None
    whole = hashlib.sha256(repr((target.side, channels, share)).encode())
    for file, *_ in listed(target.folder, files):
        name = file.relative_to(target.folder).as_posix()
        name = os.fsencode(name)  # which need not be text
        whole.update(hashlib.sha256(name).digest() + hashlib.sha256(file.read_bytes()).digest())
        if _header(file)[1]:  # read in another way once, and kept so
            whole.update(b"on white")
    return whole.hexdigest()[:DIGITS]


def _folders(folder: Path) -> list[str]:
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    for name in names:
        _check_name(folder / name)
    return names


def _check_name(folder: Path) -> None:
    """
    Raises:
        UserError: figures and report could not show the folder's name.
    """
    try:
        printable_words(folder.name)
    except ValueError as error:
        raise UserError(f"{folder}: its name {error}; rename the folder.") from None


def _images(folder: Path) -> list[Path]:
    found = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )
    for file in found:
        if not file.is_file():  # to read a pipe might never end
            raise UserError(f"{file}: is no file; must be an image: replace or remove it.")
    return found


def _channels(target: Target, files: list[Path]) -> int:
    """1 or 3, by the target's colour, or by the images if they are all alike."""
    grey, colour = [], []
    for file in files:
        (grey if _is_grey(file) else colour).append(file)
    if target.colour == "rgb" and not colour:
        raise UserError(
            f"{target.folder}: found grey images only, where `colour: rgb` needs images in colour; "
            "leave `colour` out."
        )
    if target.colour != "auto":
        return 1 if target.colour == "grey" else 3
    if grey and colour:
        raise UserError(
            f"{target.folder}: found grey images ({grey[0].relative_to(target.folder)}) beside "
            f"colour ones ({colour[0].relative_to(target.folder)}); must be all of a kind, or give "
            "`colour: grey` or `colour: rgb` beside `folder`."
        )
    return 1 if grey else 3


def _header(file: Path) -> tuple[str, bool]:
    """An image's mode, and whether something shines through it."""
    from PIL import Image  # only where there is a folder of images

    try:
        with Image.open(file) as image:
            return image.mode, image.has_transparency_data
    except Exception as error:  # damaged bytes make Pillow raise almost anything
        raise unreadable(file, error) from None


def _is_grey(file: Path) -> bool:
    mode, _ = _header(file)
    if mode == "F":
        raise UserError(
            f"{file}: found floating-point values, which do not say what value white is; must have "
            "8 or 16 bits: convert it."
        )
    return mode in GREY_MODES


def unreadable(file: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{file}: cannot be read as an image ({reason}); replace or remove it.")
