"""The step `train`, ended and started again: its files are those of a run that never ended."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from killing import PROCESSES, killed
from result_files import content
from resuming import after_every_epoch
from small_study import prepared_study
from study_folder import StudyFolder, finished, wait_for_training, wait_until

from tlstudy.config.named_runs import find_run
from tlstudy.config.settings import Study
from tlstudy.jobs import paths
from tlstudy.networks import checkpoint
from tlstudy.steps.train import train_run

TRAINING = {"architecture": "resnet18", "image_size": 32, "epochs": 4, "batch_size": 16}
ARMS = {
    "new": TRAINING,
    "published": TRAINING | {"optimiser_holds": "another-network", "head": "softmax"},
    "pretrained": TRAINING | {"initialisation": "own", "tune_learning_rate": True},
    "moved": TRAINING
    | {"target": {"name": "digits", "canvas": {"side": 16, "place": "anywhere"}, "seed": 3}},
    "ways": TRAINING
    | {
        "augmentation": ["rotation"],
        "early_stopping": {"share": 0.5, "patience": 4},
        "weight_average": 0.5,
        "schedule": "cosine",
        "trained": {"top_k": 0.2},
    },
}


@pytest.fixture(scope="module")
def study(tmp_path_factory, cache) -> Study:
    """A study on real images, with its subset; the pretrained weights are made here."""
    return prepared_study(
        tmp_path_factory.mktemp("study"),
        cache / "mnist",
        subset_size=20,
        tuning={"learning_rates": [0.001, 0.01], "folds": 2},
        arms=ARMS,
    )


def train(study: Study, arm: str, last: int | None = None) -> None:
    """Work for a process: the step, with a checkpoint after every epoch.

    Args:
        last: epoch after whose checkpoint the process ends on the spot.
    """
    after_every_epoch()
    keep = checkpoint.keep

    def keep_and_end(trainer, outcome, scratch) -> None:
        keep(trainer, outcome, scratch)
        if len(outcome.metrics) == last:
            signal.raise_signal(signal.SIGPROF)

    checkpoint.keep = keep_and_end
    train_run(study, find_run(study, arm, 20, 26), threads=1)


def elsewhere(study: Study, name: str) -> Study:
    """The same study on the same subsets, its results in a folder of their own."""
    other = study.model_copy(update={"study": name})
    if not paths.study_folder(other).exists():
        paths.study_folder(other).mkdir()
        (paths.study_folder(other) / "subsets").symlink_to(paths.study_folder(study) / "subsets")
    return other


def files_of(study: Study, arm: str) -> Path:
    return paths.folder_of_run(study, find_run(study, arm, 20, 26))


def assert_same_files(study: Study, expected: Study, arm: str) -> list[int]:
    """To the last digit, times apart; return the epochs after which the run was resumed."""
    ours, theirs = files_of(study, arm), files_of(expected, arm)
    assert {file.name for file in ours.iterdir()} == {file.name for file in theirs.iterdir()}
    for file in theirs.iterdir():
        if file.name != "run.json":
            assert content(ours / file.name) == content(file), file.name
    found, wanted = (json.loads(content(folder / "run.json")) for folder in (ours, theirs))
    after = found.pop("resumed_after_epochs")
    wanted.pop("resumed_after_epochs")
    assert found == wanted
    assert not list((paths.study_folder(study) / "scratch").iterdir())
    return after


def never_ended(study: Study, arm: str) -> Study:
    """Where the arm was trained without an end."""
    whole = elsewhere(study, "whole")
    assert not killed(None, train, whole, arm)
    return whole


@pytest.mark.parametrize("arm", ["pretrained", "moved", "ways"])
def test_files_are_those_of_a_run_that_was_never_ended(study, arm):
    """Of the arm that chooses its learning rate first, ended while it trains; of drawn images."""
    ended = elsewhere(study, "ended")
    assert killed(None, train, ended, arm, 2)
    half_written = files_of(ended, arm) / ".plane.safetensors.x"
    half_written.parent.mkdir(parents=True, exist_ok=True)
    half_written.write_bytes(b"left by the process that was ended")
    assert not killed(None, train, ended, arm)
    assert assert_same_files(ended, never_ended(study, arm), arm) == [2]


def test_the_record_names_the_images_that_were_held_out(study):
    whole = never_ended(study, "ways")
    record = json.loads((files_of(whole, "ways") / "run.json").read_text())
    run = find_run(study, "ways", 20, 26)
    subset = json.loads((paths.run_subset_folder(study, run) / "subset.json").read_text())
    digits = dict(zip(subset["indices"], subset["labels"], strict=True))
    held_out = record["early_stopping"]["held_out"]
    assert sorted(digits[index] for index in held_out) == list(range(10))
    losses = record["early_stopping"]["held_out_losses"]
    assert record["epochs"] == 1 + int(np.argmin(losses)) <= len(losses) == 4
    assert len(record["trajectory"]["path"]) == record["epochs"] + 1


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_killed_at_twenty_random_moments_the_files_are_the_same(arm, study):
    """By kill -9, at moments of the clock."""
    began = time.monotonic()
    whole = never_ended(study, arm)
    took, ended, kills = time.monotonic() - began, elsewhere(study, f"killed-{arm}"), 0
    moments, after = np.random.default_rng(26), []
    while kills < 20 or not (files_of(ended, arm) / "run.json").exists():
        process = PROCESSES.Process(target=train, args=(ended, arm))
        process.start()
        process.join(moments.uniform(0.3, 1) * took if kills < 20 else None)
        if process.is_alive():
            process.kill()
            process.join()
            assert process.exitcode == -signal.SIGKILL
            kills += 1
        else:
            assert process.exitcode == 0
            after += assert_same_files(ended, whole, arm)
            if kills < 20:
                (files_of(ended, arm) / "run.json").unlink()
    assert after


CHECKPOINT_AFTER_EVERY_EPOCH = f"""#!{sys.executable}
from tlstudy.networks import checkpoint
from tlstudy.cli import main

