"""The watcher as a callback of Hugging Face's Trainer, which is imported only with this module."""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tlstudy.watching.watcher import Watch

NAMES = {"eval_loss": "test_loss", "eval_accuracy": "test_accuracy"}


class WatchCallback(TrainerCallback):
    """`Trainer(..., callbacks=[WatchCallback()])`; prints the report when the training ends."""

    def __init__(self, path: str | Path | None = "watch.csv", **options: Any):
        """See `Watch` for path and options."""
        self.watch: Watch | None = None
        self._options = {"path": path, **options}
        self._is_open = False
        self._losses: list[float] = []
        self._accumulates = False

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, optimizer: Any = None,
        **others: Any,
    ) -> None:  # fmt: skip
        """Begin; the optimiser may be in a wrapper, whose own hooks are not called."""
        self._accumulates = args.gradient_accumulation_steps > 1
        self.watch = Watch(model, getattr(optimizer, "optimizer", optimizer), **self._options)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """End the epoch before: evaluations come after their epoch has ended."""
        self._end_epoch()
        self._is_open = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
        """Note the training loss."""
        self._losses += [float(logs["loss"])] if logs and "loss" in logs else []

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **others: Any
    ) -> None:
        """Note what was evaluated."""
        if self.watch and self._is_open:
            known = {NAMES[name]: metrics[name] for name in NAMES if name in (metrics or {})}
            self.watch.log(**known)

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """End the last epoch and print the report."""
        self._end_epoch()
        print(self.watch.report())
        self.watch.close()

    def _end_epoch(self) -> None:
        if self._is_open:
            if self._accumulates:  # the network's loss is then a part of the step's
                losses = self._losses
                self.watch.log(train_loss=sum(losses) / len(losses) if losses else None)
            self.watch.end_epoch()
        self._is_open = False
        self._losses = []
