"""Results that are handed on: how they are packed, and what a step makes of damaged ones."""

import json
import subprocess
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import command, follow
from result_files import files_of

from tlstudy.config.study import finished_study
from tlstudy.jobs.paths import CLAIMS_SEEN, PLANE, RUN_RECORD


@pytest.mark.parametrize(
    "again", [("claims", "report"), pytest.param(("figures",), marks=pytest.mark.slow)]
)
def test_results_packed_and_unpacked_elsewhere_hold_and_are_made_again(
    original, tmp_path, monkeypatch, again
):
    tarball = tmp_path / "small.tar.gz"
    packed = command("pack", original, "--output", tarball)
    assert packed.exit_code == 0, packed.output
    place = tmp_path / "elsewhere"
    place.mkdir()
    subprocess.run(["tar", "xzf", tarball], cwd=place, check=True)
    monkeypatch.chdir(place)
    made = [(step, "--config", named) for named in ("small", "small/study.json") for step in again]
    for arguments in (("verify", "small"), *made, ("verify", "small")):
        result = command(*arguments)
        assert result.exit_code == 0, result.output
    for name in files_of(original):
        if not name.startswith("provenance"):  # which hold the version of the code as well
            assert (place / "small" / name).read_bytes() == (original / name).read_bytes(), name
    assert packed.output.splitlines()[-1] == result.output.splitlines()[-1]  # the fingerprints


def test_when_claims_were_first_seen_is_packed(moved, tmp_path):
    (moved / CLAIMS_SEEN).write_text("{}")
    assert command("pack", moved, "--output", tmp_path / "one.tar.gz").exit_code == 0
    with tarfile.open(tmp_path / "one.tar.gz") as archive:
        assert f"{moved.name}/{CLAIMS_SEEN}" in archive.getnames()


def test_weights_that_a_step_by_hand_left_are_removed(moved):
    assert "nothing to remove" in command("clean", moved).output
    run = next((moved / "runs").glob("*/n~*/seed~*"))
    (run / PLANE).write_bytes(b"weights")
    assert "measurements that are all made (1)" in command("clean", moved, "--yes").output
    assert (run / RUN_RECORD).is_file()
    assert not (run / PLANE).is_file()


def test_the_same_results_give_the_same_tarball(original, moved, tmp_path):
    (moved / "logs").mkdir()
    (moved / "logs" / "train.log").write_text("Once.")
    tarballs = [tmp_path / "one.tar.gz", tmp_path / "other.tar.gz"]
    for folder, tarball in zip((original, moved), tarballs, strict=True):
        result = command("pack", folder, "--output", tarball)
        assert result.exit_code == 0, result.output
    assert tarballs[0].read_bytes() == tarballs[1].read_bytes()


def test_results_that_do_not_hold_are_not_packed(moved, tmp_path):
    (moved / "report.html").write_text("altered")
    result = command("pack", moved, "--output", tmp_path / "a.tar.gz")
    assert result.exit_code == 1
    assert (
        "was not packed, because verification failed. report.html: was truncated" in result.output
    )
    assert not (tmp_path / "a.tar.gz").exists()


def test_no_tarball_takes_the_place_of_a_result_or_of_anything_but_a_tarball(
    original, moved, tmp_path
):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "link.tar.gz").symlink_to(original / "report.html")
    (tmp_path / "null.tar.gz").symlink_to("/dev/null")
    before = {name: (moved / name).read_bytes() for name in files_of(moved)}
    cache = finished_study(moved).cache
    cache.mkdir(exist_ok=True)
    for place in (
        *(moved / "report.html", moved / "new.tar.gz", cache / "a.tar.gz"),
        *(tmp_path / "notes.txt", tmp_path / "link.tar.gz", tmp_path / "null.tar.gz", tmp_path),
        Path("/dev/null"),
    ):
        result = command("pack", moved, "--output", place)
        assert result.exit_code == 1, result.output
        assert result.output.startswith((f"Error: {place}: is ", f"Error: {place}: lies in "))
    assert before == {name: (moved / name).read_bytes() for name in files_of(moved)}
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert Path("/dev/null").is_char_device()


# Steps by a file that they read.
READ_BY = {
    "subsets/*/*/*/*/subset.json": "aggregate",
    "runs/random-*/*/*/run.json": "aggregate",
    "runs/random-*/*/*/metrics.parquet": "aggregate",
    "runs/own-*/*/*/landscape.json": "figures",
    "runs/own-*/*/*/reuse.parquet": "aggregate",
    "tables/runs.parquet": "claims",
    "tables/metrics.parquet": "report",
    "figures/*/results.svg": "report",
}


def only(folder: Path, pattern: str) -> Path:
    [found] = folder.glob(pattern)
    return found


@pytest.mark.parametrize("pattern", READ_BY)
def test_a_step_takes_no_result_that_was_altered(moved, pattern):
    file = only(moved, pattern)
    content = file.read_bytes()
    file.write_bytes(
        content.replace(b"e", b"f", 1) if file.suffix != ".parquet" else content + b"0"
    )
    result = command(READ_BY[pattern], "--config", moved)
    assert result.exit_code == 1, result.output
    assert f"Error: {file}: was altered (its SHA-256 is not the one in {moved}" in result.output


def of_other_types(file: Path) -> None:
    """Keep the file readable, with text for each number and a number for each text or list."""
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        other = [pa.array([str(value) for value in column.to_pylist()]) for column in table.columns]
        pq.write_table(pa.table(other, names=table.column_names), file)
        return
    content = json.loads(file.read_text())
    told = {key: str(v) if type(v) in (int, float) else 3 for key, v in content.items()}
    file.write_text(json.dumps(told))


@pytest.mark.parametrize("pattern", [name for name in READ_BY if not name.endswith(".svg")])
def test_another_type_in_a_readable_file_is_told_in_a_sentence(moved, pattern):
    """As from somebody whose provenance agrees with it."""
    file = only(moved, pattern)
    of_other_types(file)
    follow(moved)
    result = command(READ_BY[pattern], "--config", moved)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert f"Error: {file}: is damaged (" in result.output


def test_a_drawing_that_was_cut_short_is_named(moved):
    file = only(moved, "figures/*/results.svg")
    file.write_bytes(file.read_bytes()[:-100])
    follow(moved)
    result = command("report", "--config", moved)
    assert f"Error: {file}: is damaged (it cannot be read as svg)" in result.output
