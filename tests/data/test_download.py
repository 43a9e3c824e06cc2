"""Downloads come whole or not at all, and every failure leaves a reason."""

import hashlib
import re
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
)
from tlstudy.storage.errors import UserError

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
    destination, patience = tmp_path / "file", 0.3 if reason == "timed out" else 60
    for before in ([], ["file"]):
        with pytest.raises(Unreachable, match=reason):
            download(server.url + path, destination, timeout=patience)
        assert names_in(tmp_path) == before
        destination.write_bytes(b"from before")
    assert destination.read_bytes() == b"from before"


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
    with pytest.raises(Unreachable, match=reason):
        npm_pack("some-package", "1.2.3", tmp_path)


def test_npm_that_cannot_be_run_says_why(monkeypatch, tmp_path):
    place_npm(monkeypatch, tmp_path, "exit 0")
    (tmp_path / "npm").chmod(0o644)
    with pytest.raises(Unreachable, match=r"npm cannot be run .*denied"):
        npm_pack("some-package", "1.2.3", tmp_path)


@pytest.mark.parametrize("digits", [64, 8])
def test_altered_download_is_deleted_and_this_is_said(tmp_path, digits):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    check_download(path, DIGEST[:digits], "file")
    path.write_bytes(CONTENT[:-1])
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
    assert first_that_works(ways) == ("second", 2, ["first"])
    assert "first: it rains" in caplog.text


def test_all_ways_and_reasons_are_named_when_none_works():
    with pytest.raises(Unreachable) as error:
        first_that_works([("first", failing("it rains")), ("second", failing("it snows"))])
    assert str(error.value) == "first: it rains; second: it snows"


def test_other_errors_are_not_taken_for_an_unreachable_file():
    with pytest.raises(ZeroDivisionError):
        first_that_works([("first", lambda: 1 // 0), ("second", lambda: 2)])


@pytest.mark.parametrize(
    "module", ["data/download", "data/images", "networks/weights", "networks/he2015"]
)
def test_no_address_is_written_into_the_modules_that_fetch(module):
    """torchvision's and npm's own clients know where their files are."""
    text = (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    assert not re.findall(r"://|[a-z0-9-]+\.(?:com|io|net|org)\b", text)
