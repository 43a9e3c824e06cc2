"""Reading what the report and the figures are made from: tables, and landscapes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd
from pydantic import ValidationError

from tlstudy.config.ledger import least
from tlstudy.config.settings import Study, WeightsSource
from tlstudy.config.study import Run, finished_study, runs_of_step, sources_of
from tlstudy.config.tables import ALL_TABLES, CLAIM_TABLES
from tlstudy.jobs import paths
from tlstudy.jobs.calls import going_on
from tlstudy.jobs.progress import progress
from tlstudy.jobs.provenance import read_provenance
from tlstudy.jobs.study_files import first_difference
from tlstudy.storage import reading
from tlstudy.storage.errors import UserError


def read_table(study: Study, name: str) -> pd.DataFrame:
    """A table of a study by name; columns as in `tlstudy.config.tables`.

    Raises:
        UserError: it is missing or damaged, lacks a column, or was made with other settings.
    """
    file = paths.tables_folder(study) / f"{name}.parquet"
    _check_made(study)
    _check_settings(study)
    maker = "claims" if name in CLAIM_TABLES else "aggregate"
    command = "formulas" if name == "formulas" else maker
    table = reading.read_table(file, f"{command} {paths.study_folder(study)}", ALL_TABLES[name])
    if name == "claims":
        _check_claims(study, table)
    return table


def _check_made(study: Study) -> None:
    """
    Raises:
        UserError: there are no tables, as runs are missing; it says how to go on.
    """
    if any(paths.tables_folder(study).glob("*.parquet")):
        return
    found = progress(study)
    if not found.complete:
        folder = paths.study_folder(study)
        look = f", or look at what is there: `tlstudy report --incomplete {folder}`"
        raise UserError(
            f"{study.study} is not complete ({found.headline()[:-1]}), so there are no tables yet; "
            f"go on with {going_on(study)}{look * folder.is_dir()}."
        )


def _check_settings(study: Study) -> None:
    """Refuse tables of other settings; those of versions that left none are taken as they are.

    Raises:
        UserError: it names the first setting that differs, and says how to go on.
    """
    file, folder = paths.provenance_file(study, "aggregate"), paths.study_folder(study)
    record = read_provenance(file) if file.is_file() and not study.incomplete else None
    if not record or not record.study:
        return
    try:
        then, now = _decisive(Study.model_validate(record.study)), _decisive(study)
    except ValidationError:  # of another version
        return
    if then == now:
        return
    instead = ""
    with suppress(UserError):  # there may be no such file, or a damaged one
        if _decisive(finished_study(folder)) == then:
            instead = f"; or give {folder} in place of the study file, for what is there"
    raise UserError(
        f"{paths.tables_folder(study)}: the tables were made with other settings "
        f"({first_difference(then, now)}); go on with {going_on(study)}{instead}."
    )


def _check_claims(study: Study, table: pd.DataFrame) -> None:
    """Refuse verdicts on claims that are not the study's.

    Raises:
        UserError: it names the first claim that differs.
    """
    rows = zip(table["claim"], table["text"], table["effect"].fillna(0.0), strict=True)
    then = {name: (text, effect) for name, text, effect in rows}
    now = {name: (it.text, 0.0 if it.open else least(it)) for name, it in study.claims.items()}
    for name in {**then, **now}:
        if then.get(name) != now.get(name):
            raise UserError(
                f"{paths.tables_folder(study)}: claim {name} was judged as another one, or not at "
                f"all; go on with {going_on(study)}."
            )


def _decisive(study: Study) -> dict[str, Any]:
    """Settings that decide the tables: neither names for readers nor the order of a list."""
    arms = {
        name: arm.model_dump(mode="json", exclude={"label", "group"})
        | {"target": arm.target.identity(), "weights": _described(sources_of(study, arm))}
        for name, arm in study.arms.items()
    }
    experiments = sorted(study.laboratory.experiments)
    found = {"arms": arms, "laboratory": {"experiments": experiments}}
    if arms or experiments:
        found["seed"] = sorted(study.seed)
    if arms:
        found["subset_size"] = sorted(study.subset_size)
        found["evaluation"] = study.evaluation.model_dump(mode="json")
    if any(arm.tune_learning_rate for arm in study.arms.values()):
        found["tuning"] = study.tuning.model_dump(mode="json")
    return found


def _described(sources: Sequence[WeightsSource]) -> list[Any]:
    return [it if isinstance(it, str) else it.model_dump(mode="json") for it in sources]


class TablesOnDemand(Mapping[str, pd.DataFrame]):
    """The tables of a study by name; each is read when it is first asked for."""

    def __init__(self, study: Study):
        self._study, self._read = study, {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in ALL_TABLES:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = read_table(self._study, name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        folder = paths.tables_folder(self._study)
        return (name for name in ALL_TABLES if (folder / f"{name}.parquet").is_file())

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def __len__(self) -> int:
        return len(list(self))


def read_landscapes(study: Study) -> list[dict]:
    """Landscapes of the study's runs; see `read_landscape`."""
    return [read_landscape(study, run) for run in runs_of_step(study, "landscape")]


def read_landscape(study: Study, run: Run) -> dict:
    """The landscape of a run, with its arm's names: arms may share a run.

    Raises:
        UserError: it is missing or damaged.
    """
    file = paths.measured_file(study, "landscape", run)
    landscape = reading.read_json(file, "landscape")
    # A merged copy would no longer tell what it lacks.
    landscape.update(
        arm=run.arm,
        group=run.settings.group,
        label=run.settings.label or run.arm,
        subset_size=run.subset_size,
        seed=run.seed,
    )
    return landscape
