"""A measurement from another package goes through the whole workflow like our own."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from study_folder import StudyFolder

from tlstudy.config.tables import ALL_TABLES

MODULE = '''
"""How large the weights are."""

from pydantic import Field

from tlstudy.config.fields import Positive, Selection
from tlstudy.config.measurements import Measurement


class Size(Selection):
    """Norm of all weights together."""

    factor: Positive = Field(1.0, description="What the norm is multiplied by.")


def measure(fine_tuned, settings):
    for point in ("start", "end"):
        norm = fine_tuned.vectors[point].double().norm()
        yield {"point": point, "norm": settings.factor * float(norm)}


MEASUREMENT = Measurement(
    name="size",
    title="Size of the weights",
    help="Measure how large a run's weights are.",
    settings=Size,
    measure=measure,
    columns={"point": ("string", "start or end"), "norm": ("float64", "Euclidean norm")},
    passes=lambda study, run: 1,
    memory_mb=100,
)
'''


class WithToy(StudyFolder):
    """A study where a package with a measurement is installed beside tlstudy."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        package = folder / "site" / "toy-1.0.dist-info"
        package.mkdir(parents=True)
        (package / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
        (package / "entry_points.txt").write_text("[tlstudy.measurements]\nsize = toy\n")
        (package.parent / "toy.py").write_text(MODULE)
        self.have_only(new={"architecture": "resnet18", "image_size": 32, "epochs": 2})
        self.overlay["size"] = {"seeds": [26]}

    def environment(self) -> dict[str, str]:
        environment = super().environment()
        paths = [str(self.folder / "site"), environment["PYTHONPATH"]]
        return {**environment, "PYTHONPATH": os.pathsep.join(paths)}

    def tlstudy(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "tlstudy.cli", *arguments]
        result = subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        return result.stdout


def test_a_measurement_from_outside_runs_through_the_workflow(tmp_path, cache):
    place = WithToy(tmp_path / "study")
    place.succeed()
    tables = place.results / "tables"
    size = pd.read_parquet(tables / "size.parquet").set_index("point")
    assert list(size[["arm", "subset_size", "seed"]].iloc[0]) == ["new", 20, 26]
    metrics = pd.read_parquet(tables / "metrics.parquet")
    assert size.loc["end", "norm"] == pytest.approx(metrics["norm"].iloc[-1], rel=1e-6)
    assert size.loc["start", "norm"] != size.loc["end", "norm"]
    assert "size" in place.tlstudy("plan", "--config", "config.yaml", "--config", "tiny.yaml")
    assert place.tlstudy("verify", str(place.results))
    assert place.planned() == {}
    place.overlay["size"]["factor"] = 2.0
    assert place.planned()["size"] == 1
    assert "train" in place.planned()  # the weights are gone: the run is trained again for it
    module = place.folder / "site" / "toy.py"
    place.overlay["size"]["factor"] = 1.0
    module.write_text(module.read_text().replace("settings.factor *", "2 * settings.factor *"))
    assert place.planned()["size"] == 1, "its code counts"


def test_our_own_tables_do_not_know_it():
    assert "size" not in ALL_TABLES
