"""`tlstudy audit` of the folders that runs of a study leave."""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from audited import audit, findings
from real_runs import published_new_run, sound_run


def leave_run(folder: Path, evidence) -> Path:
    """A run's folder as the study leaves it."""
    folder.mkdir(parents=True)
    evidence.metrics.to_parquet(folder / "metrics.parquet")
    evidence.layers.to_parquet(folder / "layers.parquet")
    changed = evidence.training.model_dump(mode="json", exclude_defaults=True)
    record = {**evidence.record, "training": changed, "subset_size": 20, "seed": 26}
    (folder / "run.json").write_text(json.dumps({**record, "run": folder.parts[-3]}))
    return folder


@pytest.fixture
def folders(tmp_path) -> dict[str, Path]:
    """Folders of a flawed and of a sound run, with their training images."""
    for drawing, first in (("stratified", 0), ("published", 100)):
        subset = tmp_path / "subsets" / "mnist" / drawing / "n~20" / "seed~26"
        subset.mkdir(parents=True)
        images = list(range(first, first + 20))
        record = {"indices": images, "labels": [0] * 20, "counts": [2] * 10, "duplicates": 0}
        (subset / "subset.json").write_text(json.dumps(record))
    runs = tmp_path / "runs"
    return {
        name: leave_run(runs / name / "n~20" / "seed~26", evidence)
        for name, evidence in (("flawed", published_new_run()), ("sound", sound_run()))
    }


def test_a_folder_has_all_evidence(folders):
    found = findings(folders["flawed"])["flawed, n = 20, seed 26"]
    assert {"no-weight-moved", "path-without-plane", "loss-of-softmax-outputs"} <= found
    data = json.loads(audit(folders["sound"], "--json").output)
    run = data["runs"][0]
    assert {"repeated-training-images", "drift-follows-step-size"} <= set(run["ran"])
    assert [f["severity"] for f in run["findings"] if f["severity"] == "error"] == []
    assert "best-epoch-on-test" in run["skipped"]  # arms that share a run may report otherwise


def test_a_folder_with_little_above_it_is_read(folders):
    with TemporaryDirectory() as place:
        near = shutil.copytree(folders["sound"], Path(place) / "run")
        assert "sound, n = 20, seed 26" in findings(near)


def test_folders_are_compared(folders):
    found = findings(*folders.values())
    assert found["2 runs compared, n = 20, seed 26"] == set()
    record = json.loads((folders["sound"] / "run.json").read_text())
    record["training"]["drawing"] = "published"
    (folders["sound"] / "run.json").write_text(json.dumps(record))
    found = findings(*folders.values())
    assert found["2 runs compared, n = 20, seed 26"] == {"other-training-images"}
    assert "2 runs: 3 errors" in audit(*folders.values()).output


def test_a_folder_without_its_neighbours_is_examined_as_far_as_it_goes(folders):
    for name in ("layers.parquet", "metrics.parquet"):
        (folders["flawed"] / name).unlink()
    assert "loss-of-softmax-outputs" in findings(folders["flawed"])["flawed, n = 20, seed 26"]


def test_a_study_is_judged_as_in_its_own_report(small_results):
    """By arm, with the BatchNorm statistics that it reports, and compared within groups."""
    table = pd.read_parquet(small_results.folder / "tables" / "findings.parquet")
    runs = pd.read_parquet(small_results.folder / "tables" / "runs.parquet")
    told = findings(small_results.folder)
    by_run = {name: found for name, found in told.items() if "runs compared" not in name}
    assert len(by_run) == len(runs)
    compared = set().union(*(found for name, found in told.items() if name not in by_run))
    for name, rows in table.groupby(["arm", "subset_size", "seed"]):
        arm, size, seed = name
        alone = by_run[f"{arm}, n = {size}, seed {seed}"]
        assert alone <= set(rows["sentinel"])
        assert set(rows["sentinel"]) - alone <= compared
    assert set(table["sentinel"]) == compared.union(*by_run.values())
