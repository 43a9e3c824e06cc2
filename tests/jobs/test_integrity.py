"""Results that were damaged, tampered with or moved: what `tlstudy verify` says of them."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tlstudy.cli import main
from tlstudy.config.study import finished_study, load_study, runs
from tlstudy.data.download import sha256
from tlstudy.jobs.records import read_record
from tlstudy.jobs.verify import Verification, verify_folder
from tlstudy.storage import code_digest
from tlstudy.storage.errors import UserError
from tlstudy.storage.provenance import version


@pytest.fixture
def original(small_results) -> Path:
    """Results of a small study, away from its cache, which lies beside them as `aside`."""
    return small_results.folder


@pytest.fixture
def moved(original, tmp_path) -> Path:
    """A copy in another place, which a test may damage."""
    return shutil.copytree(original, tmp_path / "elsewhere" / "small")


def first_problem(folder: Path) -> str:
    """The first thing that does not hold; an error of the configuration counts as one."""
    try:
        return next(Verification(finished_study(folder)).problems(), "")
    except UserError as error:
        return error.message


def all_problems(folder: Path) -> list[str]:
    return list(Verification(finished_study(folder)).problems())


def results_and_records(folder: Path) -> list[str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path.relative_to(folder).as_posix() for path in files]


def flip(file: Path, share: float = 0.5, bit: int = 0) -> None:
    content = bytearray(file.read_bytes())
    content[int(share * len(content))] ^= 1 << bit
    file.write_bytes(content)


def record_of(folder: Path, stage: str, run_of: str = "") -> Path:
    """The record of a stage; of a run, by how its folder's name begins."""
    [found] = (folder / "provenance").glob(f"{stage}/{run_of}*/*/*.json" if run_of else stage)
    return found


def metrics_of(folder: Path, run_of: str) -> Path:
    [found] = folder.glob(f"runs/{run_of}-*/*/*/metrics.parquet")
    return found


def rewrite(record: Path, **changes) -> None:
    """A record with other content and a seal to go with it, as a forger would make it."""
    content = json.loads(record.read_text()) | changes
    del content["seal"]
    seal = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    record.write_text(json.dumps({**content, "seal": seal}, indent=1) + "\n")


