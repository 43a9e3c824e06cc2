"""Images of targets other than MNIST: in the cache, with checksums, as their table says."""

import json
import pickle

import numpy as np
import pytest
from torchvision import datasets

from tlstudy.config.datasets import NAMED
from tlstudy.config.targets import Target
from tlstudy.data.images import cache_images
from tlstudy.data.stored import load_images
from tlstudy.storage.errors import UserError


def test_the_digits_are_as_their_table_says(tmp_path):
    target = Target(name="digits")
    record = cache_images(tmp_path, target)
    data, folder = target.data, tmp_path / "digits"
    train, labels = load_images(folder, "train")
    test, test_labels = load_images(folder, "test")
    assert (len(train), len(test)) == (data.train, data.test)
    assert train.shape[1:] == (data.side, data.side)
    assert train.dtype == np.uint8
    assert np.bincount(labels).min() == data.rarest
    assert set(np.bincount(test_labels)) == {50}
    assert train.max() == 255
    assert json.loads((folder / "record.json").read_text()) == record
    assert cache_images(tmp_path, target) == record  # valid files stay


def test_altered_images_are_refused_and_made_again(tmp_path):
    target, file = Target(name="digits"), tmp_path / "digits" / "train-images.npy"
    cache_images(tmp_path, target)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    with pytest.raises(UserError, match="was altered"):
        load_images(tmp_path / "digits", "train")
    cache_images(tmp_path, target)
    assert file.read_bytes() == content


def test_a_data_set_that_cannot_be_had_says_what_to_place_where(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", no_network)
    with pytest.raises(
        UserError, match=r"cifar10: cannot be had \(torchvision: no network\)"
    ) as error:
        cache_images(tmp_path, Target(name="cifar10"))
    assert "cifar-10-python.tar.gz" in error.value.message
    assert str(tmp_path / "downloads" / "cifar10") in error.value.message


def test_a_damaged_file_that_was_placed_is_named(tmp_path):
    placed = tmp_path / "downloads" / "fashion-mnist" / "train-labels-idx1-ubyte.gz"
    placed.parent.mkdir(parents=True)
    placed.write_bytes(b"no labels")
    with pytest.raises(UserError, match="is not Fashion-MNIST's"):
        cache_images(tmp_path, Target(name="fashion-mnist"))
    assert placed.is_file()


def test_the_table_is_torchvision_s():
    """Names of classes and of files, as far as its source has them; checksums are its own."""
    for name in ("mnist", "fashion-mnist", "kmnist"):
        data = NAMED[name]
        loader = getattr(datasets, data.loader)
        # Those of MNIST are as "0 - zero".
        assert tuple(title.partition(" - ")[0] for title in loader.classes) == data.classes
        assert {file for file, _ in loader.resources} == set(data.placed)
    letters = NAMED["emnist-letters"]
    assert datasets.EMNIST.classes_split_dict["letters"][1:] == list(letters.classes)
    assert letters.placed == (datasets.EMNIST.url.rpartition("/")[2],)
    for name in ("cifar10", "cifar100"):
        assert NAMED[name].placed == (getattr(datasets, NAMED[name].loader).filename,)
    files = datasets.SVHN.split_list
    assert NAMED["svhn"].placed == tuple(files[part][1] for part in ("train", "test"))


def made_cifar(root):
    """A file as the makers of CIFAR-10 give it out, of noise: six batches and names of classes."""
    generator = np.random.default_rng(0)
    content = {f"data_batch_{number}": 10_000 for number in range(1, 6)} | {"test_batch": 10_000}
    (root / "cifar-10-batches-py").mkdir(parents=True)
    for name, images in content.items():
        labels = (np.arange(images) % 10).tolist()
        pixels = np.broadcast_to(generator.integers(0, 256, 3072, dtype=np.uint8), (images, 3072))
        batch = {"data": np.ascontiguousarray(pixels), "labels": labels}
        (root / "cifar-10-batches-py" / name).write_bytes(pickle.dumps(batch))
    names = {"label_names": list(NAMED["cifar10"].classes)}
    (root / "cifar-10-batches-py" / "batches.meta").write_bytes(pickle.dumps(names))


def test_a_file_of_cifar_becomes_images_of_colours(tmp_path, monkeypatch):
    """Of made images: torchvision's checksums, which it checks, are of the real ones."""
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    monkeypatch.setattr(
        "tlstudy.data.torchvision_sets._place", lambda placed, root, *_: made_cifar(root)
    )
    target = Target(name="cifar10")
    cache_images(tmp_path, target)
    images, labels = load_images(tmp_path / "cifar10", "train")
    assert images.shape == (50_000, 32, 32, 3)
    generator = np.random.default_rng(0)  # colour by colour in the file
    expected = generator.integers(0, 256, 3072, dtype=np.uint8).reshape(3, 32, 32)
    np.testing.assert_array_equal(images[0].transpose(2, 0, 1), expected)
    assert np.bincount(labels).tolist() == [5000] * 10
