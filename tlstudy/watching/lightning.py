"""The watcher as a callback of Lightning, which is imported only with this module."""

from pathlib import Path
from typing import Any

import lightning

from tlstudy.watching.watcher import Watch

# What people call their values, and what the table calls them.
NAMES = {
    **dict.fromkeys(("val_loss", "valid_loss", "test_loss"), "test_loss"),
    **dict.fromkeys(("val_acc", "val_accuracy", "test_acc", "test_accuracy"), "test_accuracy"),
}


class WatchCallback(lightning.Callback):
    """`Trainer(callbacks=[WatchCallback()])`; prints the report when the training ends."""

    def __init__(self, path: str | Path | None = "watch.csv", **options: Any):
        """See `Watch` for path and options."""
        self.watch: Watch | None = None
        self._options = {"path": path, **options}
        self._has_validated = False

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin; the optimisers are there."""
        self.watch = Watch(pl_module, trainer.optimizers, **self._options)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Note that there are values of this epoch: those of an earlier one stay logged."""
        self._has_validated = True

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """End the epoch; its validation is over."""
        logged = trainer.callback_metrics if self._has_validated else {}
        self._has_validated = False
        self.watch.end_epoch(**{NAMES[name]: logged[name] for name in NAMES if name in logged})

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Print the report."""
        print(self.watch.report())
        self.watch.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Print what was found until then."""
        if self.watch:
            self.on_fit_end(trainer, pl_module)
