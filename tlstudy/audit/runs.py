"""Evidence from the folders of runs, and the findings of a whole study."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.registry import examine, examine_group
from tlstudy.audit.sentinels.sentinel import Finding
from tlstudy.config.settings import Study
from tlstudy.config.study import Run, runs_of_step
from tlstudy.jobs import paths
from tlstudy.jobs.run_results import RunResults
from tlstudy.jobs.tables import read_landscape
from tlstudy.storage.reading import read_json, read_table

Key = tuple[str, int, int]
OF_LAYERS = ("epoch", "layer", "kind", "norm")
SUBSETS_AT_HAND = 1024  # arms share the images of a seed, and come one after the other


class Examiner:
    """Lets the sentinels look at the runs of a study, one after the other.

    Runs are compared with those of the same group, images, subset size and seed, when all have been
    seen.
    """

    def __init__(self, study: Study):
        self._study = study
        self._landscape = {run.key for run in runs_of_step(study, "landscape")}
        self._curvature = {run.key for run in runs_of_step(study, "curvature")}
        self._found: dict[Key, list[Finding]] = {}
        self._compared: dict[tuple[str, str, int, int], list[Evidence]] = {}
        self._subset = lru_cache(SUBSETS_AT_HAND)(_subset)

    def look_at(self, results: RunResults) -> None:
        """Let the sentinels of single runs look."""
        run = results.run
        evidence = Evidence(
            arm=run.arm,
            subset_size=run.subset_size,
            seed=run.seed,
            metrics=results.metrics.to_pandas(),
            layers=results.layers.to_pandas(),
            record=results.record,
            landscape=read_landscape(self._study, run) if run.key in self._landscape else None,
            curvature=_curvature(self._study, run) if run.key in self._curvature else None,
            subset=self._subset(paths.run_subset_folder(self._study, run)),
            training=run.settings,
            classes=run.settings.target.outputs,
            batchnorm=run.settings.batchnorm,
            reported_epoch=run.settings.reported_epoch,
        )
        self._found[run.key] = examine(evidence).findings
        # Comparisons look at images, landscapes, curvature and the layers' last norms, and of the
        # metrics only whether they are there.
        layers = evidence.layers
        if "epoch" in layers:
            layers = layers.loc[layers["epoch"] == layers["epoch"].max(), list(OF_LAYERS)]
        group = run.settings.group, run.settings.target.source, run.subset_size, run.seed
        kept = replace(evidence, metrics=pd.DataFrame(), layers=layers, record=None)
        self._compared.setdefault(group, []).append(kept)

    def findings(self) -> dict[Key, list[Finding]]:
        """Findings by arm, subset size and seed, in the order in which the runs were seen."""
        found = {key: list(findings) for key, findings in self._found.items()}
        for evidences in self._compared.values():
            for finding in examine_group(evidences).findings:
                found[finding.arm, finding.subset_size, finding.seed].append(finding)
        return found


def _curvature(study: Study, run: Run) -> pd.DataFrame:
    return read_table(paths.measured_file(study, "curvature", run), "curvature")


def _subset(folder: Path) -> dict[str, Any] | None:
    file = folder / paths.SUBSET_RECORD
    return read_json(file, "subset") if file.is_file() else None


def names_of_alarms(findings: Iterable[Finding]) -> str:
    """Names of the sentinels that found something wrong with a run, separated by spaces."""
    return " ".join(finding.sentinel for finding in findings if finding.is_alarm)
