"""Evidence from the folders of runs, and the findings of a whole study."""

import itertools
from collections.abc import Iterable
from typing import Any

from tlstudy import paths
from tlstudy.sentinels.evidence import Evidence
from tlstudy.sentinels.registry import examine, examine_group
from tlstudy.sentinels.sentinel import Finding
from tlstudy.settings import Study
from tlstudy.stored import read_record, read_table
from tlstudy.study import Run, runs_of_stage
from tlstudy.tables import read_landscapes


def findings_of_study(study: Study) -> list[Finding]:
    """Findings of all sentinels, run by run in the order of the study.

    Runs are compared with those of the same group, subset size and seed.
    """
    landscapes = {
        (record["arm"], record["subset_size"], record["seed"]): record
        for record in read_landscapes(study)
    }
    found: dict[tuple, list[Finding]] = {_key(run): [] for run in runs_of_stage(study, "train")}
    for compared in _compared_runs(study):
        evidences = [evidence_of_run(study, run, landscapes.get(_key(run))) for run in compared]
        parts = [examine(evidence) for evidence in evidences] + [examine_group(evidences)]
        for finding in itertools.chain.from_iterable(part.findings for part in parts):
            found[finding.arm, finding.subset_size, finding.seed].append(finding)
    return [finding for findings in found.values() for finding in findings]


def _key(run: Run) -> tuple[str, int, int]:
    return run.arm, run.subset_size, run.seed


def _compared_runs(study: Study) -> list[list[Run]]:
    groups: dict[tuple, list[Run]] = {}
    for run in runs_of_stage(study, "train"):
        key = run.settings.group, run.subset_size, run.seed
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def evidence_of_run(study: Study, run: Run, landscape: dict[str, Any] | None) -> Evidence:
    """Everything that is known of a run of a study.

    Args:
        landscape: the run's landscape, if the study is to have one of it.
    """
    folder = paths.folder_of_run(study, run)
    subset = paths.run_subset_folder(study, run) / "subset.json"
    return Evidence(
        arm=run.arm,
        subset_size=run.subset_size,
        seed=run.seed,
        metrics=read_table(folder / "metrics.parquet", "train"),
        layers=read_table(folder / "layers.parquet", "train"),
        record=read_record(folder / "run.json", "train"),
        landscape=landscape,
        subset=read_record(subset, "subset") if subset.is_file() else None,
        training=run.settings,
        batchnorm=run.settings.batchnorm,
        reported_epoch=run.settings.reported_epoch,
    )


def names_of_alarms(findings: Iterable[Finding], arm: str, subset_size: int, seed: int) -> str:
    """Names of the sentinels that found something wrong with a run, separated by spaces."""
    return " ".join(
        finding.sentinel
        for finding in findings
        if (finding.arm, finding.subset_size, finding.seed) == (arm, subset_size, seed)
        and finding.is_alarm
    )
