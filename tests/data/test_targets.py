"""Images of targets other than MNIST: in the cache, with checksums, as their table says."""

import json

import numpy as np
import pytest

from tlstudy.config.targets import Target
from tlstudy.data.images import cache_images, load_images
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
    with pytest.raises(UserError, match=r"cifar10: cannot be had \(no network\)") as error:
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
