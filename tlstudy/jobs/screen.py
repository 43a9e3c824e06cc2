"""One screen of a running study: the grid with epochs, the time left, and what failed."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tlstudy.jobs.progress import LETTERS, THERE, UNENDED, Cell, Progress
from tlstudy.jobs.time_left import Ahead, epochs_done, trained

BAR = 30  # characters
LEAST_ROWS = 3  # of the grid, whatever failed
OF_A_FAILURE = 3  # lines


def screen(found: Progress, ahead: Ahead, width: int, height: int) -> str:
    """The state of a study in at most so many lines and columns.

    A cell of the grid is a run: its state, or while it trains its epochs. Where not all rows
    fit, those with runs that run or failed come first.
    """
    head = [
        f"{found.study.study}: {found.headline()}",
        *_bar(ahead),
        *ahead.text().splitlines(),
        "",
    ]
    failures = list(_failures(found))
    legend = ", ".join(_meaning(state, ahead) for state in found.counts())
    room = height - len(head) - 4  # headings, legend and empty lines
    grid = _grid(found, max(LEAST_ROWS, room - min(len(failures), room // 2)))
    shown = failures[: max(0, room - len(grid) + 1)]
    if len(shown) < len(failures):
        left = (len(failures) - len(shown)) // OF_A_FAILURE + 1
        shown = [*shown[:-1], f"... {left} more: `tlstudy status`"] if shown else []
    lines = [*head, *grid, "", legend, *([""] if shown else []), *shown]
    return "\n".join(line[: width - 1] for line in lines[: height - 1])


def _meaning(state: str, ahead: Ahead) -> str:
    if state == "running" and ahead.epochs:
        return "3/30 running, with epochs done of all; r running, at another job"
    return f"{LETTERS[state]} {state}"


def _bar(ahead: Ahead) -> Iterator[str]:
    done, whole = (
        (ahead.epochs_done, ahead.epochs) if ahead.epochs else (ahead.jobs_done, ahead.jobs)
    )
    if whole:
        full = BAR * done // whole
        yield f"[{'#' * full}{'.' * (BAR - full)}] {100 * done // whole} %"


def _grid(found: Progress, room: int) -> list[str]:
    """A row for each arm and number of images, a column for each seed."""
    texts, states = _texts(found)
    seeds = list(map(str, found.study.seed))
    named = {", ".join(row): cells for row, cells in texts.items()}
    names = list(named)
    if len(names) > room:
        urgency = {name: _urgency(states[row]) for name, row in zip(names, texts, strict=True)}
        names = sorted(names, key=urgency.get)[: room - 1]
    width = max(map(len, names), default=0)
    columns = [
        max(len(seed), *(len(named[name].get(seed, "")) for name in names)) for seed in seeds
    ]
    rows = [
        ["", *seeds],
        *([name, *(named[name].get(seed, "") for seed in seeds)] for name in names),
    ]
    lines = [f"{name:{width}}  {' '.join(map(str.rjust, cells, columns))}" for name, *cells in rows]
    left = len(named) - len(names)
    return [*lines, *([f"... {left} rows more"] if left else [])]


def _urgency(states: set[str]) -> int:
    """What is looked at first: what runs or failed, then what is to come."""
    if states & set(UNENDED):
        return 0
    return 1 if states - set(THERE) else 2


def _texts(found: Progress) -> tuple[dict[tuple, dict[str, str]], dict[tuple, set[str]]]:
    """The text of each cell by row and seed, and the states in each row."""
    ended = epochs_done(found)
    epochs = {file: run.settings.epochs for file, run in trained(found.study).items()}
    texts: dict[tuple, dict[str, str]] = {}
    states: dict[tuple, set[str]] = {}
    for cell in found.cells:
        texts.setdefault(cell.row, {})[str(cell.seed)] = _text(cell, ended, epochs)
        states.setdefault(cell.row, set()).add(cell.state)
    return texts, states


def _text(cell: Cell, ended: Mapping[Path, int], epochs: Mapping[Path, int]) -> str:
    first = cell.jobs[0]
    file = first.files[0]
    if first.state == "running" and file in epochs:
        return f"{ended[file]}/{epochs[file]}"
    return LETTERS[cell.state]


def _failures(found: Progress) -> Iterator[str]:
    for job in found.unended():
        if job.state == "failed":
            yield f"failed: {', '.join(map(str, job.key))}"
            yield f"    {' '.join([job.attempt.told(), found.waiting_told(job)]).strip()}"
            yield f"    log: {job.log}"
