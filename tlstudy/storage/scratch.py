"""The checkpoint of an unfinished run, in a folder of its own."""

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
from tlstudy.storage.files import atomic_path, sha256, write_bytes_atomically

log = logging.getLogger(__name__)

MANIFEST, LOCK = "manifest", "lock"
Tensors = Mapping[str, torch.Tensor]


class Scratch:
    """The scratch folder of one run, held by one process at a time.

    A manifest lists the other files with their checksums. It is written after them, so the folder
    always holds a whole checkpoint. A problem with the folder never ends a run: the log says so,
    and the run goes on without checkpoints.

    Args:
        belongs_to: all that decides the run's numbers; a checkpoint of other numbers is not used.
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
        """Whether this process holds the folder."""
        return self._lock is not None

    @property
    def resumed_after_epochs(self) -> list[int]:
        """For each time the run was resumed: the epochs done before."""
        return self._kept["resumed_after_epochs"]

    @property
    def checkpoint(self) -> dict | None:
        """The last checkpoint without its files; None if there is none."""
        return self._kept["checkpoint"]

    def seconds(self) -> float:
        """Seconds that the run took so far, in this process and in those before."""
        return self._seconds_before + time.monotonic() - self.began

    def value(self, name: str, compute: Callable[[], Any]) -> Any:
        """The value kept under a name, else computed and kept; it must fit into JSON."""
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
        """Replace the checkpoint; if it cannot be written, the one before stays.

        Args:
            files: new files by name; no file of that name may exist.
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
            # A soft lock would stay for ever if its process were killed.
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
        """Use the checkpoint in the folder if it is whole and belongs to this run."""
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
            if not self._is_whole(name, digest):
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
        write_bytes_atomically(self.folder / MANIFEST, digest + b"\n" + content, durable=True)

    def _write_tensors(self, name: str, tensors: Tensors) -> str:
        with atomic_path(self.folder / name, durable=True) as temporary:
            save_file(dict(tensors), temporary)
            return sha256(temporary)

    def _is_whole(self, name: str, digest: str) -> bool:
        try:
            return sha256(self.folder / name) == digest
        except OSError:
            return False

    def _attempt(self, write: Callable[[], None]) -> bool:
        """Write unless the folder is not ours or cannot be written; whether it was written."""
        if not self.held:
            return False
        try:
            write()
        except (OSError, SafetensorError, UserError) as error:
            log.warning("%s: no checkpoint is kept now (%s)", self.folder, error)
            return False
        return True

    def _tidy(self) -> None:
        """Remove files that the checkpoint does not need, such as those of an ended process."""
        if self.held:
            with suppress(OSError):
                for file in self.folder.iterdir():
                    if file.name not in {MANIFEST, LOCK, *self._kept["files"]}:
                        file.unlink()


def _differing(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [key for key in kept | wanted if kept.get(key) != wanted.get(key)]
