"""Files that are there whole or not at all."""

import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from tlstudy.storage.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_SUPPORTED = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: Path, durable: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it on success and removed on failure.

    Args:
        durable: afterwards the file is on the disk, name and all, even if the machine stops.

    Raises:
        UserError: the disk is full, a file stands where a folder must be, or the other way round.
    """
    temporary = None
    check_place(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _let_others_read(temporary)
        if durable:
            _flush(temporary)
        temporary.replace(path)
        if durable:
            _flush(path.parent)
    except (OSError, SafetensorError) as error:
        if _error_number(error) not in FULL:
            raise
        reason = os.strerror(_error_number(error))
        raise UserError(
            f"{path}: cannot be written ({reason}); make room and run it again."
        ) from None
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def check_place(path: Path) -> None:
    """
    Raises:
        UserError: a file stands where a folder of `path` must be, or a folder at `path`.
    """
    there = next((part for part in path.parents if part.exists()), None)
    if there and not there.is_dir():
        raise UserError(f"{there}: is a file, must be a folder; rename or remove it.")
    if path.is_dir():
        raise UserError(f"{path}: is a folder, must be a file; rename or remove it.")


def _error_number(error: Exception) -> int | None:
    """The system's number of an error; safetensors gives it in its text only."""
    number = re.search(r"os error (\d+)", str(error))
    return getattr(error, "errno", None) or (int(number[1]) if number else None)


def remove_half_written(folder: Path, names: Iterable[str]) -> None:
    """Remove temporary files of ended processes. Call only while no other process writes there."""
    # safetensors writes into a temporary file of its own naming.
    for pattern in (".tmp*", *(f".{name}.*" for name in names)):
        for file in folder.glob(pattern):
            if file.is_file():
                file.unlink(missing_ok=True)


def _let_others_read(file: Path) -> None:
    """Permissions as any new file has them; some file systems give all files the same."""
    with suppress(PermissionError, NotImplementedError):
        try:
            file.chmod(0o666 & ~_umask())
        except OSError as error:
            if error.errno not in NOT_SUPPORTED:
                raise


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Of folders on network disks: their servers see to it.
        if error.errno not in NOT_SUPPORTED:
            raise
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes_atomically(path: Path, content: bytes, durable: bool = False) -> None:
    """Write a whole file or none; see `atomic_path`."""
    with atomic_path(path, durable) as temporary:
        temporary.write_bytes(content)


def write_json_atomically(path: Path, data: Any) -> None:
    """Write JSON in the order of its keys; values that JSON cannot hold (NaN) are errors."""
    write_bytes_atomically(path, json_bytes(data))


def json_bytes(data: Any) -> bytes:
    """The bytes that `write_json_atomically` writes."""
    # Not in ASCII: the pairs that stand for characters beyond U+FFFF are two others in YAML.
    return f"{json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False)}\n".encode()


def without_nan(data: object) -> object:
    """Replace values that are not finite by None, which JSON can hold."""
    if isinstance(data, dict):
        return {key: without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [without_nan(value) for value in data]
    if isinstance(data, float) and data - data != 0:
        return None
    return data
