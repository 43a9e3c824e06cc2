"""Results that were damaged, altered or moved: what `tlstudy verify` says of them."""

import json
import shutil
from pathlib import Path

import pytest
from hostile import command
from result_files import files_of

from tlstudy.config.study import finished_study, load_study, runs
from tlstudy.jobs.verify import Verification, verdict, verdict_text
from tlstudy.storage import code_digest
from tlstudy.storage.environment import version
from tlstudy.storage.files import sha256


def problems_of(folder: Path) -> list[str]:
    return list(Verification(finished_study(folder)).problems())


def provenance_of(folder: Path, step: str, run_of: str = "") -> Path:
    """The provenance of a step; of a run, by how its folder's name begins."""
    [found] = (folder / "provenance").glob(f"{step}/{run_of}*/*/*.json" if run_of else step)
    return found


def metrics_of(folder: Path, run_of: str) -> Path:
    [found] = folder.glob(f"runs/{run_of}-*/*/*/metrics.parquet")
    return found


def rewrite(provenance: Path, **changes) -> None:
    """Give provenance other content."""
    provenance.write_text(json.dumps(json.loads(provenance.read_text()) | changes))


def follow(folder: Path, provenance: Path) -> None:
    """Make provenance agree with the results as they are now."""
    names = json.loads(provenance.read_text())["outputs"]
    there = [name for name in names if (folder / name).is_file()]
    now = {
        name: {"sha256": sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for name in there
    }
    rewrite(provenance, outputs=names | now)


def exchange(one: Path, other: Path) -> None:
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def test_results_hold_where_they_were_made_and_elsewhere(original, moved):
    for folder in (original, moved):
        found = verdict(folder, everything=True)
        text = verdict_text(found, everything=True)
        assert found.holds, text
        # All but study.json, which the others are compared with.
        assert f"{len(files_of(folder)) - 1} files" in text
        assert "Not looked at: 6 files of images and weights" in text
        assert "Note" not in text


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES = {
    "a bit flipped": (flipped, "was altered"),
    "truncated": (lambda content: content[: len(content) // 2], "was truncated"),
    "removed": (None, "missing; to make it, "),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damaged_result_is_named(moved, damage):
    change, told = DAMAGES[damage]
    names = [name for name in files_of(moved) if not name.startswith(("provenance", "study.json"))]
    for file in (moved / name for name in names):
        file.write_bytes(change(file.read_bytes())) if change else file.unlink()
    problems = problems_of(moved)
    assert len(names) > 20
    for name in names:
        assert [line for line in problems if line.startswith(f"{name}: {told}")], name


def test_every_provenance_that_is_damaged_or_removed_is_named(moved):
    names = [name for name in files_of(moved) if name.startswith("provenance")]
    for name in names[::2]:
        (moved / name).write_bytes((moved / name).read_bytes()[:-9])
    for name in names[1::2]:
        (moved / name).unlink()
    problems = problems_of(moved)
    for place, name in enumerate(names):
        told = f"{name}: {'missing' if place % 2 else 'was damaged'}"
        assert [line for line in problems if line.startswith(told)], name


def test_exchanged_files_of_two_runs_are_found(moved):
    files = [metrics_of(moved, start) for start in ("random", "own")]
    exchange(*files)
    problems = problems_of(moved)
    for file in files:
        assert [line for line in problems if line.startswith(f"{file.relative_to(moved)}: was ")]


def test_exchanged_provenance_of_two_runs_is_found(moved):
    exchange(provenance_of(moved, "train", "random"), provenance_of(moved, "train", "own"))
    assert "lists other files; must be the study's" in problems_of(moved)[0]


def test_a_run_altered_together_with_its_provenance_is_told_by_what_builds_on_it(moved):
    run = metrics_of(moved, "own").with_name("run.json")
    run.write_text(run.read_text().replace('"status": "finished"', '"status": "excellent"'))
    follow(moved, provenance_of(moved, "train", "own"))
    problems = problems_of(moved)
    names = ("landscape.json", "curvature.parquet", "encoder.parquet", "reuse.parquet")
    for file in (*map(run.with_name, names), moved / "tables" / "runs.parquet"):
        told = f"{file.relative_to(moved)}: was made from another {run.relative_to(moved)}"
        assert [line for line in problems if line.startswith(told)]


def test_a_report_altered_together_with_its_provenance_has_another_fingerprint(original, moved):
    report = moved / "report.html"
    report.write_text(report.read_text() + "<p>All is well.</p>")
    follow(moved, provenance_of(moved, "report.json"))
    assert problems_of(moved) == []
    before, after = (Verification(finished_study(f)).fingerprint() for f in (original, moved))
    assert before != after


def test_a_handed_over_trajectory_is_compared_with_the_training(moved):
    provenance = provenance_of(moved, "curvature", "own")
    inputs = json.loads(provenance.read_text())["inputs"]
    [plane] = (name for name in inputs if name.endswith("plane.safetensors"))
    rewrite(provenance, inputs=inputs | {plane: "0" * 64})
    assert f"curvature.parquet: was made from another {plane}" in problems_of(moved)[0]


@pytest.mark.parametrize(
    ("key", "change", "begin", "end"),
    [
        (
            "evaluation",
            {"final_images": 20},
            "run.json: was made with other settings",
            ": evaluation.final_images (10; now 20).",
        ),
        ("curvature", {"radius": 0.2}, "curvature.parquet: was made with other", "; now 0.2)."),
        (
            "device",
            "auto",
            "made with other settings than study.json's: ",
            "device (cpu; now auto).",
        ),
        ("seed", [26, 27], "seed~27/subset.json: missing; to make it, go on with `snakemake", ""),
    ],
)
def test_other_settings_are_named(moved, key, change, begin, end):
    file = moved / "study.json"
    content = json.loads(file.read_text())
    content[key] = content[key] | change if isinstance(change, dict) else change
    file.write_text(json.dumps(content))
    problem = problems_of(moved)[0]
    assert begin in problem
    assert problem.endswith(end)


def test_an_input_that_is_not_the_studys_is_named(moved):
    provenance = provenance_of(moved, "aggregate.json")
    inputs = json.loads(provenance.read_text())["inputs"]
    [lost] = (name for name in inputs if name.endswith("landscape.json"))
    others = {name: digest for name, digest in inputs.items() if name != lost}
    rewrite(provenance, inputs=others | {"runs/of-another.json": "0" * 64})
    table = "tables/runs.parquet: was"
    assert {
        f"{table} made without {lost}, which is there.",
        f"{table} also made from runs/of-another.json, which is not the study's.",
    } <= set(problems_of(moved))


@pytest.fixture
def edited_package(monkeypatch, tmp_path) -> None:
    """The code with another constant in what trains."""
    copy = tmp_path / "tlstudy"
    shutil.copytree(code_digest.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / "networks" / "trajectory.py"
    file.write_text(file.read_text().replace("RANK_TOLERANCE = 1e-12", "RANK_TOLERANCE = 1e-11"))
    monkeypatch.setattr(code_digest, "PACKAGE", copy)


def test_results_of_other_code_are_told(moved, edited_package):
    problems = problems_of(moved)
    assert len(problems) == 2  # runs
    assert all("/run.json: was made by other code" in problem for problem in problems)


def test_results_of_another_version_of_a_library_are_told(moved, monkeypatch):
    monkeypatch.setattr(
        code_digest, "version", lambda name: "9.9" if name == "scikit-learn" else version(name)
    )
    [problem] = [problem for problem in problems_of(moved) if "encoder" in problem]
    assert "other code" not in problem
    assert f"library: scikit-learn {version('scikit-learn')}; installed here: " in problem
    assert problem.endswith("scikit-learn 9.9.")


def test_images_and_weights_are_checked_where_they_are(original, tmp_path):
    study = finished_study(original)
    cache = shutil.copytree(original.parents[1] / "aside", tmp_path / "cache")
    study = study.model_copy(update={"cache": cache})
    verification = Verification(study)
    assert list(verification.problems()) == []
    assert not verification.unseen
    [weights] = cache.rglob("weights.safetensors")
    for file in (weights, cache / "mnist" / "test-labels.npy"):
        content = file.read_bytes()
        file.write_bytes(flipped(content))
        assert f"was made from another {file}" in next(Verification(study).problems())
        file.write_bytes(content)


def test_results_without_provenance_are_told_in_a_sentence(moved):
    shutil.rmtree(moved / "provenance")
    result = command("verify", moved)
    assert result.exit_code == 1
    assert "provenance: missing, so nothing can be verified" in result.output


def test_a_folder_that_is_no_studys_is_told_in_a_sentence(tmp_path, moved):
    renamed = moved.rename(moved.with_name("large"))
    for folder, told in {
        tmp_path: f"{tmp_path}: found no study.json",
        renamed: "is of study 'small'; its folder must have that name",
    }.items():
        result = command("verify", folder)
        assert result.exit_code == 1
        assert told in result.output


def test_everything_is_told_only_when_it_is_asked_for(moved):
    (moved / "report.html").unlink()
    metrics_of(moved, "own").unlink()
    (moved / "notes.txt").write_text("mine")
    short, long = command("verify", moved), command("verify", moved, "--all")
    assert (short.exit_code, long.exit_code) == (1, 1)
    assert "metrics.parquet: missing" in short.output
    assert "report.html" not in short.output
    assert "report.html: missing" in long.output
    assert "notes.txt: not of the study" in long.output


def test_a_study_file_kept_elsewhere_is_a_configuration_like_any_other(original, tmp_path):
    copy = shutil.copy(original / "study.json", tmp_path / "study.json")
    assert load_study(copy).results == original.parent
    assert len(runs(load_study(copy))) == 2
