"""The checkpoint of an unfinished run, in a folder of its own."""

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
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from tlstudy.storage.errors import UserError
from tlstudy.storage.files import atomic_path, write_bytes_atomically

log = logging.getLogger(__name__)

MANIFEST, LOCK = "manifest", "lock"


class Scratch:
    """The scratch folder of one run, held by one process at a time.

    A manifest names the other files and is written after them, so the folder always holds a whole
    checkpoint. Without the folder the run goes on without checkpoints, and the log says so.

    Args:
        belongs_to: all that decides the run's numbers; a checkpoint of other numbers is not used.
        began: when the run began in this process, by `time.monotonic`.

    Attributes:
        held: whether this process holds the folder.
    """

    def __init__(self, folder: Path, belongs_to: Mapping[str, Any], began: float):
        self.folder, self.began = folder, began
        self._kept = {
            "belongs_to": json.loads(json.dumps(belongs_to)),  # as it is read back
            "seconds": 0.0,
            "resumed_after_epochs": [],
            "values": {},
            "checkpoint": None,
            "files": [],
        }
        # A soft lock would stay for ever if its process were killed.
        self._lock = FileLock(folder / LOCK, fallback_to_soft=False)
        self.held = self._acquire()
        if self.held:
            self._take_up()
            self._tidy()
        self._seconds_before = self._kept["seconds"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

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
            self._write({})
        return values[name]

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors of a file of the checkpoint, on the processor."""
        return load_file(self.folder / name)

    def keep(
        self,
        checkpoint: dict,
        files: Mapping[str, Mapping[str, torch.Tensor]],
        besides: Iterable[str] = (),
    ) -> None:
        """Replace the checkpoint; if it cannot be written, the one before stays.

        Args:
            files: new files by name; no file of that name may exist.
            besides: names of files of the checkpoint before that belong to this one too.
        """
        before = self._kept
        self._kept = before | {"checkpoint": checkpoint, "files": [*besides, *files]}
        if not self._write(files):
            self._kept = before
        self._tidy()

    def remove(self) -> None:
        """Remove the folder: the run's results are there."""
        if self.held:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _acquire(self) -> bool:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            log.warning("%s: another process holds it; no checkpoints are kept here", self.folder)
        except OSError as error:
            log.warning("%s: no checkpoints are kept (%s)", self.folder, error)
        return self._lock.is_locked

    def _take_up(self) -> None:
        """Use the checkpoint in the folder if it is there and belongs to this run."""
        try:
            kept = json.loads((self.folder / MANIFEST).read_bytes())
            found, files = dict(kept["belongs_to"]), list(kept["files"])
            done = kept["checkpoint"]["epochs"] if kept["checkpoint"] else 0
        except FileNotFoundError:
            return
        # A disk that fails, or a manifest of an earlier version.
        except (OSError, ValueError, TypeError, KeyError):
            log.warning("%s: cannot be read; the run starts anew", self.folder / MANIFEST)
            return
        wanted = self._kept["belongs_to"]
        others = [key for key in found | wanted if found.get(key) != wanted.get(key)]
        # Scratch disks are often cleared of old files, or full.
        lost = [name for name in files if not _is_whole(self.folder / name)]
        if others:
            text = "%s: was kept for a run of other %s; the run starts anew"
            log.warning(text, self.folder, ", ".join(others))
        elif lost:
            log.warning("%s: missing or cut off; the run starts anew", self.folder / lost[0])
        else:
            self._kept = kept
            self.resumed_after_epochs.append(done)

    def _write(self, files: Mapping[str, Mapping[str, torch.Tensor]]) -> bool:
        """Write files, then the manifest, unless the folder is not ours; whether that was done."""
        if not self.held:
            return False
        self._kept["seconds"] = self.seconds()
        try:
            for name, tensors in files.items():
                with atomic_path(self.folder / name, durable=True) as temporary:
                    save_file(dict(tensors), temporary)
            content = json.dumps(self._kept).encode()
            write_bytes_atomically(self.folder / MANIFEST, content, durable=True)
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


def _is_whole(file: Path) -> bool:
    """Whether a file of tensors is there with all its bytes."""
    try:
        with safe_open(file, "pt"):
            return True
    except (OSError, SafetensorError):
        return False
