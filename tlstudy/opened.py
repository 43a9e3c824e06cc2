"""A study from Python: `study = tlstudy.open("results/quick")`; tables, figures and predictions."""

import os
import re
from collections import ChainMap
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tlstudy.config.catalogue import figure_names, study_figure_names
from tlstudy.config.given import given_study
from tlstudy.config.hints import did_you_mean
from tlstudy.config.named_runs import check_arm, find_run
from tlstudy.config.quantities import USUAL, known_quantity
from tlstudy.config.settings import Study
from tlstudy.config.study import Run, runs
from tlstudy.config.tables import ALL_TABLES
from tlstudy.jobs import paths
from tlstudy.storage.columns import ANSWERS_OF_A_RUN
from tlstudy.storage.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

    from tlstudy.jobs.tables import TablesOnDemand

# Words that are the unit where they stand in the description of a column of fractions.
UNIT = re.compile(r"\b(nats|degrees(?! of freedom)|seconds|GiB|0 to 1|(?:signed )?ratio)\b")
SHARE = "share, 0 to 1"
# Columns whose descriptions say another unit or none.
UNITS = {"cosine": "", "explained_variance_1": SHARE, "explained_variance_2": SHARE}
UNITS |= dict.fromkeys(("no_root", "several_roots", "exact"), SHARE)
UNITS |= {"large_error": "ratio"}
# What `predictions` adds to what is stored.
ANSWER = {
    "answer": (
        "int16",
        "class that it was taken for, with the BatchNorm statistics that the arm reports",
    ),
    "right": ("bool", "whether that is its class"),
}
COMPARED = {
    "subset_size": "number of training images",
    "quantity": "what is compared, see `tlstudy claims --quantities`",
    "unit": "of first, second, difference, low and high",
    "first": "mean of the first arm over its seeds",
    "second": "mean of the second arm over its seeds",
    "difference": "mean of the second less the first, over the seeds that both have",
    "low": "lower end of its 95 % interval",
    "high": "upper end",
    "seeds": "those seeds",
    "images": "test images that the interval is over, beside the seeds; empty if over seeds alone",
}


class RunKey(NamedTuple):
    """What names a run."""

    arm: str
    subset_size: int
    seed: int


