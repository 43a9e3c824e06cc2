"""The sheet of training images: every image in its digit's row, what is left out said."""

from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tlstudy.report.figures.contact_sheet import mosaic, sheet_note, write_contact_sheet


def test_contact_sheet(tmp_path):
    generator = np.random.default_rng(0)
    labels = np.array([3] * 15 + [7] * 2)
    images = generator.integers(1, 255, (17, 28, 28))
    sheet = mosaic(images.astype(float), labels, range(10))
    assert np.isfinite(sheet).sum() == (10 + 2) * 28 * 28
    np.testing.assert_array_equal(sheet[7 * 30 : 7 * 30 + 28, 30:58], images[16])
    assert "12 shown" in sheet_note(labels, 17, 26, range(10), 10)
    assert "all shown" in sheet_note(labels[10:], 7, 26, range(10), 10)
    write_contact_sheet(images, labels, "0123456789", tmp_path, 17, 26)
    ElementTree.parse(tmp_path / "contact-sheet.svg")
    assert (tmp_path / "contact-sheet.png").stat().st_size > 10_000


@pytest.mark.parametrize(("classes", "shown"), [(2, 2), (100, 40), (1000, 40)])
def test_a_sheet_has_rows_for_few_classes_and_for_many(tmp_path, classes, shown):
    labels = np.arange(2 * classes) % classes
    images = np.zeros((len(labels), 96, 96, 3), dtype=np.uint8)
    names = [f"a class with a long name, number {number}" for number in range(classes)]
    write_contact_sheet(images, labels, names, tmp_path, len(labels), 26)
    text = (tmp_path / "contact-sheet.svg").read_text()
    assert text.count("(2 images)") == shown
    assert (f"{shown} of the {classes} classes" in " ".join(text.split())) == (classes > shown)
    # Names are cut and not the picture: no text begins left of it.
    with Image.open(tmp_path / "contact-sheet.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    assert (pixels[:, 0] == 255).all()
    assert len(pixels) < 3000