checkpoint.SECONDS_BETWEEN, checkpoint.SHARE = 0, 1e9
main()
"""


class Workflow(StudyFolder):
    """One arm, trained long enough to be ended on the way, with a checkpoint after every epoch."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.have_only(new=TRAINING | {"epochs": 12})
        self.replace_command(CHECKPOINT_AFTER_EVERY_EPOCH)

    def record(self) -> dict:
        (file,) = self.results.glob("runs/*/*/*/run.json")
        return json.loads(file.read_text())


def test_a_training_that_ends_well_after_an_interrupt_is_kept(tmp_path, cache):
    """Ctrl-C that reaches Snakemake alone: it waits for the training."""
    place = StudyFolder(tmp_path / "study")
    place.have_only(new=TRAINING)
    place.hold_trainings()
    process = place.start("--until=train")
    wait_for_training(place)
    os.kill(process.pid, signal.SIGINT)
    place.let_go()
    interrupted = finished(process)
    assert interrupted.returncode != 0, interrupted.stdout
    assert "train" not in place.planned("--until=train")


@pytest.mark.slow
def test_a_job_that_is_killed_goes_on_when_the_workflow_is_called_again(tmp_path, cache):
    whole, ended = (Workflow(tmp_path / name) for name in ("whole", "ended"))
    whole.succeed("--until=train")
    process = ended.start("--until=train")
    training = wait_for_training(ended)
    third = "scratch/*/state-3.safetensors"
    wait_until(lambda: list(ended.results.glob(third)), "the third checkpoint")
    os.kill(training, signal.SIGKILL)
    result = finished(process)
    assert result.returncode != 0, result.stdout
    assert not list(ended.results.glob("runs/*/*/*/run.json"))
    assert "goes on after epoch" in ended.succeed("--until=train")
    found, expected = ended.record(), whole.record()
    # The third counts once the manifest, written last, names it.
    assert found["resumed_after_epochs"][0] >= 2
    assert found["final"] == expected["final"]
    assert found["trajectory"] == expected["trajectory"]
    assert not list((ended.results / "scratch").iterdir())
