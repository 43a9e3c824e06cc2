"""The watcher as its user sees it: it looks at a training, and changes no number of it."""

import atexit
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tlstudy.watching.calls import PendingCalls
from tlstudy.watching.examples import fingerprints_of
from tlstudy.watching.finding import Finding, counted, report_text
from tlstudy.watching.hooks import Hooks
from tlstudy.watching.judge import findings, unjudged
from tlstudy.watching.seen import Seen
from tlstudy.watching.table import Row, own_path, write_table
from tlstudy.watching.weights import Weights, optimisers_of

Optimiser = torch.optim.Optimizer


class Watch:
    """Watches a network and its optimiser until it is closed."""

    def __init__(
        self,
        model: nn.Module,
        optimiser: Optimiser | Iterable[Optimiser],
        *,
        classes: int | None = None,
        path: str | Path | None = "watch.csv",
        test_images: Any = None,
    ):
        """Begin to watch.

        Args:
            optimiser: one optimiser, or several if each trains a part of the network.
            classes: number of classes, for the command that audits the table; if not given, it is
                taken from the outputs of the network.
            path: file for the table of epochs; an existing file is replaced, unless it is of
                another watcher of this process: then -2 is added to the name. None: no table.
            test_images: a tensor (N, ...) in the form that the network gets, or a data set or
                loader of such examples, with or without labels after them.

        Raises:
            TypeError: these are not a network and optimisers, in this order; or classes is no
                whole number, or test_images no tensor, data set or loader.
            IsADirectoryError: path is a folder.
        """
        self._optimisers = optimisers_of(model, optimiser)
        if not (classes is None or isinstance(classes, int)):
            raise TypeError(f"classes is {classes!r}; a whole number is wanted")
        can_be_read = hasattr(test_images, "__getitem__") or hasattr(test_images, "__iter__")
        if test_images is not None and not can_be_read:
            raise TypeError(
                f"test_images is {test_images!r}; a tensor, a data set or a loader is wanted"
            )
        self.model = model
        self.path = self._asked = Path(path) if path is not None else None
        if self.path and self.path.is_dir():
            raise IsADirectoryError(f"path is a folder; a file in it is wanted: {self.path}")
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self.rows: list[Row] = []
        self._test_images = test_images
        self._seen = Seen(optimisers=len(self._optimisers))
        self._weights = Weights(model, self._optimisers, self._seen)
        self._calls = PendingCalls(self._seen)
        self._hooks = Hooks(
            model, self._optimisers, self._seen, self._weights, self._calls, classes
        )
        self._refused: dict[str, str] = {}  # by name, what was given in place of a number
        self._begin_epoch()
        self._reported = False
        self._process = os.getpid()
        atexit.register(self._at_exit)

    @contextmanager
    def epoch(self) -> Iterator["Watch"]:
        """Around all that belongs to an epoch, its evaluation too."""
        yield self
        self.end_epoch()

    def log(self, **values: float | None) -> None:
        """Give values of this epoch, such as test_loss, in place of those that are seen.

        What is no number is left out, and the report says so.
        """
        for name, value in values.items():
            try:
                self._given[name] = None if value is None else float(value)
            except Exception:  # of whatever a value may be; none may end a training
                shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
                self._refused[name] = f"{type(value).__name__}{shape}"
        self._seen.test_values_given |= any(name.startswith("test_") for name in values)

    def end_epoch(self, **values: float | None) -> None:
        """Call once an epoch, after its evaluation; not inside `epoch()`."""
        self.log(**values)
        self._hooks.safe(self._add_row)()
        self._begin_epoch()

    def _add_row(self) -> None:
        self._hooks.settle_all()
        self._weights.look()
        seen, calls = self._seen, self._calls
        seen.epochs += 1
        seen.examples.end_epoch()
        seen.longest_epoch = max(seen.longest_epoch, calls.steps_of_epoch)
        row: Row = {"epoch": seen.epochs, **calls.train.row("train")}
        if self._weights.norm is not None:
            row["gradient_norm"] = float(self._weights.norm)
        row["learning_rate"] = float(self._optimisers[0].param_groups[0]["lr"])
        row |= calls.test.row("test")
        if calls.test.examples:
            row["test_images"] = calls.test.examples
        self.rows.append(row | self._given)
        if self.path:
            if len(self.rows) == 1:
                self.path = own_path(self.path)
            write_table(self.path, self.rows)

    @property
    def classes(self) -> int | None:
        """Number of classes, as it was given or seen; None if neither."""
        return self._hooks.classes

    @property
    def findings(self) -> list[Finding]:
        """What was found until now."""
        self._hooks.safe(self._hooks.settle_all)()
        self._hooks.safe(self._weights.look)()
        if self._test_images is not None and self._seen.examples.given is None:
            self._look_at_test_images()
        return findings(self._seen)

    def _look_at_test_images(self) -> None:
        """They may be anything: an error ends neither the training nor the watch."""
        try:
            self._seen.examples.given = fingerprints_of(self._test_images, self._hooks.tensors)
        except Exception as error:
            self._seen.examples.given = set()
            self._seen.failed_checks["test_images"] = f"{type(error).__name__}: {error}"

    def report(self) -> str:
        """The findings until now, as a text: what was seen, why it matters, what to do."""
        self._reported = True
        found, seen = self.findings, self._seen
        heading = f"{counted(seen.epochs, 'epoch')}, {counted(seen.steps, 'step')}"
        table = ""
        if self.path and self.rows:
            option = f" --classes {self.classes}" if self.classes else ""
            table = f"  The table of epochs: tlstudy audit {self.path}{option}"
            if self.path != self._asked:
                table += f"\n  ({self._asked} is the table of another watcher)"
        missing = unjudged(seen)
        for name, what in self._refused.items():
            missing.append(f"the value {name}: a number is wanted, and it was a {what}.")
        if self._hooks.stopped:
            step = seen.steps + 1
            missing.append(
                f"anything from step {step} on: the watcher failed ({self._hooks.stopped})."
            )
        return report_text(found, heading, missing, table)

    def close(self) -> None:
        """Remove all hooks; the report can still be asked for."""
        self._hooks.remove()
        atexit.unregister(self._at_exit)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _at_exit(self) -> None:
        was_used = self._seen.steps or self._calls
        if not self._reported and was_used and os.getpid() == self._process:
            print(self.report())
        self.close()

    def _begin_epoch(self) -> None:
        self._calls.begin_epoch()
        self._given: dict[str, float | None] = {}


watch = Watch  # read as what it does: tlstudy.watch(model, optimiser)
