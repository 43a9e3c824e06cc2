"""A folder of images of one's own: what is found, how it is read, and what is refused."""

import shutil
import zlib

import numpy as np
import pytest
from PIL import Image

from tlstudy.config.image_folders import contents, look_into
from tlstudy.config.study import build_study, runs
from tlstudy.config.targets import Target
from tlstudy.data.folders import square
from tlstudy.data.images import cache_images
from tlstudy.data.stored import load_images
from tlstudy.storage.errors import UserError


def paint(file, grey=False, size=(20, 30)):
    file.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(zlib.crc32(str(file).encode())).integers(
        0, 256, (*size, 3), dtype=np.uint8
    )
    Image.fromarray(values[:, :, 0] if grey else values).save(file)


@pytest.fixture
def photos(tmp_path):
    for name in ("cats", "dogs"):
        for number in range(4):
            paint(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    return tmp_path / "photos"


def target(folder, **more) -> Target:
    return look_into(Target(name="folder", folder=folder, **more))


def test_a_folder_is_split_class_by_class(photos, tmp_path):
    found = target(photos, side=16)
    assert found.data.classes == ("cats", "dogs")
    assert (found.data.train, found.data.test, found.data.rarest) == (6, 2, 3)
    cache_images(tmp_path, found)
    images, labels = load_images(tmp_path / found.place, "train")
    assert images.shape == (6, 16, 16, 3)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert load_images(tmp_path / found.place, "test")[1].tolist() == [0, 1]


def test_train_and_test_are_taken_as_they_are(tmp_path):
    for part, number in (("train", 3), ("test", 1)):
        for name in ("a", "b"):
            for each in range(number):
                paint(tmp_path / "own" / part / name / f"{each}.jpg", grey=True)
    found = target(tmp_path / "own")
    assert (found.images.train, found.images.test, found.images.channels) == (6, 2, 1)
    with pytest.raises(UserError, match="found grey images only, where `colour: rgb`"):
        target(tmp_path / "own", colour="rgb")
    cache_images(tmp_path, found)
    assert load_images(tmp_path / found.place, "train")[0].shape == (6, 64, 64)


def test_what_is_transparent_is_white(tmp_path):
    """A black bar drawn on nothing is not black throughout; what is whole stays as it is."""
    drawing = np.zeros((8, 8, 4), dtype=np.uint8)
    drawing[2:4, :, 3] = 255
    whole = Image.fromarray(drawing)
    palette = Image.fromarray(drawing[..., 3] // 255).convert("P")
    palette.info["transparency"] = 0
    for mode, image in (("RGBA", whole), ("LA", whole.convert("LA")), ("P", palette)):
        file = tmp_path / f"{mode}.png"
        image.save(file)
        for channels in (1, 3):
            found = square(file, 8, channels).reshape(8, 8, channels)
            assert found[2:4].max() <= 1, mode
            assert found[[0, 1, 4, 5, 6, 7]].min() == 255, mode
    opaque = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    opaque.convert("RGBA").save(tmp_path / "opaque.png")
    assert np.array_equal(square(tmp_path / "opaque.png", 8, 1), np.asarray(opaque))


def test_grey_images_of_16_bits_are_grey_in_either_order_of_bytes(tmp_path):
    values = np.arange(400, dtype=np.uint16).reshape(20, 20) * 160
    for name, mode, order in (("a", "I;16", "<u2"), ("b", "I;16B", ">u2")):
        for number in range(2):
            file = tmp_path / "own" / name / f"{number}.tif"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.frombytes(mode, (20, 20), values.astype(order).tobytes()).save(file)
            assert np.array_equal(square(file, 20, 1), values // 257)
    assert target(tmp_path / "own").images.channels == 1


def test_another_image_is_another_study_and_another_place_is_not(photos, tmp_path):
    def name(folder, **more) -> str:
        arm = {"target": {"folder": str(folder), **more}}
        study = {"study": "s", "seed": 1, "subset_size": 10, "arms": {"new": arm}}
        study["arms"]["new"]["drawing"] = "published"
        return runs(build_study(study))[0].name

    for number in range(4, 10):
        for kind in ("cats", "dogs"):
            paint(photos / kind / f"{number}.png")
    before = name(photos)
    shutil.copytree(photos, tmp_path / "moved" / "photos")
    assert name(tmp_path / "moved" / "photos") == before
    assert name(photos, colour="rgb") == before  # as they are
    assert name(photos, side=32) != before
    paint(photos / "cats" / "0.png", size=(21, 30))
    assert name(photos) != before
    assert "photos" in before


def test_images_that_changed_meanwhile_are_refused(photos, tmp_path):
    found = target(photos)
    paint(photos / "cats" / "0.png", size=(25, 30))
    with pytest.raises(UserError, match="have changed since"):
        cache_images(tmp_path, found)


def test_mistakes_get_one_sentence_each(photos, tmp_path):
    def refused(**more) -> str:
        with pytest.raises(UserError) as error:
            target(photos, **more)
        assert error.value.message.count("\n") == 0
        return error.value.message

    paint(photos / "grey" / "0.png", grey=True)
    assert "grey: found 1 image (" in refused()
    paint(photos / "grey" / "1.png", grey=True)
    assert "found grey images (grey/0.png) beside colour ones (cats/0.png)" in refused()
    assert target(photos, colour="grey").images.channels == 1
    shutil.rmtree(photos / "grey")
    floats = photos / "cats" / "4.tiff"
    Image.fromarray(np.ones((20, 30), dtype=np.float32)).save(floats)
    assert "cats/4.tiff: found floating-point values" in refused()
    floats.unlink()
    (photos / "cats" / "0.png").write_bytes(b"no image")
    assert "cats/0.png: cannot be read as an image" in refused()
    shutil.rmtree(photos / "cats")
    assert "found 1 sub-folder; must have at least 2" in refused()
    for name in ("cats", "dogs"):
        paint(photos / "Train" / name / "0.png")
    (photos / "dogs").rename(photos / "val")
    assert "found the folders Train, val; must be named train and test" in refused()
    shutil.rmtree(photos / "val")
    assert "must be named train and test" in refused()
    shutil.rmtree(photos)
    assert "no such folder" in refused()


def test_a_class_may_be_called_train(photos):
    (photos / "cats").rename(photos / "train")
    assert target(photos).images.classes == ["dogs", "train"]


def test_images_are_counted_and_what_is_left_out_is_told(photos):
    paint(photos / "cats" / "below" / "0.png")
    (photos / "cats" / "0.heic").write_text("an image of a telephone")
    assert list(contents(target(photos))) == [
        f"{photos}: cats: 3 training and 1 test images",
        f"{photos}: dogs: 3 training and 1 test images",
        f"{photos}: 3 other files are not looked at: 1 with .heic, 1 with .png, 1 with .txt",
    ]


@pytest.mark.parametrize("parts", [True, False])
def test_an_image_that_is_trained_on_and_tested_is_named(tmp_path, parts):
    """Other bytes of the same pixels are the same image."""
    folder = tmp_path / "own"
    for part in ("train", "test") if parts else ("",):
        for name in ("a", "b"):
            for number in range(4):
                paint(folder / part / name / f"{number}.png")
    first, second = ("train/a", "test/b") if parts else ("a", "a")
    with Image.open(folder / first / "1.png") as image:
        for number in range(4) if not parts else (2,):
            image.save(folder / second / f"{number}.png", compress_level=0)
    with pytest.raises(UserError) as caught:
        cache_images(tmp_path, target(folder))
    told = caught.value.message
    assert "the same image would be trained on and tested" in told
    assert f"{first}/1.png = {second}/2.png" in told or not parts
    assert not list(tmp_path.glob("folders/*/*.npy"))
