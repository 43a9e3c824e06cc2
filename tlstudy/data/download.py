"""Downloads with checked content: each way that fails leaves a reason."""

import logging
import shutil
import socket
import subprocess
import tarfile
import urllib.request
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from tqdm import tqdm

from tlstudy.storage.errors import UserError
from tlstudy.storage.files import atomic_path, sha256

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30
NPM_TIMEOUT_SECONDS = 900
PART_BYTES = 2**20
LARGE_BYTES = 2**24  # from here on, a bar shows the progress

Result = TypeVar("Result")


class Unreachable(Exception):  # noqa: N818 - an error only if every way ends so
    """A way of getting a file failed; the text is the reason, without a final stop."""


def download(url: str, destination: Path) -> None:
    """Fetch a URL into a file; proxies are those of the environment. Content is not checked.

    Raises:
        Unreachable: no connection, an error status, or silence for `TIMEOUT_SECONDS`.
    """
    try:
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer,
            atomic_path(destination) as temporary,
            temporary.open("wb") as file,
        ):
            length = int(answer.headers.get("Content-Length") or 0)
            small = length < LARGE_BYTES
            bar = {"total": length, "desc": destination.name, "mininterval": 5, "disable": small}
            with tqdm.wrapattr(file, "write", **bar) as writer:
                shutil.copyfileobj(answer, writer, PART_BYTES)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        reason = str(getattr(reason, "strerror", None) or reason) or type(error).__name__
        raise Unreachable(f"could not be reached ({reason.splitlines()[0].rstrip('.')})") from None


@contextmanager
def patience() -> Iterator[None]:
    """Let connections of other libraries, which may wait for ever, end after as long a silence."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def npm_pack(package: str, version: str, folder: Path) -> Path:
    """Fetch an npm package's tarball with npm, which knows its registry.

    Raises:
        Unreachable: npm is not installed, failed, or left no tarball (npm's `dry-run` setting).
    """
    if not shutil.which("npm"):
        raise Unreachable("npm is not installed")
    command = ["npm", "pack", f"{package}@{version}", "--silent", "--pack-destination", str(folder)]
    told = {"capture_output": True, "text": True, "timeout": NPM_TIMEOUT_SECONDS}
    try:
        done = subprocess.run(command, cwd=folder, check=False, **told)
    except subprocess.TimeoutExpired:
        raise Unreachable(f"npm gave no answer in {NPM_TIMEOUT_SECONDS} s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise Unreachable(f"npm failed ({lines[-1]})")
    tarball = folder / f"{package}-{version}.tgz"
    if not tarball.is_file():
        raise Unreachable(f"npm left no {tarball.name}")
    return tarball


@contextmanager
def placed_or_fetched(
    downloads: Path, name: str, expected: str, fetch: Callable[[Path], object]
) -> Iterator[Path]:
    """A file that the user placed in `downloads`, else a fetched one, which is removed afterwards.

    Args:
        expected: the first digits of the file's SHA-256.
        fetch: puts the file into a folder.

    Raises:
        UserError: the placed file is another one. It is the user's, so it is not deleted.
        Unreachable: the file cannot be fetched, or the download is damaged.
    """
    path = downloads / name
    if path.is_file():
        found = sha256(path)
        if not found.startswith(expected):
            raise UserError(
                f"{path}: found SHA-256 {found}; must begin with {expected}. Replace or remove it."
            )
        yield path
        return
    with TemporaryDirectory(prefix="tlstudy-") as temporary:
        path = Path(temporary) / name
        try:
            fetch(path.parent)
            if not sha256(path).startswith(expected):
                raise Unreachable("the download was truncated or altered, and was deleted")
        except Unreachable as error:
            raise Unreachable(f"{error}, and {name} is not in {downloads}") from None
        yield path


def read_members(tarball: Path, folder: str, names: Iterable[str]) -> dict[str, bytes]:
    """Contents of regular files of a tarball's folder, by name; nothing is unpacked to disk.

    Raises:
        Unreachable: the tarball is broken or lacks one of them.
    """
    wanted, found = {f"{folder}/{name}": name for name in names}, {}
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            for member in archive:
                if member.isfile() and member.name in wanted:
                    found[wanted[member.name]] = archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise Unreachable(f"{tarball.name} was truncated or altered ({error})") from None
    if lost := sorted(set(wanted.values()) - found.keys()):
        raise Unreachable(f"{tarball.name} lacks {', '.join(lost)}")
    return found


def first_that_works(
    ways: Iterable[tuple[str, Callable[[], Result]]],
) -> tuple[str, Result, list[str]]:
    """Try ways in turn; return the name of the first that works, its result, and what failed.

    Raises:
        Unreachable: none worked; names every way with its reason.
    """
    reasons: dict[str, str] = {}
    for name, way in ways:
        try:
            return name, way(), list(reasons)
        except Unreachable as error:
            log.warning("%s: %s", name, error)
            reasons[name] = str(error)
    raise Unreachable("; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
