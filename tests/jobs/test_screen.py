"""One screen of a study: what it shows, that it fits, and when it ends."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from configurations import DEFAULT

from tlstudy.cli import main, planning
from tlstudy.config.study import build_study, runs
from tlstudy.jobs import paths
from tlstudy.jobs.attempts import attempt
from tlstudy.jobs.progress import progress, progress_data
from tlstudy.jobs.screen import screen
from tlstudy.jobs.time_left import ahead_of

ARMS = {"new": {"epochs": 30}, "slow": {"epochs": 30, "optimiser": {"learning_rate": 0.0001}}}


def make_study(folder: Path, arms: dict, seeds: tuple[int, ...] = (1, 2)):
    places = {"results": str(folder / "results"), "cache": str(folder / "cache")}
    changes = {"seed": list(seeds), "landscape": {"seeds": []}, "study": "shown"}
    return build_study({**DEFAULT, **places, **changes, "arms": arms})


def shown(study, width: int = 80, height: int = 24) -> list[str]:
    found = progress(study)
    return screen(found, ahead_of(found), width, height).splitlines()


def note(study, number: int):
    run = runs(study)[number]
    return attempt(paths.attempt_file(paths.study_folder(study), paths.job_of_run("train", run)))


def test_it_shows_epochs_of_what_runs_and_what_failed(tmp_path):
    study = make_study(tmp_path, ARMS)
    with pytest.raises(RuntimeError), note(study, 3):
        raise RuntimeError("no space")
    with note(study, 0):
        job = paths.job_of_run("train", runs(study)[0])
        log = paths.log_file(paths.study_folder(study), job)
        log.parent.mkdir(parents=True)
        log.write_text("epoch 11 of 30\nepoch 12 of 30\n")
        lines = shown(study)
    assert lines[0].startswith("shown: 0 of 4 runs are there; 1 failed, 1 running, 2 missing")
    assert lines[1] == "[###...........................] 10 %"
    assert "epochs: 12 of 120 done" in lines
    grid = [line.split() for line in lines]
    assert ["new,", "50", "12/30", "."] in grid
    assert ["slow,", "50", ".", "F"] in grid
    assert any("3/30 running, with epochs done of all" in line for line in lines)
    assert "failed: train, slow, 50, 2" in lines
    assert "    RuntimeError: no space" in lines


def test_runs_that_wait_for_what_failed_are_counted(tmp_path):
    from_scratch = {"initialisation": "random", "architecture": "resnet18"}
    pretrained = {"initialisation": "imagenet", "architecture": "resnet50"}
    study = make_study(tmp_path, {"new": from_scratch, "pretrained": pretrained}, (1, 2, 3))
    run = next(run for run in runs(study) if run.sources)
    weights = paths.job_of_weights(run.settings.architecture, run.sources)
    with pytest.raises(RuntimeError), attempt(paths.attempt_file(study.cache, weights)):
        raise RuntimeError("no network")
    with note(study, 0):
        assert "    RuntimeError: no network 3 missing runs wait for it." in shown(study)
    told = progress_data(progress(study))["unended"]
    assert [(job["job"], job["waiting"]) for job in told] == [(["weights", "resnet50"], 3)]
    drawing = paths.job_of_subset(*paths.drawing_of_run(run))
    file = paths.attempt_file(paths.study_folder(study), drawing)
    with pytest.raises(RuntimeError), attempt(file):
        raise RuntimeError("no images")
    waiting = {job["job"][0]: job["waiting"] for job in progress_data(progress(study))["unended"]}
    assert waiting == {"weights": 3, "subset": 2}  # of its seed, both networks


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12), (200, 60)])
def test_it_fits_the_terminal(tmp_path, width, height):
    arms = {f"arm-{place}": {"label": f"{place}", "epochs": place + 1} for place in range(30)}
    study = make_study(tmp_path, arms, tuple(range(20)))
    for number in (599, 598, 597):
        with pytest.raises(RuntimeError), note(study, number):
            raise RuntimeError("no space")
    lines = shown(study, width, height)
    assert len(lines) < height
    assert max(map(len, lines)) < width
    assert any(line.startswith("arm-29, 50") for line in lines)
    if height > 12:
        assert any(line.startswith("failed: train, arm-29") for line in lines)
    if height < 30:
        assert any("rows more" in line for line in lines)


def test_it_ends_with_the_study(tmp_path, monkeypatch, small_results):
    result = CliRunner().invoke(main, ["status", "--watch", str(small_results.folder)])
    assert result.exit_code == 0
    assert "2 of 2 runs are there." in result.output
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(planning.time, "sleep", sleep)
    Path("mine.yaml").write_text("study: mine\n")
    result = CliRunner().invoke(main, ["status", "--watch", "--every", "2", "mine.yaml"])
    assert result.exit_code == 0
    assert waited == [2, 2, 2]
    assert result.output.count("0 of 40 runs are there") == 3
    assert [file.name for file in tmp_path.iterdir()] == ["mine.yaml"]
