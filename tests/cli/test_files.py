"""A new study file, and what is removed of a study's folder."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tlstudy.cli import main
from tlstudy.config.given import given_study
from tlstudy.config.study import runs
from tlstudy.jobs import paths
from tlstudy.jobs.attempts import attempt
from tlstudy.jobs.calls import forget_call, note_call
from tlstudy.jobs.study_files import keep_study


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, result.output
    return result.output


def test_a_new_study_file_is_a_study(here):
    assert "studies/mine.yaml" in invoke("init")
    study = given_study([Path("studies/mine.yaml")])
    assert (study.study, list(study.arms)) == ("mine", ["new", "pretrained"])
    assert "is there already" in invoke("init", status=1)
    invoke("init", "ab.yaml")
    assert given_study([Path("ab.yaml")]).study == "ab"
    assert "can be no study's name" in invoke("init", "c d.yaml", status=1)
    assert not Path("c d.yaml").exists()


@pytest.mark.parametrize("name", ["one/config.yaml", "slides.yaml", "quick.yaml"])
def test_a_new_study_takes_no_name_that_is_taken(here, name):
    Path("results/quick").mkdir(parents=True)
    assert "another file name" in invoke("init", name, status=1)
    assert not Path(name).exists()


def test_calls_with_a_blank_can_be_copied(here):
    assert "then `tlstudy plan 'my dir/mine.yaml'`." in invoke("init", "my dir/mine.yaml")
    assert "--configfile 'my dir/mine.yaml'  " in Path("my dir/mine.yaml").read_text()


def test_what_is_commented_out_in_it_is_right(here):
    """Each example of a setting, and the claim, is a part of a study."""
    invoke("init")
    text = Path("studies/mine.yaml").read_text()
    for line in (
        "target: fashion-mnist",
        "architecture: resnet18",
        "image_size: 64",
        "epochs: 30",
        "optimiser: {name: adam, learning_rate: [0.001, 0.0003]}",
    ):
        assert f"# {line}" in text
        Path("one.yaml").write_text(text.replace(f"    # {line}", f"    {line}"))
        given_study([Path("one.yaml")])
    head, _, claims = text.partition("# claims:")
    lines = [line.removeprefix("# ") for line in f"# claims:{claims}".splitlines()]
    Path("claimed.yaml").write_text(head + "\n".join(lines) + "\n")
    assert list(given_study([Path("claimed.yaml")]).claims) == ["better"]


STUDY = "study: mine\nseed: [26, 27]\nlandscape: {seeds: []}\n"


@pytest.fixture
def study(here):
    Path("mine.yaml").write_text(STUDY)
    return given_study([Path("mine.yaml")])


def make_run(study, run, name: str = "") -> Path:
    """A run's folder with something in it, and its provenance."""
    folder = paths.run_folder(study, name or run.name, run.subset_size, run.seed)
    job = paths.job_of_folder("train", name or run.name, run.subset_size, run.seed)
    for file in (folder / "run.json", paths.provenance_file(study, job)):
        file.parent.mkdir(parents=True)
        file.write_text("x" * 1000)
    return folder


def test_only_what_the_study_does_not_need_is_removed(study):
    wanted, *_ = runs(study)
    kept, old = make_run(study, wanted), make_run(study, wanted, "random-old-0123456789")
    checkpoint = Path("results/mine/scratch/a-run/checkpoint")
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(bytes(5_000_000))
    told = invoke("clean", "mine.yaml")
    assert "Checkpoints, from which unfinished trainings would go on (1): 5.0 MB" in told
    assert f"{old}\n" in told
    assert str(kept) not in told
    assert old.is_dir()
    assert checkpoint.is_file()
    invoke("clean", "mine.yaml", "--yes")
    assert kept.is_dir()
    left = sorted(str(path) for path in Path("results").rglob("*") if path.is_file())
    assert left == sorted(
        [
            str(kept / "run.json"),
            str(paths.provenance_file(study, paths.job_of_run("train", wanted))),
        ]
    )
    assert "nothing to remove" in invoke("clean", "mine.yaml")


def test_nothing_outside_the_folder_is_removed(study, here):
    outside = here / "outside"
    (outside / "a-run").mkdir(parents=True)
    (outside / "a-run" / "checkpoint").write_text("kept")
    folder = Path("results/mine")
    folder.mkdir(parents=True)
    (folder / "scratch").symlink_to(outside)
    (folder / "runs").symlink_to(outside)
    assert "nothing to remove" in invoke("clean", "mine.yaml", "--yes")
    (folder / "scratch").unlink()
    (folder / "scratch").mkdir()
    (folder / "scratch" / "linked").symlink_to(outside)
    invoke("clean", "mine.yaml", "--yes")
    assert not (folder / "scratch" / "linked").is_symlink()
    assert (outside / "a-run" / "checkpoint").read_text() == "kept"
    told = invoke("clean", "mine.yaml", "--set", f"scratch={outside}", "--yes")
    assert "left alone" in told
    assert (outside / "a-run" / "checkpoint").read_text() == "kept"


def test_nothing_is_removed_while_a_job_runs(study):
    old = make_run(study, runs(study)[0], "random-old-0123456789")
    job = paths.job_of_run("train", runs(study)[0])
    with attempt(paths.attempt_file(paths.study_folder(study), job)):
        assert "may be running" in invoke("clean", "mine.yaml", "--yes", status=1)
    assert old.is_dir()


def test_nothing_is_removed_while_an_arm_trains_that_left_the_study(study):
    folder = paths.study_folder(study)
    old = make_run(study, runs(study)[0], "random-old-0123456789")
    job = paths.job_of_folder("train", "random-older-0123456789", 50, 26)
    with attempt(paths.attempt_file(folder, job)):
        told = invoke("clean", "mine.yaml", "--yes", status=1)
        assert "train random-older-0123456789" in told
    note_call(study, ["snakemake", "--cores", "1"], 1, 0)
    assert "`snakemake --cores 1` may be running" in invoke("clean", "mine.yaml", status=1)
    assert old.is_dir()
    forget_call(study)
    invoke("clean", "mine.yaml", "--yes")
    assert not old.is_dir()


def test_a_command_that_finds_no_results_names_a_call_that_makes_them(study):
    keep_study(study)
    started = "`snakemake --cores all --configfile mine.yaml"
    assert f"yet; run {started}` (" in invoke("claims", "mine.yaml", status=1)
    told = invoke("claims", "mine.yaml", "--set", "seed=27", status=1)
    assert f"yet; run {started} --config seed=27`" in told
    for change in ("arms.new.epochs=3", "seed=[26, 27]"):
        told = invoke("claims", "mine.yaml", "--set", change, status=1)
        assert f"into a file, such as changes.yaml, and run {started} changes.yaml`" in told
    assert "and the study's file" in invoke("claims", "results/mine", status=1)
    note_call(study, ["snakemake", "--cores", "1"], 1, 0)
    assert "go on with `snakemake --cores 1`" in invoke("claims", "results/mine", status=1)
