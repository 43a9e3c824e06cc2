"""Files that are there whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tlstudy.errors import UserError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it on success and removed on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write a whole file or none."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json_atomically(path: Path, data: Any) -> None:
    """Write JSON in the order of its keys; values that JSON cannot hold (NaN) are errors."""
    text = json.dumps(data, indent=1, allow_nan=False)
    write_bytes_atomically(path, f"{text}\n".encode())


def read_record(file: Path, command: str) -> dict:
    """A record that an earlier stage left.

    Raises:
        UserError: it is missing; names the command that makes it.
    """
    if not file.is_file():
        raise UserError(f"{file}: missing; run `tlstudy {command}`.")
    return json.loads(file.read_text(encoding="utf-8"))
