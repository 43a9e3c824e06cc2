"""The table of measurements: what can be measured on a run after its training."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from tlstudy.config.fields import Selection
from tlstudy.storage.columns import Columns

log = logging.getLogger(__name__)

# One entry a measurement, in the order of the workflow. Modules are named as text because this
# package may not import `measures`: a measurement is loaded like a plug-in.
MODULES = (
    "tlstudy.measures.landscape",
    "tlstudy.measures.curvature",
    "tlstudy.measures.encoder",
    "tlstudy.measures.reuse",
    "tlstudy.measures.invariance",
    "tlstudy.measures.features",
    "tlstudy.measures.baselines",
)
# Packages that are installed beside tlstudy add measurements under this entry point.
ENTRY_POINTS = "tlstudy.measurements"


def _no_check(study: Any) -> Iterator[str]:
    yield from ()


def few_enough_test_images(study: Any, name: str) -> Iterator[str]:
    """A sentence where a measurement looks at more test images than the evaluation has."""
    settings, most = getattr(study, name), study.evaluation.final_images
    if settings.seeds and settings.test_images > most:
        yield (
            f"{name}.test_images: found {settings.test_images}; must be at most "
            f"evaluation.final_images ({most})."
        )


@dataclass(frozen=True)
class Measurement:
    """Everything that the workflow needs to know of a measurement.

    Attributes:
        name: key of its settings; also its command, step, rule and file. No other command, step
            or key of the configuration may have it.
        title: what is measured, to be read before "of <run>".
        help: one sentence for the command.
        settings: model of its settings; they name the runs that are measured.
        measure: from a `networks.fine_tuned.FineTuned` and the settings to the rows of its table,
            or to a mapping. Import PyTorch inside it: the workflow reads this module on every
            call.
        columns: type and description with units of each column of its table, the run's keys
            apart; None if it leaves JSON instead.
        passes: from the study and a run to the forward passes of one image, in float32, that take
            as long as the job.
        memory_mb: memory of its passes, MB: resnet50, 64 images of 128 x 128.
        check: from the study to sentences on settings that contradict others of the study.
        on_one_core: whether it computes there, whatever there is; its jobs ask for no GPU.
    """

    name: str
    title: str
    help: str
    settings: type[Selection]
    measure: Callable[[Any, Any], Iterable[dict[str, Any]] | dict[str, Any]]
    columns: Columns | None
    passes: Callable[[Any, Any], float]
    memory_mb: int
    check: Callable[[Any], Iterator[str]] = _no_check
    on_one_core: bool = False

    @property
    def file(self) -> str:
        """Name of its result in a run's folder."""
        return f"{self.name}.json" if self.columns is None else f"{self.name}.parquet"


@cache
def measurements() -> dict[str, Measurement]:
    """All measurements by name: those of this package, then those of installed packages.

    One of another package that cannot be loaded, or that has the name of an earlier one, is left
    out with a warning.
    """
    found = [import_module(name).MEASUREMENT for name in MODULES]
    table = {measurement.name: measurement for measurement in found}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        try:
            loaded = point.load()  # the module, or what it names in it
            measurement = getattr(loaded, "MEASUREMENT", loaded)
            if measurement.name in table:
                raise ValueError(f"there is another measurement '{measurement.name}'")
        except Exception as error:
            log.warning("measurement %s (%s) is left out: %s", point.name, point.value, error)
            continue
        table[measurement.name] = measurement
    return table


def measured_tables() -> dict[str, Columns]:
    """Columns of the tables of measurements by name, without the run's keys."""
    return {
        name: measurement.columns
        for name, measurement in measurements().items()
        if measurement.columns is not None
    }
