"""Downloads with checked content: each way that fails leaves a reason."""

import logging
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterable
from http.client import HTTPException
from pathlib import Path
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


def download(url: str, destination: Path, timeout: float = TIMEOUT_SECONDS) -> None:
    """Fetch a URL into a file, whole or not at all; proxies are those of the environment.

    Raises:
        Unreachable: no connection, an error status, silence for `timeout` seconds, or an end
            before the announced length.
    """
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            length = int(answer.headers.get("Content-Length") or 0)
            with (
                atomic_path(destination) as temporary,
                temporary.open("wb") as file,
                tqdm.wrapattr(
                    file,
                    "write",
                    total=length or None,
                    desc=destination.name,
                    mininterval=5,
                    disable=length < LARGE_BYTES,
                ) as writer,
            ):
                shutil.copyfileobj(answer, writer, PART_BYTES)
                if length and file.tell() != length:
                    raise Unreachable(f"ended after {file.tell()} of {length} bytes")
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        reason = str(getattr(reason, "strerror", None) or reason) or type(error).__name__
        raise Unreachable(f"could not be reached ({reason.splitlines()[0].rstrip('.')})") from None


def npm_pack(package: str, version: str, folder: Path) -> Path:
    """Fetch an npm package's tarball with npm, which knows its registry.

    Raises:
        Unreachable: npm is not installed, failed, or left no tarball (npm's `dry-run` setting).
    """
    command = ["npm", "pack", f"{package}@{version}", "--silent", "--pack-destination", str(folder)]
    try:
        subprocess.run(
            command,
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=NPM_TIMEOUT_SECONDS,
        )
    except FileNotFoundError:
        raise Unreachable("npm is not installed") from None
    except OSError as error:
        raise Unreachable(f"npm cannot be run ({error.strerror})") from None
    except subprocess.TimeoutExpired:
        raise Unreachable(f"npm gave no answer in {NPM_TIMEOUT_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout).strip().splitlines() or [f"exit {error.returncode}"]
        raise Unreachable(f"npm failed ({lines[-1]})") from None
    tarball = folder / f"{package}-{version}.tgz"
    if not tarball.is_file():
        raise Unreachable(f"npm left no {tarball.name}")
    return tarball


def check_download(path: Path, expected: str, what: str) -> None:
    """Delete a downloaded file whose SHA-256 does not begin with the expected digits.

    Raises:
        Unreachable: it was deleted.
    """
    found = sha256(path)
    if not found.startswith(expected):
        path.unlink()
        raise Unreachable(
            f"{what} was truncated or altered (SHA-256 {found[:12]}..., must begin "
            f"{expected[:12]}) and was deleted"
        )


def placed_by_hand(downloads: Path, name: str, expected: str) -> Path | None:
    """The user's own copy of a file, checked like a download; None if there is none.

    Raises:
        UserError: its SHA-256 is another. The file is the user's, so it is not deleted.
    """
    path = downloads / name
    if not path.is_file():
        return None
    found = sha256(path)
    if not found.startswith(expected):
        raise UserError(
            f"{path}: found SHA-256 {found}; must begin with {expected}. Replace or remove it."
        )
    return path


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
