"""Keep a finished study's tables and figures in docs/<study>, with a page that is made of them.

    python -m benchmarks.keep smoothness

takes results/smoothness, which must verify. `tests/kept/test_kept_studies.py` makes the page again
from the kept tables, and judges the claims anew.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlstudy.config.catalogue import figure_names, size_folder
from tlstudy.config.given import given_study
from tlstudy.config.quantities import quantity_of
from tlstudy.config.settings import Study
from tlstudy.config.study import runs as runs_of
from tlstudy.config.tables import ALL_TABLES
from tlstudy.jobs import paths
from tlstudy.jobs.provenance import read_provenance
from tlstudy.jobs.tables import read_table
from tlstudy.jobs.verify import verdict
from tlstudy.report.figures.captions import title_of
from tlstudy.report.figures.texts import explanation
from tlstudy.report.format import THIN, Cell, count, duration, join, seeds, whole
from tlstudy.report.inputs import Inputs, load, tables_shown
from tlstudy.report.page.figures import WORDS
from tlstudy.report.sentences import how_it_was_run, ledger, results
from tlstudy.report.tables import Table
from tlstudy.storage.columns import schema
from tlstudy.storage.errors import UserError

ROOT = Path(__file__).parents[1]
LAST_LAYERS = "layers-at-the-end"  # the whole table has megabytes
VALUES = "claim-values"
MADE = "made.json"
PAGE = "README.md"
OWN = "study.yaml"  # of a study that has changed since
DEFAULT, BASE = "slides", "config.yaml"  # the default study has no other file


def folder_of(name: str) -> Path:
    """Where a study is kept."""
    return ROOT / "docs" / name


def study_of(name: str) -> Study:
    """The study as it was run: of its own file in the kept folder where there is one."""
    own = folder_of(name) / OWN
    return given_study([ROOT / "config.yaml", own if own.is_file() else study_file(name)])


def study_file(name: str) -> Path:
    """A study's file; the default study has config.yaml alone."""
    return ROOT / (BASE if name == DEFAULT else f"studies/{name}.yaml")


def keep(name: str) -> None:
    """Write the folder anew.

    Raises:
        UserError: the results do not hold.
    """
    study = study_of(name)
    found = verdict(paths.study_folder(study))
    if not found.holds:
        raise UserError(found.problems[0])
    folder = folder_of(name)
    folder.mkdir(exist_ok=True)
    for table in _kept_tables(study):
        _write(table, read_table(study, table), folder / f"{table}.parquet")
    if _needs_layers(study):
        layers = _last_epochs(read_table(study, "layers"))
        _write("layers", layers, folder / f"{LAST_LAYERS}.parquet")
    for figure in _kept_figures(study):
        file = paths.figures_folder(study) / size_folder(_size(study)) / f"{figure}.png"
        shutil.copyfile(file, folder / file.name)
    made = json.dumps(_made(study, found.fingerprint, found.files), indent=1, ensure_ascii=False)
    (folder / MADE).write_text(made + "\n", encoding="utf-8")
    (folder / PAGE).write_text(page(kept_inputs(study)), encoding="utf-8")


def _write(name: str, rows: pd.DataFrame, file: Path) -> None:
    """A table with the descriptions of its columns."""
    table = pa.Table.from_pandas(rows, schema(dict(ALL_TABLES[name])), preserve_index=False)
    pq.write_table(table, file, compression="zstd")


def _size(study: Study) -> int:
    (size,) = study.subset_size  # of every study that is kept
    return size


def _kept_tables(study: Study) -> list[str]:
    left_out = {"layers", "formulas"}  # too large; the same for every study
    there = [name for name in (*tables_shown(study).values(), VALUES) if name not in left_out]
    return [name for name in there if len(read_table(study, name))]


def _needs_layers(study: Study) -> bool:
    quantities = {claim.quantity for claim in study.claims.values() if not claim.open}
    return any(quantity_of(name).table == "layers" for name in quantities)


def _last_epochs(layers: pd.DataFrame) -> pd.DataFrame:
    runs = layers.groupby(["arm", "subset_size", "seed"])["epoch"]
    return layers[layers["epoch"] == runs.transform("max")].reset_index(drop=True)


def _kept_figures(study: Study) -> list[str]:
    """Those that have a table, and those that claims name."""
    named = {claim.figure for claim in study.claims.values()}
    wanted = named | {"claims", "results", *WORDS}
    return [name for name in figure_names(study) if name in wanted]


def _made(study: Study, fingerprint: str, files: int) -> dict:
    """What the tables do not say of how they were made."""
    inputs = load(study)
    job = paths.job_of_run("train", next(iter(runs_of(study))))
    provenance = read_provenance(paths.provenance_file(study, job))
    return {
        "environment": {k: v for k, v in provenance.environment.items() if k != "platform"},
        "weights": [record["statement"] for record in how_it_was_run.weights_used(inputs)],
        "verified": {"files": files, "fingerprint": fingerprint},
    }


def kept_inputs(study: Study) -> Inputs:
    """The kept tables as a report takes them; those that are not kept are empty."""
    folder, tables = folder_of(study.study), {}
    for key, name in tables_shown(study).items():
        file = folder / f"{LAST_LAYERS if name == 'layers' else name}.parquet"
        empty = schema(dict(ALL_TABLES[name])).empty_table().to_pandas()
        tables[key] = pd.read_parquet(file) if file.is_file() else empty
    return Inputs(study=study, **tables)


