"""What an unfinished run keeps in a folder of its own, to go on from if it is ended."""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tlstudy.storage.errors import UserError
from tlstudy.storage.files import durable_path, write_durably

log = logging.getLogger(__name__)

MANIFEST, LOCK = "manifest", "lock"
Tensors = Mapping[str, torch.Tensor]


class Scratch:
    """The scratch folder of one run, held by one process at a time.

    A manifest names the other files with their checksums and is written after them, so the folder
    is at every moment what it was before or after a change. Nothing that is wrong with the folder
    ends a run: it is told in the log, and the run does without.

    Args:
        belongs_to: all that decides the run's numbers; what was kept for another is not used.
        began: when the run began in this process, by `time.monotonic`.
    """

    def __init__(self, folder: Path, belongs_to: Mapping[str, Any], began: float):
        self.folder, self.began = folder, began
        self._kept = {
            "belongs_to": json.loads(json.dumps(belongs_to)),  # as it is read back
            "seconds": 0.0,
            "resumed_after_epochs": [],
            "values": {},
            "checkpoint": None,
            "files": {},
        }
        self._lock = self._locked()
        if self.held:
            self._take_up()
            self._tidy()
        self._seconds_before = self._kept["seconds"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock:
            self._lock.release()

    @property
    def held(self) -> bool:
        """Whether no other process can be at this run, and what is kept stays."""
        return self._lock is not None

    @property
    def resumed_after_epochs(self) -> list[int]:
        """Epochs that were done each time when the run was taken up again."""
        return self._kept["resumed_after_epochs"]

    @property
    def checkpoint(self) -> dict | None:
        """What was kept last, its files apart; None if nothing was."""
        return self._kept["checkpoint"]

    def seconds(self) -> float:
        """Time that the run took so far, in this process and in those before."""
        return self._seconds_before + time.monotonic() - self.began

    def value(self, name: str, compute: Callable[[], Any]) -> Any:
        """A value that JSON can hold: the one that was kept, or else computed and kept."""
        values = self._kept["values"]
        if name not in values:
            values[name] = compute()
            self._attempt(self._write_manifest)
        return values[name]

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors of a file of the checkpoint, on the processor."""
        return load_file(self.folder / name)

    def keep(
        self, checkpoint: dict, files: Mapping[str, Tensors], besides: Iterable[str] = ()
    ) -> None:
        """Keep a checkpoint in the place of the one before, or that one if it cannot be kept.

        Args:
            files: new files by name; none may have the name of one that is there.
            besides: names of files of the checkpoint before that belong to this one too.
        """
        before = dict(self._kept)

        def write() -> None:
            written = {name: self._write_tensors(name, tensors) for name, tensors in files.items()}
            stay = {name: self._kept["files"][name] for name in besides}
            self._kept |= {"checkpoint": checkpoint, "files": stay | written}
            self._write_manifest()

        if not self._attempt(write):
            self._kept = before
        self._tidy()

    def remove(self) -> None:
        """Remove the folder: the run's results are there."""
        if self.held:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _locked(self) -> FileLock | None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # A lock of another kind would stay for ever when its process is lost.
            lock = FileLock(self.folder / LOCK, fallback_to_soft=False)
            lock.acquire(timeout=0)
        except Timeout:
            log.warning("%s: another process holds it; no checkpoints are kept here", self.folder)
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or error
            log.warning("%s: no checkpoints are kept (%s)", self.folder, reason)
        else:
            return lock
        return None

    def _take_up(self) -> None:
        """Use what was kept if it is whole and this run's own."""
        try:
            kept = self._read_manifest()
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            log.warning("%s: damaged; the run starts anew", self.folder / MANIFEST)
            return
        if others := _differing(kept["belongs_to"], self._kept["belongs_to"]):
            text = "%s: was kept for a run of other %s; the run starts anew"
            log.warning(text, self.folder, ", ".join(others))
            return
        for name, digest in kept["files"].items():
            if not self._is(name, digest):
                log.warning("%s: damaged; the run starts anew", self.folder / name)
                return
        self._kept = kept
        self.resumed_after_epochs.append(kept["checkpoint"]["epochs"] if kept["checkpoint"] else 0)

    def _read_manifest(self) -> dict:
        digest, _, content = (self.folder / MANIFEST).read_bytes().partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            raise ValueError("not what was written")
        return json.loads(content)

    def _write_manifest(self) -> None:
        self._kept["seconds"] = self.seconds()
        content = json.dumps(self._kept).encode()
        digest = hashlib.sha256(content).hexdigest().encode()
        write_durably(self.folder / MANIFEST, digest + b"\n" + content)

    def _write_tensors(self, name: str, tensors: Tensors) -> str:
        with durable_path(self.folder / name) as temporary:
            save_file(dict(tensors), temporary)
            return _digest(temporary)

    def _is(self, name: str, digest: str) -> bool:
        try:
            return _digest(self.folder / name) == digest
        except OSError:
            return False

    def _attempt(self, write: Callable[[], None]) -> bool:
        """Whether it was written."""
        if not self.held:
            return False
        try:
            write()
        except (OSError, SafetensorError, UserError) as error:
            log.warning("%s: no checkpoint is kept now (%s)", self.folder, error)
            return False
        return True

    def _tidy(self) -> None:
        """Remove what no checkpoint needs, left by a process that was ended among others."""
        if self.held:
            with suppress(OSError):
                for file in self.folder.iterdir():
                    if file.name not in {MANIFEST, LOCK, *self._kept["files"]}:
                        file.unlink()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _differing(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [key for key in kept | wanted if kept.get(key) != wanted.get(key)]
