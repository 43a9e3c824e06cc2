"""Runs from files and folders that training programs leave: docs/audit-format.md says which."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tlstudy.audit.own_runs import folders
from tlstudy.audit.own_runs.classes import classes_told
from tlstudy.audit.own_runs.columns import AXIS, PLAIN, RUN, chosen
from tlstudy.audit.own_runs.formats import read_file, tensorboard
from tlstudy.audit.own_runs.names import task_of, understood
from tlstudy.audit.own_runs.raw import File, RawTable
from tlstudy.audit.own_runs.rows import Run, runs_of
from tlstudy.audit.own_runs.shapes import of_series, shaped
from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.storage.errors import UserError

# Files of a folder that are looked at. A file that is named is, whatever it is called.
SUFFIXES = (".csv", ".tsv", ".txt", ".log", ".json", ".jsonl", ".ndjson", ".parquet")
LOSSES = ("train_loss", "test_loss_running")


@dataclass(frozen=True)
class Source:
    """A file or a folder, as it was read.

    Attributes:
        columns: by this project's name, what a column is called there.
        notes: sentences on what was done to it.
        unread: columns that no sentinel reads.
    """

    path: Path
    runs: list[Evidence]
    columns: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """What the user says of all files.

    Attributes:
        renamed: for columns of this project, what they are called in the tables.
        classes: number of classes; None to take it from the losses where they tell.
        test_images: number of test images of every epoch; None to take it from the tables.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    classes: int | None = None
    test_images: int | None = None


def read_each(paths: Iterable[Path], options: Options) -> tuple[list[Source], list[UserError]]:
    """The runs of each file and folder that can be read. Single curves are joined to runs.

    Returns:
        What was read, and why the others were not.
    """
    sources: list[Source] = []
    refused: list[UserError] = []
    tables: dict[Path, list[list[tuple[Path, RawTable]]]] = {}
    for path in paths:
        try:
            if path.is_dir() and folders.is_run(path):
                found = folders.read_folder(path)
                runs = [replace(run, classes=options.classes or run.classes) for run in found]
                sources.append(Source(path, runs))
            elif path.is_dir():
                sources += _of_folder(path, options)
            elif path.is_file():
                read = [(path, table) for table in read_file(File(path))]
                tables.setdefault(path.parent, []).append(read)
            else:
                missing = not path.exists()  # a pipe is there
                reason = "no such file or folder" if missing else "is neither a file nor a folder"
                raise UserError(f"{path}: {reason}.")
        except UserError as error:
            refused.append(error)
        except OSError as error:
            refused.append(UserError(f"{error.filename}: {error.strerror}."))
    for files in tables.values():
        for group in _with_curves_together(files):
            try:
                sources += _of_tables(group, options)
            except UserError as error:
                refused.append(error)
    return sources, refused


def _with_curves_together(
    files: list[list[tuple[Path, RawTable]]],
) -> Iterator[list[tuple[Path, RawTable]]]:
    """The curves of several files as one group, and the other tables of each file."""
    curves = [each for file in files for each in file if each[1].series is not None]
    others = ([each for each in file if each[1].series is None] for file in files)
    yield from filter(None, [curves, *others])


def _of_tables(found: list[tuple[Path, RawTable]], options: Options) -> Iterator[Source]:
    """A source for each file, and one for the curves of several files."""
    curves = [(path, table) for path, table in found if table.series is not None]
    by_path: dict[Path, list[RawTable]] = {}
    for path, table in found:
        if table.series is None:
            by_path.setdefault(path, []).append(table)
    if curves:
        by_path.setdefault(curves[0][0], []).extend(of_series(table for _, table in curves))
    for path, tables in by_path.items():
        yield _of_file(path, tables, options)


def _of_file(path: Path, tables: list[RawTable], options: Options) -> Source:
    columns_of, notes, unread, runs, names = {}, [], [], [], []
    refused = []
    for table in (part for each in tables for part in shaped(each)):
        try:
            columns = chosen(table.frame, options.renamed, path)
            runs += runs_of(columns, table.name)
        except UserError as error:
            refused.append(error)
            continue
        columns_of |= columns.theirs
        notes += [*table.notes, *columns.notes]
        unread += columns.unread
        names += list(table.frame)
    if not runs:
        raise refused[0]
    if refused:
        notes.append(f"{len(refused)} other tables of the file were not read")
    task = task_of(names) if not any("accuracy" in name for name in columns_of) else None
    losses = [columns_of[name] for name in LOSSES if name in columns_of]
    summands = any(understood(theirs).extra for theirs in losses)
    told = None
    if not (task or summands or options.classes):
        told = classes_told(run.metrics for run in runs)
    if told:
        notes.append(f"{told[0]} classes: {told[1]}")
    elif not options.classes:
        notes.append("the number of classes is unknown: name it with --classes")
    classes = options.classes or (told and told[0])
    evidences = [_evidence(run, classes, options.test_images) for run in runs]
    plain = {full: name for name, full in PLAIN.items()}
    shown = {plain.get(ours, ours): theirs for ours, theirs in columns_of.items()}
    kept = [name for name in dict.fromkeys(unread) if name not in AXIS]
    return Source(path, evidences, shown, list(dict.fromkeys(notes)), kept)


def _evidence(run: Run, classes: int | None, images: int | None) -> Evidence:
    metrics = run.metrics if images is None else run.metrics.assign(test_images=images)
    # Sentinels ask for columns a thousand times; Arrow's text is slow to look up.
    metrics.columns = metrics.columns.astype(object)
    return Evidence(
        arm=str(run.names.get(RUN, run.names.get("arm"))),
        subset_size=run.names.get("subset_size"),
        seed=run.names.get("seed"),
        metrics=metrics,
        classes=classes,
        not_finite=run.not_finite,
    )


def _events_below(folder: Path) -> tuple[list[tuple[Path, RawTable]], list[UserError]]:
    """TensorBoard's curves in a folder and below it, and why some events could not be read."""
    curves, refused = [], []
    places = {file.parent for file in folder.rglob(tensorboard.PATTERN) if file.is_file()}
    for place in sorted(places):
        run = place.relative_to(folder).as_posix() if place != folder else ""
        try:
            table = tensorboard.read_events(place, folder.resolve().name)
        except UserError as error:  # such as of a writer that was opened, and wrote nothing
            refused.append(error)
        else:
            curves.append((folder, replace(table, series=run)))
    return curves, refused


def _of_folder(folder: Path, options: Options) -> list[Source]:
    """What is known among a folder's files, and TensorBoard's events below it."""
    curves, refused = _events_below(folder)
    files = [curves]
    for path in sorted(folder.iterdir()):
        suffix = Path(path.name.lower().removesuffix(".gz")).suffix
        if suffix not in SUFFIXES or not path.is_file():
            continue
        try:
            files.append([(path, table) for table in read_file(File(path))])
        except UserError as error:
            refused.append(error)
    sources: list[Source] = []
    for group in _with_curves_together(files):
        try:
            sources += _of_tables(group, options)
        except UserError as error:
            refused.append(error)
    if not sources:
        reason = f" ({refused[0].message.rstrip('.')})" if refused else ""
        raise UserError(
            f"{folder}: found no run.json, no events of TensorBoard and no table of epochs"
            f"{reason}; must be the folder of a run, or name a file in it."
        )
    if refused:
        sources[-1].notes.append(f"{len(refused)} other files of {folder} were not read")
    return sources