def follow(folder: Path, record: Path) -> None:
    """Make a record agree with its results as they are now."""
    names = json.loads(record.read_text())["outputs"]
    there = [name for name in names if (folder / name).is_file()]
    now = {
        name: {"sha256": sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for name in there
    }
    rewrite(record, outputs=names | now)


def test_results_hold_where_they_were_made_and_elsewhere(original, moved):
    for folder in (original, moved):
        text, holds = verify_folder(folder, everything=True)
        assert holds, text
        assert f"{len(results_and_records(folder))} files" in text
        assert "Not looked at: 6 files of images and weights" in text
        assert "Note" not in text


def test_every_result_and_record_is_missed_when_it_is_damaged(moved):
    for name in results_and_records(moved):
        file = moved / name
        content = file.read_bytes()
        damaged = "study.json" if name == "study.json" else f"{name}: was "
        flip(file)
        assert damaged in first_problem(moved), name
        file.write_bytes(content[: len(content) // 2])
        assert damaged in first_problem(moved), name
        file.write_bytes(content + b"\n")
        assert damaged in first_problem(moved), name
        file.unlink()
        assert f"{name}: missing" in first_problem(moved) or name == "study.json"
        file.write_bytes(content)
    assert first_problem(moved) == ""


@given(data=st.data())
@settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_bit_can_be_flipped(moved, data):
    name = data.draw(st.sampled_from(results_and_records(moved)))
    share = data.draw(st.floats(0, 1, exclude_max=True))
    bit = data.draw(st.integers(0, 7))
    content = (moved / name).read_bytes()
    flip(moved / name, share, bit)
    try:
        assert name in first_problem(moved)
    finally:
        (moved / name).write_bytes(content)


def test_damage_is_told_in_a_sentence(moved):
    metrics = metrics_of(moved, "random")
    size = metrics.stat().st_size
    metrics.write_bytes(metrics.read_bytes()[:100])
    name = metrics.relative_to(moved)
    assert first_problem(moved) == f"{name}: was truncated (100 of {size:,} bytes)."
    metrics.unlink()
    assert first_problem(moved) == f"{name}: missing; `tlstudy train` makes it."


def test_exchanged_files_of_two_runs_are_found(moved):
    one, other = metrics_of(moved, "random"), metrics_of(moved, "own")
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    problems = all_problems(moved)
    for file in (one, other):
        assert [p for p in problems if p.startswith(f"{file.relative_to(moved)}: was ")]


def test_exchanged_records_of_two_runs_are_found(moved):
    one, other = record_of(moved, "train", "random"), record_of(moved, "train", "own")
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    assert "lists other files than the study's" in first_problem(moved)


def test_a_run_altered_together_with_its_record_is_told_by_what_builds_on_it(moved):
    run = metrics_of(moved, "own").with_name("run.json")
    run.write_text(run.read_text().replace('"status": "finished"', '"status": "excellent"'))
    follow(moved, record_of(moved, "train", "own"))
    problems = all_problems(moved)
    name = run.relative_to(moved)
    for file in ("landscape.json", "curvature.parquet", "encoder.parquet", "reuse.parquet"):
        assert [
            problem
            for problem in problems
            if problem.startswith(
                f"{run.with_name(file).relative_to(moved)}: was made from another"
            )
        ]
    assert [
        p for p in problems if p.startswith(f"tables/runs.parquet: was made from another {name}")
    ]


def test_a_report_altered_together_with_its_record_has_another_fingerprint(original, moved):
    report = moved / "report.html"
    report.write_text(report.read_text() + "<p>All is well.</p>")
    follow(moved, record_of(moved, "report.json"))
    assert first_problem(moved) == ""
    before, after = (Verification(finished_study(f)).fingerprint() for f in (original, moved))
    assert before != after


def test_a_handed_over_trajectory_is_held_against_the_training(moved):
    record = record_of(moved, "curvature", "own")
    inputs = json.loads(record.read_text())["inputs"]
    [plane] = (name for name in inputs if name.endswith("plane.safetensors"))
    rewrite(record, inputs=inputs | {plane: "0" * 64})
    assert f"curvature.parquet: was made from another {plane}" in first_problem(moved)


@pytest.mark.parametrize(
    ("key", "change", "expected"),
    [
        (
            "evaluation",
            {"final_images": 20},
            "run.json: was made with other settings than*evaluation",
        ),
        (
            "curvature",
            {"radius": 0.2},
            "curvature.parquet: was made with other settings than*curvature",
        ),
        ("reuse", {"descent_steps": 2}, "reuse.parquet: was made with other settings than*: reuse"),
        ("device", "auto", "was made with other settings than study.json's: device"),
        ("cache", "elsewhere", "report.html: was made from another study.json"),
        ("seed", [26, 27], "seed~27/subset.json: missing; `tlstudy subset` makes it."),
    ],
)
def test_other_settings_are_named(moved, key, change, expected):
    file = moved / "study.json"
    content = json.loads(file.read_text())
    content[key] = content[key] | change if isinstance(change, dict) else change
    file.write_text(json.dumps(content))
    begin, _, end = expected.partition("*")
    problem = first_problem(moved)
    assert begin in problem
    assert end in problem


def test_an_input_that_is_not_the_studys_is_named(moved):
    record = record_of(moved, "aggregate.json")
    inputs = json.loads(record.read_text())["inputs"]
    [lost] = (name for name in inputs if name.endswith("landscape.json"))
    others = {name: digest for name, digest in inputs.items() if name != lost}
    rewrite(record, inputs=others | {"runs/of-another.json": "0" * 64})
    problems = all_problems(moved)
    assert f"tables/runs.parquet: was made without {lost}, which is there." in problems
    assert (
        "tables/runs.parquet: was also made from runs/of-another.json, which is not the study's."
        in problems
    )


@pytest.fixture
def edited_package(monkeypatch, tmp_path) -> None:
    """The code with another constant in what trains."""
    copy = tmp_path / "tlstudy"
    shutil.copytree(code_digest.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / "networks" / "trajectory.py"
    file.write_text(file.read_text().replace("RANK_TOLERANCE = 1e-12", "RANK_TOLERANCE = 1e-11"))
    monkeypatch.setattr(code_digest, "PACKAGE", copy)


def test_results_of_other_code_are_told(moved, edited_package):
    problems = all_problems(moved)
    assert len(problems) == 2  # runs
    assert all("/run.json: was made by other code" in problem for problem in problems)


def test_results_of_another_version_of_a_library_are_told(moved, monkeypatch):
    monkeypatch.setattr(
        code_digest, "version", lambda name: "9.9" if name == "scikit-learn" else version(name)
    )
    [problem] = [problem for problem in all_problems(moved) if "encoder" in problem]
    assert "other code" not in problem
    assert f"library: scikit-learn {version('scikit-learn')}; installed here: " in problem
    assert problem.endswith("scikit-learn 9.9.")


def test_records_without_libraries_are_of_earlier_versions_and_not_altered(moved):
    record = record_of(moved, "aggregate.json")
    content = json.loads(record.read_text())
    del content["libraries"]
    record.write_text(json.dumps(content))
    rewrite(record)
    assert read_record(record).libraries == {}
    assert first_problem(moved) == ""


def test_images_and_weights_are_looked_at_where_they_are(original, tmp_path):
    study = finished_study(original)
    cache = shutil.copytree(original.parents[1] / "aside", tmp_path / "cache")
    study = study.model_copy(update={"cache": cache})
    verification = Verification(study)
    assert list(verification.problems()) == []
    assert not verification.unseen
    [weights] = cache.rglob("weights.safetensors")
    for file in (weights, cache / "mnist" / "t10k-labels-idx1-ubyte"):
        content = file.read_bytes()
        flip(file)
        assert f"was made from another {file}" in next(Verification(study).problems())
        file.write_bytes(content)


def test_results_of_earlier_versions_are_told_in_a_sentence(moved):
    shutil.rmtree(moved / "provenance")
    result = CliRunner().invoke(main, ["verify", str(moved)])
    assert result.exit_code == 1
    assert "provenance: missing, as in results of earlier versions" in result.output


def test_a_folder_that_is_no_studys_is_told_in_a_sentence(tmp_path, moved):
    for folder in (tmp_path, tmp_path / "nowhere"):
        result = CliRunner().invoke(main, ["verify", str(folder)])
        assert result.exit_code == 1
        assert f"{folder}: found no study.json" in result.output
    renamed = moved.rename(moved.with_name("large"))
    assert "is of study 'small'; its folder must have that name" in first_problem(renamed)


def test_everything_is_told_only_when_it_is_asked_for(moved):
    (moved / "report.html").unlink()
    metrics_of(moved, "own").unlink()
    (moved / "notes.txt").write_text("mine")
    short = CliRunner().invoke(main, ["verify", str(moved)])
    long = CliRunner().invoke(main, ["verify", str(moved), "--all"])
    assert (short.exit_code, long.exit_code) == (1, 1)
    assert "metrics.parquet: missing" in short.output
    assert "report.html" not in short.output
    assert "report.html: missing" in long.output
    assert "notes.txt: not of the study" in long.output


@pytest.mark.parametrize(
    "again", [("claims", "report"), pytest.param(("figures",), marks=pytest.mark.slow)]
)
def test_results_packed_and_unpacked_elsewhere_hold_and_are_made_again(
    original, tmp_path, monkeypatch, again
):
    tarball = tmp_path / "small.tar.gz"
    packed = CliRunner().invoke(main, ["pack", str(original), "--output", str(tarball)])
    assert packed.exit_code == 0, packed.output
    place = tmp_path / "elsewhere"
    place.mkdir()
    subprocess.run(["tar", "xzf", tarball], cwd=place, check=True)
    monkeypatch.chdir(place)
    for command in (
        ["verify", "small"],
        *([command, "--config", "small"] for command in again),
        *([command, "--config", "small/study.json"] for command in again),
        ["verify", "small"],
    ):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
    for name in results_and_records(original):
        if not name.startswith("provenance"):  # which hold the version of the code as well
            assert (place / "small" / name).read_bytes() == (original / name).read_bytes(), name
    assert packed.output.splitlines()[-1] == result.output.splitlines()[-1]  # the fingerprints


def test_the_same_results_give_the_same_tarball(original, moved, tmp_path):
    (moved / "logs").mkdir()
    (moved / "logs" / "train.log").write_text("Once.")
    tarballs = [tmp_path / "one.tar.gz", tmp_path / "other.tar.gz"]
    for folder, tarball in zip((original, moved), tarballs, strict=True):
        result = CliRunner().invoke(main, ["pack", str(folder), "--output", str(tarball)])
        assert result.exit_code == 0, result.output
    assert tarballs[0].read_bytes() == tarballs[1].read_bytes()


def test_results_that_do_not_hold_are_not_packed(moved, tmp_path):
    flip(moved / "report.html")
    result = CliRunner().invoke(main, ["pack", str(moved), "--output", str(tmp_path / "a.tar.gz")])
    assert result.exit_code == 1
    assert "was not packed, as it does not hold. report.html: was altered" in result.output
    assert not (tmp_path / "a.tar.gz").exists()


def test_a_study_file_kept_elsewhere_is_a_configuration_like_any_other(original, tmp_path):
    copy = shutil.copy(original / "study.json", tmp_path / "study.json")
    assert load_study([copy]).results == original.parent
    assert len(runs(load_study([copy]))) == 2
