"""A user's folder of images, made into arrays: squares of one side."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from tlstudy.config.image_folders import counts, digest_of, files_of, unreadable
from tlstudy.config.targets import Target
from tlstudy.data.stored import Part
from tlstudy.storage.errors import UserError
from tlstudy.storage.randomness import Stream, derived_seed

MOST_PAIRS = 10  # that a message names


def read_folder(target: Target) -> dict[str, Part]:
    """Images (N, side, side) or (N, side, side, 3) uint8 and labels of `train` and `test`.

    Without folders train and test each class is split by a fixed seed.

    Raises:
        UserError: an image cannot be read, the folder has changed since the study was built, or
            the same image would be trained on and tested.
    """
    files = files_of(target.folder)
    if digest_of(target, files, target.images.channels) != target.images.digest:
        raise UserError(
            f"{target.folder}: its images have changed since the study was built; start Snakemake "
            "again, which makes it another study of these images."
        )
    chosen: dict[str, list[tuple[Path, int]]] = {"train": [], "test": []}
    generator = np.random.default_rng(derived_seed(0, Stream.TEST_IMAGES))
    for label, name in enumerate(target.images.classes):
        if "" in files:
            own, train = files[""][name], counts(target, files, name)[0]
            order = generator.permutation(len(own))
            parts = {"train": sorted(order[:train]), "test": sorted(order[train:])}
            found = {part: [own[place] for place in places] for part, places in parts.items()}
        else:
            found = {part: files[part][name] for part in chosen}
        for part, own in found.items():
            chosen[part] += [(file, label) for file in own]
    parts = {part: _part(members, target) for part, members in chosen.items()}
    _refuse_leakage(target, chosen, parts)
    return parts


def _refuse_leakage(
    target: Target, chosen: Mapping[str, list[tuple[Path, int]]], parts: Mapping[str, Part]
) -> None:
    """
    Raises:
        UserError: names a test image that is a training image too, pixel by pixel as they are kept.
    """
    trained = {
        image.tobytes(): file
        for image, (file, _) in zip(parts["train"][0], chosen["train"], strict=True)
    }
    both = [
        (trained[image.tobytes()], file)
        for image, (file, _) in zip(parts["test"][0], chosen["test"], strict=True)
        if image.tobytes() in trained
    ]
    if both:
        pairs = [
            f"{trained_on.relative_to(target.folder)} = {tested.relative_to(target.folder)}"
            for trained_on, tested in both[:MOST_PAIRS]
        ]
        more = f", and {len(both) - MOST_PAIRS} more" * (len(both) > MOST_PAIRS)
        raise UserError(
            f"{target.folder}: the same image would be trained on and tested: "
            f"{', '.join(pairs)}{more}; remove one of each pair."
        )


def _part(members: Iterable[tuple[Path, int]], target: Target) -> Part:
    files, labels = zip(*members, strict=True)
    images = np.stack([square(file, target.side, target.images.channels) for file in files])
    return images, np.array(labels, dtype=np.int64)


def square(file: Path, side: int, channels: int) -> np.ndarray:
    """The middle square of an image, resized (bilinear): (side, side) or (side, side, 3) uint8."""
    try:
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image)
            pixels = _on_white(_eight_bits(upright)).convert("L" if channels == 1 else "RGB")
    except Exception as error:  # damaged bytes make Pillow raise almost anything
        raise unreadable(file, error) from None
    return np.asarray(ImageOps.fit(pixels, (side, side), Image.Resampling.BILINEAR))


def _eight_bits(image: Image.Image) -> Image.Image:
    """An image of 16 bits with its values from 0 to 255: `convert` would cut them off."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    """An image without what shines through: `convert` would show the colour hidden behind it."""
    if not image.has_transparency_data:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