def page(inputs: Inputs) -> str:
    """The page of a kept study, as Markdown."""
    study, size = inputs.study, _size(inputs.study)
    title, question = study.title or study.study, study.question
    if study.study == DEFAULT:
        title, question = "The default study", "The slides' experiment, as published and corrected."
    parts = [f"# {title}", question, *_run(inputs)]
    if study.claims:
        parts += ["## Claims", *_claims(inputs, size)]
    for name in _kept_figures(study):
        heading, sentence, table = title_of(study, name), "", None
        if name == "results":
            table = results.result_table(inputs, size)
        elif name in WORDS:
            sentence, table = WORDS[name](inputs, size)
        parts += [f"## {heading}", sentence, table and _markdown(table)]
        parts += [f"![{heading}]({name}.png)", f"*{explanation(name)}*"]
    parts += ["## Files", _files(study)]
    return plain("\n\n".join(filter(None, parts))) + "\n"


def plain(text: str) -> str:
    """Text with usual blanks: pages are searched and tested as text."""
    return text.replace(THIN, " ")


def _run(inputs: Inputs) -> Iterator[str]:
    runs, study = inputs.runs, inputs.study
    made = json.loads((folder_of(study.study) / MADE).read_text(encoding="utf-8"))
    environment = made["environment"]
    distinct = runs.drop_duplicates(["run", "subset_size", "seed"])
    days = sorted(set(runs["ended"].str[:10]))
    yield (
        f"{count(len(distinct), 'run')} with seeds {seeds(study.seed)}; {_size(study)} training "
        f"images; {join(whole(n) for n in sorted(set(runs['final_test_images'])))} test images"
        f"{_looked_at(inputs)}. "
        f"Pretrained weights: {join(made['weights'])}. "
        f"{environment['processor']}, PyTorch {join(how_it_was_run.distinct(runs, 'torch'))}, "
        f"{how_it_was_run.arithmetic(runs)}; trainings took "
        f"{duration(float(distinct['seconds'].sum()))} one after the other; {join(days)}; commit "
        f"{join(map(how_it_was_run.short_commit, how_it_was_run.distinct(runs, 'commit')))}."
    )
    yield "\n".join(f"- {warning}" for warning in how_it_was_run.warnings(inputs))
    own = folder_of(study.study) / OWN
    today = study_file(study.study).relative_to(ROOT)
    file = own.relative_to(ROOT) if own.is_file() else today
    option = f" --configfile {file}" * (file.name != BASE)
    yield f"To run it again: `snakemake --cores 2{option}`"
    yield from _other_weights(inputs)
    if own.is_file():
        yield (
            f"[{OWN}]({OWN}) is the study as it was run: `{today}` or the "
            "defaults have changed since. What we no longer hold stands in "
            "[the history](../history.md)."
        )


def _looked_at(inputs: Inputs) -> str:
    """On how many test images measurements were made, which are often fewer than the study's."""
    tables = {name: getattr(inputs, name) for name in ("encoder", "invariance", "features")}
    told = [
        f"{name} on {join(map(whole, sorted(set(table['test_images']) - {0})))}"
        for name, table in tables.items()
        if len(table)
    ]
    return f" ({join(told)})" if told else ""


def _other_weights(inputs: Inputs) -> Iterator[str]:
    """Where the study's file names other weights first, they are used where they can be had."""
    used = set(inputs.runs["weights_source"])
    for name, sources in inputs.study.weights.items():
        for source in used & set(sources[1:]):
            yield (
                f"The command takes `{sources[0]}` where it can be had; with "
                f"`weights: {{{name}: [{source}]}}` in the file it takes `{source}`."
            )


def _claims(inputs: Inputs, size: int) -> Iterator[str]:
    claims = ledger.of_size(inputs, size)
    yield f"{ledger.tally(claims, 'of the study')} {ledger.holm_rule(inputs.claims)}".strip()
    lines = []
    for entry in ledger.entries(inputs, size):
        verdict = f"**{entry['verdict']}**"
        told = f"**{entry['name']}** {entry['text']}"
        notes = " ".join(filter(None, (entry["because"], entry["holm"])))
        lines.append([told, entry["decides"], _cell(entry["value"]), verdict, notes])
    yield _table(
        ["claim", "what decides it", "its value, 95 % interval", "verdict", "because"], lines
    )
    yield "\n".join(
        f"- *{verdict}*: {meaning}"
        for verdict, meaning in ledger.meanings(claims["verdict"]).items()
    )


def _markdown(table: Table) -> str:
    """Titles of rows in bold; a row that is short is filled."""
    lines = []
    for row in table.rows:
        cells = [_cell(cell) for cell in row]
        cells = [f"**{cells[0]}**"] if len(cells) == 1 else cells
        lines.append(cells + [""] * (len(table.heads) - len(cells)))
    return _table(table.heads, lines)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    """Cells may hold Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    shown = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in shown)


def _cell(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return cell
    notes = "; ".join(filter(None, (cell.note, cell.last)))
    return f"{cell.text} ({notes})" if notes else cell.text


def _files(study: Study) -> str:
    words = {
        "runs": "a row a run: values, settings, weights, device, versions, commit, times",
        "metrics": "a row a run and epoch",
        "answers": "classes of the test images, and a bit for each answer of each run",
        "findings": "what the sentinels found",
        "claims": "the ledger",
        VALUES: "the value of each claim in each seed",
        LAST_LAYERS: "a row a run and layer, after the last epoch",
    }
    names = sorted(file.stem for file in folder_of(study.study).glob("*.parquet"))
    measured = "the measurement of that name"
    rows = [[f"`{name}.parquet`", words.get(name, measured)] for name in names]
    about = "Columns are described in the files' own metadata and in `tlstudy/storage/columns.py`."
    return f"{_table(['file', 'what'], rows)}\n\n{about}"


if __name__ == "__main__":
    for study_name in sys.argv[1:]:
        keep(study_name)
