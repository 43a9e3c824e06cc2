"""Downloads come whole or not at all, and every failure leaves a reason."""

import hashlib
import io
import re
import tarfile
from pathlib import Path

import pytest
from local_server import closed_port, local_server, place_npm

from tlstudy.data import download as download_module
from tlstudy.data.download import (
    Unreachable,
    download,
    first_that_works,
    npm_pack,
    placed_or_fetched,
    read_members,
)
from tlstudy.storage.errors import UserError

CONTENT = bytes(range(256)) * 400
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PACKAGE = Path(download_module.__file__).parents[1]


@pytest.fixture(scope="module")
def server():
    with local_server() as running:
        running.files |= {"file": CONTENT, "large": bytes(2**24)}
        yield running


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def failing(reason):
    def way(*_):
        raise Unreachable(reason)

    return way


@pytest.mark.parametrize("name", ["large", "file"])
def test_a_download_is_the_served_file_and_large_ones_show_their_progress(
    server, tmp_path, capsys, name
):
    download(f"{server.url}/whole/{name}", tmp_path / "new" / name)
    assert (tmp_path / "new" / name).read_bytes() == server.files[name]
    assert names_in(tmp_path / "new") == [name]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert (name in printed.err) == (name == "large")


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/hanging/file", "timed out"), ("/whole/nothing", "404|Not Found"), (None, "refused")],
)
def test_a_failed_download_leaves_nothing_and_keeps_what_was_there(
    server, tmp_path, monkeypatch, path, reason
):
    destination, patience = tmp_path / "file", 0.3 if reason == "timed out" else 60
    monkeypatch.setattr("tlstudy.data.download.TIMEOUT_SECONDS", patience)
    url = f"{server.url}{path}" if path else f"{closed_port()}/file"
    for before in ([], ["file"]):
        with pytest.raises(Unreachable, match=rf"could not be reached .*({reason})"):
            download(url, destination)
        assert names_in(tmp_path) == before
        destination.write_bytes(b"from before")
    assert destination.read_bytes() == b"from before"


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


@pytest.mark.parametrize("digits", [64, 8])
def test_a_damaged_download_is_deleted_and_this_is_said(nothing_left_behind, tmp_path, digits):
    def handed_over(content: bytes) -> bytes:
        def fetch(folder: Path) -> None:
            (folder / "file").write_bytes(content)

        with placed_or_fetched(tmp_path, "file", DIGEST[:digits], fetch) as path:
            return path.read_bytes()

    assert handed_over(CONTENT) == CONTENT
    with pytest.raises(Unreachable, match=f"truncated or altered.*file is not in {tmp_path}"):
        handed_over(CONTENT[:-1])


def test_a_file_placed_by_hand_is_checked_and_never_deleted(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with placed_or_fetched(tmp_path, "file", DIGEST, failing("it rains")) as found:
        assert found == path
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=f"{path}.*{DIGEST}"):
        placed_or_fetched(tmp_path, "file", DIGEST, failing("it rains")).__enter__()
    assert path.read_bytes() == CONTENT[:-1]


def test_links_in_a_tarball_are_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    path = tmp_path / "links.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, kind in (("a", tarfile.SYMTYPE), ("b", tarfile.LNKTYPE), ("c", tarfile.REGTYPE)):
            member = tarfile.TarInfo(f"package/{name}")
            member.type, member.linkname = kind, str(secret)
            archive.addfile(member, io.BytesIO())
    assert read_members(path, "package", ["c"]) == {"c": b""}
    with pytest.raises(Unreachable, match="lacks a, b"):
        read_members(path, "package", ["a", "b", "c"])


def test_ways_are_tried_in_order_until_one_works(caplog):
    ways = [("first", failing("it rains")), ("second", lambda: 2), ("third", lambda: 3)]
    assert first_that_works(ways) == ("second", 2, ["first"])
    assert "first: it rains" in caplog.text
    with pytest.raises(Unreachable, match="first: it rains; second: it snows"):
        first_that_works([ways[0], ("second", failing("it snows"))])
    with pytest.raises(ZeroDivisionError):
        first_that_works([("first", lambda: 1 // 0), *ways])


@pytest.mark.parametrize(
    "module",
    [
        *("data/download", "data/images"),
        *("networks/weights", "networks/weight_sources", "networks/he2015"),
    ],
)
def test_no_address_is_written_into_the_modules_that_fetch(module):
    """torchvision's and npm's own clients know where their files are."""
    text = (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    assert not re.findall(r"://|[a-z0-9-]+\.(?:com|io|net|org)\b", text)
