"""Tables as text: separated by commas, semicolons, tabs, blanks or bars, with a line of names."""

import io
import re
import warnings

import pandas as pd

from tlstudy.audit.own_runs.names import understood
from tlstudy.audit.own_runs.raw import File, RawTable, unreadable
from tlstudy.storage.errors import UserError

BAR = "|"  # of a table in Markdown, as model cards have
SEPARATORS = (BAR, "\t", ";", ",")  # the first that the line of names has
BLANKS = r"\s+"
DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*%?\s*$")
NUMBER = re.compile(r"^[-+]?[\d.]+(?:[eE][-+]?\d+)?$")
RULE = re.compile(r"^[\s|:-]+$")
# Keras: 63/63 [=====>...] or a line of its own; tqdm: 30%|###   | 30/100.
BAR_OF_PROGRESS = re.compile(r"\d+/\d+ \[[=>.]*\]|\d%\|.*\|\s*\d+/\d+|\d+/\d+ \S*\u2501")
# A name and its value: "loss: 0.5", "loss=0.5", "Epoch 3".
SAID = re.compile(r"\b(?:loss|acc\w*|epoch|step|lr|val\w*|iter\w*)[\s:=\[(]+\d+(?:\.\d+)?", re.I)
END_OF_LINE = re.compile(r"\r\n|[\r\n]")
LINES = 20  # of a file are looked at for it
SHOWN = 200  # characters of an error of pandas
TENSORBOARD = {"Wall time", "Step", "Value"}
# What TensorBoard calls the file of a curve.
NAME_OF_CURVE = re.compile(r"^(?:run-(?P<run>.*?)-)?tag-(?P<tag>.+)$")


def read(file: File) -> list[RawTable]:
    """The table with all cells as text; an empty cell stays empty."""
    text = _without_comments(file.text)
    header = text.partition("\n")[0]
    if not header:
        raise unreadable(file.path, "is empty")
    if _is_printed(text):
        raise UserError(
            f"{file.path}: found printed progress; must be a table: let the program write one, as "
            "Keras' CSVLogger, Lightning's CSVLogger or TensorBoard's SummaryWriter do, or append "
            "epoch and values to a CSV."
        )
    separator = next((each for each in SEPARATORS if each in header), None)
    if separator is None:
        separator = BLANKS if len(header.split()) > 1 else ","
    with warnings.catch_warnings():
        # pandas guesses that a surplus first field is an index: it would shift all columns.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                dtype=str,
                keep_default_na=False,
                na_values=[""],  # and not "nan", which was logged
                index_col=False,
                skipinitialspace=True,
            )
        except pd.errors.ParserWarning:
            raise UserError(
                f"{file.path}: found rows with more fields than the header; must have as many."
            ) from None
        except (ValueError, OverflowError) as error:  # pandas' own are ValueErrors
            raise UserError(
                f"{file.path}: found text that is no table "
                f"({' '.join(str(error).split())[:SHOWN]}); must be CSV or the like, JSON, JSON "
                "lines, parquet, or events of TensorBoard."
            ) from None
    frame.columns = [str(name).strip() for name in frame]
    if all(NUMBER.match(name) for name in frame):
        raise UserError(
            f"{file.path}: found numbers in the first line; must be the names of the columns."
        )
    frame = frame.astype(object).where(frame.notna(), None)  # rows that end early
    frame = frame[[str(row[0]).strip() != frame.columns[0] for row in frame.to_numpy()]]
    if separator != ",":
        frame = frame.map(_with_point)
    notes = ["the text is no UTF-8 and was read as Windows-1252"] if file.is_of_windows else []
    return [_named(RawTable(file.stem, frame.reset_index(drop=True), notes))]


def _is_printed(text: str) -> bool:
    """Whether lines are of a progress bar, or say "loss: 0.5" of epoch after epoch."""
    lines = re.split(r"[\r\n]+", text)[:LINES]
    if any(BAR_OF_PROGRESS.search(line) for line in lines):
        return True
    told = [line for line in lines if len(SAID.findall(line)) > 1]
    return bool(told) and lines[0] in told


def _without_comments(text: str) -> str:
    """The table without lines that begin with #, but for its names if they do (as NumPy's)."""
    # Not at other characters that Python takes for ends of lines: they may stand in names.
    lines = [line for line in END_OF_LINE.split(text) if line.strip()]
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    rows = [line for line in lines[first:] if not line.startswith("#")]
    if first and rows and all(NUMBER.match(word) for word in re.split(r"[\s,;]+", rows[0].strip())):
        rows.insert(0, lines[first - 1].lstrip("# "))
    if rows and rows[0].lstrip().startswith(BAR):
        rows = [row.strip() for row in rows if not RULE.match(row)]
        rows = [row.removeprefix(BAR).removesuffix(BAR) for row in rows]
    return "\n".join(rows)


def _with_point(cell: object) -> object:
    decimal = isinstance(cell, str) and DECIMAL_COMMA.match(cell)
    return cell.replace(",", ".") if decimal else cell


def _named(table: RawTable) -> RawTable:
    """A curve of TensorBoard under the name that its file has."""
    if not {"Step", "Value"} <= set(table.frame) <= TENSORBOARD:
        return table
    named = NAME_OF_CURVE.match(table.name)
    tag = named["tag"] if named else table.name
    if not understood(tag).quantity:
        return table
    run = (named["run"] or "").strip(".") if named else ""
    frame = table.frame[["Step", "Value"]].rename(columns={"Value": tag})
    return RawTable(run or tag, frame, series=run)