class OpenedStudy:
    """A study with its results, read when they are first asked for. Nothing is written.

    Tables are pandas data frames. `frame.attrs["units"]` has the unit of each column that has one,
    `frame.attrs["columns"]` what each column is.

    Attributes:
        settings: the study's configuration, sweeps expanded and defaults filled in.
        folder: where its results are.
    """

    def __init__(self, settings: Study):
        self.settings = settings
        self.folder = paths.study_folder(settings)

    def __repr__(self) -> str:
        arms, seeds = len(self.settings.arms), len(self.settings.seed)
        return f"<study {self.settings.study}: {arms} arms, {seeds} seeds, in {self.folder}>"

    @property
    def arms(self) -> dict[str, str]:
        """Names of the arms, each with its label."""
        return {name: arm.label or name for name, arm in self.settings.arms.items()}

    @cached_property
    def _tables(self) -> "TablesOnDemand":
        from tlstudy.jobs.tables import TablesOnDemand

        return TablesOnDemand(self.settings)

    def table(self, name: str) -> "pd.DataFrame":
        """A table by name: runs, metrics, layers, findings, claims, ladder, encoder, ...

        Raises:
            UserError: there is none of that name, or it is not made yet.
        """
        if (name := str(name)) not in ALL_TABLES:
            hint = did_you_mean(name, ALL_TABLES)
            raise UserError(f"table '{name}': {hint}tables are {', '.join(ALL_TABLES)}.")
        frame = self._tables[name].copy()
        frame.attrs = with_units(ALL_TABLES[name])
        return frame

    @property
    def runs(self) -> "pd.DataFrame":
        """A row for each run: its settings and its reported and final values."""
        return self.table("runs")

    @property
    def metrics(self) -> "pd.DataFrame":
        """A row for each run and epoch: losses, accuracies, gradients, changes of weights."""
        return self.table("metrics")

    @property
    def layers(self) -> "pd.DataFrame":
        """A row for each run, epoch and tensor of weights: how far it moved."""
        return self.table("layers")

    @property
    def claims(self) -> "pd.DataFrame":
        """A row for each claim and number of training images: value, interval and verdict.

        mean, low, high, smallest, largest and effect are in the unit in the column `unit`.
        """
        return self.table("claims")

    def summary(self) -> "pd.DataFrame":
        """A row for each arm and number of training images: means, 95 % intervals, differences.

        Columns: see `tlstudy.report.exported.results_frame`; `tlstudy export` writes the same.
        """
        from tlstudy.report.exported import results_frame

        return results_frame(self.settings)

    def values(self, quantity: str) -> "pd.DataFrame":
        """A quantity of each run: a row for each subset size and seed, a column for each arm.

        Args:
            quantity: one of `tlstudy claims --quantities`.

        Returns:
            NaN where a run diverged or was not measured. `attrs["unit"]` is the values' unit, and
            `attrs["units"]` that of each column.

        Raises:
            UserError: there is no such quantity, or the tables are not made yet.
        """
        from tlstudy.audit.quantities import values_of

        known = known_quantity(str(quantity))
        frame = values_of(self._tables, quantity).unstack("arm")[list(self.settings.arms)]
        frame.attrs = {"unit": known.unit, "units": dict.fromkeys(frame, known.unit)}
        return frame

    def compare(
        self,
        first: str,
        second: str,
        quantities: str | Sequence[str] = USUAL,
    ) -> "pd.DataFrame":
        """Two arms seed by seed, as `tlstudy compare` has them: the second less the first.

        Args:
            quantities: those of `tlstudy claims --quantities`.

        Returns:
            A row for each number of training images and quantity: the mean of each arm over its
            seeds; over the seeds that both have the mean difference, with its 95 % interval (NaN
            with fewer than five), these seeds, and the number of test images that the interval is
            over too. `attrs["reservations"]` says why a difference may not mean what it seems to.
            `values` has the values seed by seed.

        Raises:
            UserError: there is no such arm or quantity, or the tables are not made yet.
        """
        import pandas as pd

        from tlstudy.audit.compared import Side, compare_arms, reservations

        quantities = (
            [quantities] if isinstance(quantities, str) else list(map(str, quantities or ()))
        )
        if not quantities:
            raise UserError("quantities: none is named; see `tlstudy claims --quantities`.")
        for name in (first, second):
            check_arm(self.settings, name)
        for name in quantities:
            known_quantity(name)
        one, other = (Side(self.settings, name, self._tables) for name in (first, second))
        rows = []
        for row in compare_arms(one, other, quantities):
            found = {"subset_size": row.subset_size, "quantity": row.quantity, "unit": row.unit}
            found |= {name: summary.plain_mean for name, summary in row.summaries.items()}
            ends = {"low": row.difference.low, "high": row.difference.high}
            rows.append(found | ends | {"seeds": row.seeds, "images": row.difference.images})
        numbers = ("first", "second", "difference", "low", "high")
        frame = pd.DataFrame(rows).astype(dict.fromkeys(numbers, float) | {"images": "Int64"})
        units = dict.fromkeys(numbers, "as the column unit says")
        if frame["unit"].nunique() == 1:
            units = dict.fromkeys(numbers, frame["unit"].iloc[0])
        frame.attrs = {"units": units, "columns": COMPARED}
        frame.attrs["reservations"] = reservations(one, other)
        return frame

    def figure_names(self) -> list[str]:
        """Names of the figures that this study has."""
        return [*figure_names(self.settings), *study_figure_names(self.settings)]

    def figure(self, name: str, subset_size: int | None = None) -> "Figure":
        """A figure of the report, to look at, to draw on (`figure.axes`) and to save.

        Args:
            name: one of `figure_names()`, such as ladder, results or loss-new.
            subset_size: the number of training images; the study's first if not given. A figure of
                all numbers takes none.

        Raises:
            UserError: the study has no such figure or size, its tables are not made yet, or a
                landscape that it shows is missing or damaged.
        """
        from tlstudy.jobs.tables import read_landscapes
        from tlstudy.report.figures import OfSize, draw, style

        name, names = str(name), self.figure_names()
        if name not in names:
            raise UserError(
                f"figure '{name}': {did_you_mean(name, names)}{self.settings.study} has "
                f"{', '.join(names)}."
            )
        of_size = name in figure_names(self.settings)
        if subset_size is not None and not of_size:
            raise UserError(f"figure '{name}': shows all subset sizes; leave subset_size out.")
        size = self._size(subset_size) if of_size else None
        drawn = read_landscapes(self.settings) if name.startswith("landscape-") else []
        tables = ChainMap({"landscapes": drawn}, OfSize(self._tables, size))
        with style.look(name):
            return draw(self.settings, name, tables, size)

    def predictions(self, run: "Mapping[str, Any] | pd.Series | Sequence[Any]") -> "pd.DataFrame":
        """What a run took each test image for, after its last epoch.

        Args:
            run: a row of `runs`, or (arm, subset size, seed).

        Returns:
            A row for each test image: image (its place in `test_images`), label,
            answer (with the BatchNorm statistics that the arm reports), right, and the answers
            with each kind of statistics, missing where they were not asked for.

        Raises:
            UserError: the study has no such run, or its results are not there.
        """
        from tlstudy.storage.reading import read_table

        found = self._run(run)
        file = paths.folder_of_run(self.settings, found) / paths.ANSWERS
        frame = read_table(file, "train", ANSWERS_OF_A_RUN)
        answers = [name for name in frame if name.startswith("answer_")]
        frame = frame.astype(dict.fromkeys(answers, "Int16"))  # which may be missing
        answer = frame[f"answer_{found.settings.batchnorm}"]
        frame.insert(2, "answer", answer)
        frame.insert(3, "right", answer == frame["label"])
        frame.attrs = with_units({name: (ANSWERS_OF_A_RUN | ANSWER)[name] for name in frame})
        return frame

    def test_images(self, run: "Mapping[str, Any] | pd.Series | Sequence[Any]") -> "np.ndarray":
        """The test images of a run's target, as they are stored: before any transform or resizing.

        Args:
            run: as for `predictions`, whose column `image` is a place among them.

        Returns:
            (N, H, W) or (N, H, W, 3) uint8.

        Raises:
            UserError: the study has no such run, or its images are not in the cache; it says
                what to type.
        """
        from tlstudy.data.stored import load_images

        target = self._run(run).settings.target
        return load_images(paths.images_folder(self.settings.cache, target), "test")[0]

    def _run(self, run: "Mapping[str, Any] | pd.Series | Sequence[Any]") -> Run:
        keys = RunKey._fields
        if len(getattr(run, "shape", ())) == 2:  # a data frame
            if len(run) != 1:
                raise UserError(f"run: must be one row of `runs`; found {len(run)} rows.")
            run = run.iloc[0]
        try:
            key = RunKey(*((run[name] for name in keys) if hasattr(run, "keys") else run))
            named = RunKey(str(key.arm), int(key.subset_size), int(key.seed))
        except (KeyError, TypeError, ValueError):
            found = f"a {type(run).__name__}" if hasattr(run, "keys") else repr(run)
            example = next(iter(runs(self.settings)), None)
            such = f", such as {example.key}" if example else ""
            raise UserError(
                f"run: found {found}; must be a row of `runs`, or (arm, subset size, seed){such}."
            ) from None
        return find_run(self.settings, *named)

    def _size(self, size: int | None) -> int:
        sizes = self.settings.subset_size
        if size is not None and size not in sizes:
            raise UserError(f"subset_size: found {size}; {self.settings.study} has {sizes}.")
        return sizes[0] if size is None else size


def open_study(*files: str | os.PathLike[str], changes: str | Sequence[str] = ()) -> OpenedStudy:
    """A study by its folder of results, such as results/quick, or by its study files.

    Args:
        files: as the commands take them: a folder of results, or study files on top of config.yaml.
        changes: on top of study files, such as "arms.new.epochs=3"; one or several.

    Raises:
        UserError: a sentence for each mistake.
    """
    changes = [changes] if isinstance(changes, str) else changes
    return OpenedStudy(given_study([Path(file) for file in files], changes))


def with_units(columns: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    """Units and descriptions of a table's columns, as they go into `DataFrame.attrs`."""
    numbers = {name: text for name, (kind, text) in columns.items() if kind.startswith("float")}
    found = {name: UNIT.search(text) for name, text in numbers.items()}
    units = {name: match[1] for name, match in found.items() if match}
    units = {name: SHARE if unit == "0 to 1" else unit for name, unit in units.items()}
    units |= {name: UNITS[name] for name in numbers if name in UNITS}
    return {
        "units": {name: unit for name, unit in units.items() if unit},
        "columns": {name: text for name, (_, text) in columns.items()},
    }
