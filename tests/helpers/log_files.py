"""Made curves of six epochs, and files of them as training programs write them."""

from collections.abc import Iterable
from pathlib import Path

from tlstudy.audit.own_runs.columns import PLAIN
from tlstudy.audit.own_runs.reading import Options, Source, read_each

EPOCHS = range(6)
LOSS = [1 / (epoch + 1) for epoch in EPOCHS]
TEST_LOSS = [1.5 / (epoch + 1) for epoch in EPOCHS]
ACCURACY = [0.5 + epoch / 20 for epoch in EPOCHS]


def table(names: str, *columns: list, separator: str = ",") -> str:
    """Text with a line for each row."""
    rows = [separator.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([names.replace(",", separator), *rows, ""])


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read_all(paths: Iterable[Path], options: Options) -> list[Source]:
    """All runs of files and folders; the first reason if one cannot be read."""
    sources, refused = read_each(paths, options)
    if refused:
        raise refused[0]
    return sources


def read_runs(path: Path, options: Options | None = None) -> Source:
    """The runs of one file."""
    [source] = read_all([path], options or Options())
    return source


def values(source: Source, name: str, run: int = 0) -> list[float]:
    """A column of a run, to six digits."""
    column = source.runs[run].metrics[PLAIN.get(name, name)]
    return [round(value, 6) for value in column]


def rounded(numbers: list[float]) -> list[float]:
    return [round(number, 6) for number in numbers]
