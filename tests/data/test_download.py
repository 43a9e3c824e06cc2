"""Files from outside come whole or not at all, and every failure leaves a reason."""

import hashlib
import json
import math
import os
import re
import stat
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from local_server import closed_port, local_server, place_npm

from tlstudy.data import download as download_module
from tlstudy.data.download import (
    Unreachable,
    check_download,
    download,
    first_that_works,
    npm_pack,
    placed_by_hand,
    sha256,
)
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import atomic_path, write_bytes_atomically, write_json_atomically

CONTENT = bytes(range(256)) * 400
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PACKAGE = Path(download_module.__file__).parents[1]


@pytest.fixture(scope="module")
def server():
    with local_server() as running:
        running.files["file"] = CONTENT
        running.files["large"] = bytes(2**24)
        yield running


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_download_is_the_served_file(server, tmp_path):
    download(f"{server.url}/whole/file", tmp_path / "new" / "file")
    assert (tmp_path / "new" / "file").read_bytes() == CONTENT
    assert names_in(tmp_path / "new") == ["file"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/truncated/file", rf"ended after {len(CONTENT) // 2} of {len(CONTENT)} bytes"),
        ("/hanging/file", "timed out"),
        ("/whole/nothing", "404|Not Found"),
    ],
)
def test_failed_download_leaves_nothing_and_keeps_what_was_there(server, tmp_path, path, reason):
    destination = tmp_path / "file"
    for before in ([], ["file"]):
        started = time.monotonic()
        with pytest.raises(Unreachable, match=reason):
            download(server.url + path, destination, timeout=0.3)
        assert time.monotonic() - started < 5
        assert names_in(tmp_path) == before
        destination.write_bytes(b"from before")
    assert destination.read_bytes() == b"from before"


@pytest.mark.parametrize(
    ("received", "seconds", "given_up"),
    [(0, 29, False), (31 * 2**15, 31, False), (31 * 2**15 - 1, 31, True), (2**29 + 1, 1, True)],
)
def test_what_is_slower_or_longer_than_any_honest_download_is_given_up(received, seconds, given_up):
    with pytest.raises(Unreachable) if given_up else nullcontext():
        download_module._check_progress(received, seconds, timeout=30)


def test_address_where_nothing_listens(tmp_path):
    with pytest.raises(Unreachable, match=r"could not be reached .*refused"):
        download(f"{closed_port()}/file", tmp_path / "file")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(("name", "shown"), [("large", True), ("file", False)])
def test_progress_is_for_large_files_and_on_standard_error(server, tmp_path, capsys, name, shown):
    download(f"{server.url}/whole/{name}", tmp_path / name)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert (name in printed.err) == shown


def test_npm_pack_asks_for_the_very_version(monkeypatch, tmp_path):
    place_npm(monkeypatch, tmp_path / "bin", 'echo "$@" > some-package-1.2.3.tgz')
    tarball = npm_pack("some-package", "1.2.3", tmp_path)
    assert "some-package@1.2.3" in tarball.read_text().split()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "npm is not installed"),
        ("echo 'npm error network unknown host' >&2; exit 1", "npm failed .*unknown host"),
        ("exit 7", "npm failed .*7"),
        ("exit 0", "npm left no some-package-1.2.3.tgz"),
        ("exec sleep 30", "npm gave no answer"),
    ],
)
def test_npm_that_fails_says_why(monkeypatch, tmp_path, script, reason):
    place_npm(monkeypatch, tmp_path / "bin", script)
    monkeypatch.setattr(download_module, "NPM_TIMEOUT_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(Unreachable, match=reason):
        npm_pack("some-package", "1.2.3", tmp_path)
    assert time.monotonic() - started < 5


def test_npm_that_cannot_be_run_says_why(monkeypatch, tmp_path):
    place_npm(monkeypatch, tmp_path, "exit 0")
    (tmp_path / "npm").chmod(0o644)
    with pytest.raises(Unreachable, match=r"npm cannot be run .*denied"):
        npm_pack("some-package", "1.2.3", tmp_path)


@pytest.mark.parametrize("digits", [64, 8])
def test_checksum_of_a_good_download(tmp_path, digits):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert sha256(path) == DIGEST
    check_download(path, DIGEST[:digits], "file")
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("digits", [64, 8])
def test_altered_download_is_deleted_and_this_is_said(server, tmp_path, digits):
    path = tmp_path / "file"
    download(f"{server.url}/altered/file", path)
    with pytest.raises(Unreachable, match=r"file was truncated or altered .* deleted"):
        check_download(path, DIGEST[:digits], "file")
    assert not path.exists()


def test_file_placed_by_hand_is_checked_and_never_deleted(tmp_path):
    assert placed_by_hand(tmp_path, "file", DIGEST) is None
    assert placed_by_hand(tmp_path / "no such folder", "file", DIGEST) is None
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert placed_by_hand(tmp_path, "file", DIGEST) == path
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError) as error:
        placed_by_hand(tmp_path, "file", DIGEST)
    assert str(path) in error.value.message
    assert DIGEST in error.value.message
    assert path.read_bytes() == CONTENT[:-1]


def failing(reason):
    def way():
        raise Unreachable(reason)

    return way


def test_ways_are_tried_in_order_until_one_works(caplog):
    ways = [("first", failing("it rains")), ("second", lambda: 2), ("third", lambda: 3)]
    assert first_that_works(ways) == ("second", 2, {"first": "it rains"})
    assert "first: it rains" in caplog.text


def test_all_ways_and_reasons_are_named_when_none_works():
    with pytest.raises(Unreachable) as error:
        first_that_works([("first", failing("it rains")), ("second", failing("it snows"))])
    assert str(error.value) == "first: it rains; second: it snows"


def test_other_errors_are_not_taken_for_an_unreachable_file():
    with pytest.raises(ZeroDivisionError):
        first_that_works([("first", lambda: 1 // 0), ("second", lambda: 2)])


def interrupted_write(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        assert temporary.parent == path.parent  # a rename across file systems is not atomic
        raise KeyboardInterrupt


def test_interrupted_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write_bytes_atomically(path, b"old")
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(path)
    assert path.read_bytes() == b"old"
    assert names_in(path.parent) == ["file"]


def test_written_files_have_the_usual_permissions(tmp_path):
    write_bytes_atomically(tmp_path / "ours", b"")
    (tmp_path / "usual").write_bytes(b"")
    modes = {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("ours", "usual")}
    assert len(modes) == 1


def test_json_is_canonical_and_has_no_nan(tmp_path):
    path = tmp_path / "record.json"
    write_json_atomically(path, {"b": 1, "a": [0.1]})
    # In the order given: the order of a study's arms means something.
    assert path.read_text() == '{\n "b": 1,\n "a": [\n  0.1\n ]\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomically(path, {"a": math.nan})
    assert json.loads(path.read_text()) == {"a": [0.1], "b": 1}
    assert names_in(tmp_path) == ["record.json"]


@pytest.mark.parametrize(
    "module", ["data/download", "data/images", "networks/weights", "networks/he2015"]
)
def test_no_address_is_written_into_the_modules_that_fetch(module):
    """torchvision's and npm's own clients know where their files are."""
    text = (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    assert not re.findall(r"://|[a-z0-9-]+\.(?:com|io|net|org)\b", text)
