"""Files are there whole or not at all."""

import errno
import json
import math
import os
import stat
from pathlib import Path

import pytest

from tlstudy.storage.errors import UserError
from tlstudy.storage.files import (
    atomic_path,
    write_bytes_atomically,
    write_json_atomically,
)


def interrupted_write(path: Path, durable: bool) -> None:
    with atomic_path(path, durable) as temporary:
        temporary.write_bytes(b"half")
        assert temporary.parent == path.parent  # a rename across file systems is not atomic
        raise KeyboardInterrupt


@pytest.mark.parametrize("durable", [False, True])
def test_an_interrupted_write_keeps_the_old_file(tmp_path, durable):
    path = tmp_path / "a" / "b" / "file"
    write_bytes_atomically(path, b"old", durable)
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(path, durable)
    assert path.read_bytes() == b"old"
    assert [file.name for file in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077, 0o000])
def test_written_files_have_the_usual_permissions(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_bytes_atomically(tmp_path / "ours", b"")
        (tmp_path / "usual").write_bytes(b"")
        modes = {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("ours", "usual")}
        assert modes == {0o666 & ~mask}
    finally:
        os.umask(before)


def test_what_is_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"/file: is a file, must be a folder"):
        write_bytes_atomically(tmp_path / "file" / "a" / "b", b"")
    with pytest.raises(UserError, match=r"/folder: is a folder, must be a file"):
        write_bytes_atomically(tmp_path / "folder", b"")


def test_json_keeps_the_order_of_its_keys_and_has_no_nan(tmp_path):
    path = tmp_path / "record.json"
    write_json_atomically(path, {"b": 1, "a": [0.1]})
    # In the order given: the order of a study's arms means something.
    assert path.read_text() == '{\n "b": 1,\n "a": [\n  0.1\n ]\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomically(path, {"a": math.nan})
    assert json.loads(path.read_text()) == {"a": [0.1], "b": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS])
def test_a_disk_without_permissions_is_written_to_all_the_same(tmp_path, monkeypatch, number):
    """As CIFS, FUSE and Windows' disks under Linux refuse to change them."""

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(os, "fsync", refuse if number == errno.ENOTSUP else os.fsync)
    write_json_atomically(tmp_path / "a.json", {"a": 1})
    write_bytes_atomically(tmp_path / "b", b"b", durable=True)
    assert {file.name for file in tmp_path.iterdir()} == {"a.json", "b"}
