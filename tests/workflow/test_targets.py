"""A study swept over several targets, one of them a folder of images, end to end."""

import json
import os
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import ROOT
from painted import CLASSES, paint_folder
from PIL import Image
from reports import Page
from study_folder import StudyFolder, finished, wait_for_training, wait_until

from tlstudy.config.study import load_study
from tlstudy.config.study import runs as study_runs
from tlstudy.jobs.cost import memory_mb

TARGETS = ["mnist", "digits", {"folder": "photos", "side": 32}]
NETWORKS = ["resnet18", "mobilenet_v3_small", {"python": "own_networks:tokens"}]
WAYS = {
    "adam": {"label": "Adam"},
    "adamw": {"label": "AdamW", "optimiser": {"name": "adamw"}, "schedule": "cosine"},
}
# What guessing gives, by target.
CHANCE = {"mnist": 1 / 10, "digits": 1 / 10, "photos": 1 / 3}


PHOTOS = "adam~architecture=resnet18~target=photos-side-32"


def finished_runs(place: StudyFolder) -> dict[Path, int]:
    """Records of runs, with the times at which they were written."""
    return {file: file.stat().st_mtime_ns for file in place.results.glob("runs/*/*/*/run.json")}


@pytest.fixture(scope="module")
def done(tmp_path_factory, cache):
    """Targets, networks and ways of training swept, and a large transformer; run once.

    It is ended while it trains, and called again.
    """
    place = StudyFolder(tmp_path_factory.mktemp("targets") / "study")
    measured = place.overlay["encoder"] | {"arms": [PHOTOS]}
    swept = {"architecture": NETWORKS, "target": TARGETS, "image_size": 32, "epochs": 2}
    # Its last layer alone, which takes less memory.
    large = {"architecture": "vit_b_16", "target": TARGETS[2], "trained": "head"}
    large |= {"image_size": 32, "epochs": 1}
    place.have_only(**{name: swept | way for name, way in WAYS.items()}, large=large)
    place.overlay |= {"cache": "cache", "subset_size": 21, "weights": {}, "encoder": measured}
    (place.folder / "cache").mkdir()
    (place.folder / "cache" / "mnist").symlink_to(ROOT / "resources" / "mnist")
    paint_folder(place.folder / "photos")
    place.site.mkdir()
    shutil.copy(ROOT / "tests" / "helpers" / "own_networks.py", place.site)
    process = place.start()
    wait_until(lambda: len(finished_runs(place)) >= 3, "three runs")
    os.kill(wait_for_training(place), signal.SIGKILL)
    os.killpg(process.pid, signal.SIGINT)
    ended = finished(process)
    assert ended.returncode != 0, ended.stdout
    before = finished_runs(place)
    assert len(before) < len(TARGETS) * len(NETWORKS) * len(WAYS)
    place.succeed()
    # Of the two jobs that are ended, each may have had its files and not its end.
    assert len(before.items() & finished_runs(place).items()) >= len(before) - 2
    return place


@pytest.fixture
def place(done, tmp_path):
    """A copy of the finished study that a test may change, its folder of images in it."""
    return done.copy_to(tmp_path / "study")


def table(place, name):
    return pd.read_parquet(place.results / "tables" / f"{name}.parquet")


def test_each_arm_is_tested_on_its_own_target(done):
    runs = table(done, "runs").set_index("arm")
    assert len(runs) == len(TARGETS) * len(NETWORKS) * len(WAYS) + 1
    assert set(runs["status"]) == {"finished"}
    first = table(done, "metrics").query("epoch == 1").set_index("arm")["train_loss"]
    for arm, run in runs.iterrows():
        (target,) = [name for name in CHANCE if name in arm] or ["photos"]
        # More are asked for than the folder has.
        assert run["final_test_images"] == (15 if target == "photos" else 40)
        assert first[arm] == pytest.approx(-np.log(CHANCE[target]), abs=0.5)
        if target == "photos" and arm != "large":
            assert run["reported_balanced_accuracy"] > CHANCE[target]
    assert set(table(done, "encoder")["test_images"]) == {15}
    assert set(table(done, "encoder")["arm"]) == {PHOTOS}


def test_no_training_took_more_memory_than_planned(done):
    taken = table(done, "runs").set_index("arm")["peak_memory_gib"]
    study = load_study(done.results)
    for run in study_runs(study):
        assert taken[run.arm] * 1024 <= memory_mb(run, "train"), run.arm


def test_training_images_are_recorded_class_by_class(done):
    (file,) = (done.results / "subsets").glob("photos-*/stratified/n~21/seed~26/subset.json")
    assert json.loads(file.read_text())["counts"] == [7, 7, 7]
    arms = json.loads((done.results / "study.json").read_text())["arms"]
    found = arms[PHOTOS]["target"]["images"]
    assert file.parts[-5] == f"photos-{found['digest']}"
    assert (found["classes"], found["train"], found["test"]) == (list(CLASSES), 45, 15)


def test_the_report_speaks_of_the_study_s_own_images(done):
    text = Page((done.results / "report.html").read_text()).text
    assert "Training from 21 images of MNIST, scikit-learn\u2019s digits and the" in text
    assert "Guessing gives 33.3 % or 10.0 %." in text
    assert "has 15 test images, and all are used" in text
    assert "blue-ish 7, green 7 and red 7" in text
    assert "Slides" not in text


def test_results_are_verified_and_nothing_is_left_to_do(place):
    """Wherever the folder of images lies: the copy has it in another place."""
    results = str(place.results.relative_to(place.folder))
    assert "Not looked at" not in place.tlstudy("verify", "--all", results)
    assert place.planned() == {}
    plan = place.tlstudy("plan", "--config", "config.yaml", "--config", "tiny.yaml")
    assert re.search(r"train +19 +19 ", plan)


def test_another_image_makes_other_runs_of_its_folder_alone(place):
    Image.new("RGB", (30, 30)).save(place.folder / "photos" / "red" / "0.png")
    told = place.succeed("--dry-run")
    trained = re.findall(r"Training (.+), n = 21, seed 26", told)
    assert len(trained) == len(NETWORKS) * len(WAYS) + 1
    assert all("photos" in arm or arm == "large" for arm in trained)
    assert "Getting the images of photos-" in told
    planned = place.planned()
    assert (planned["subset"], planned["train"], planned["encoder"]) == (1, 7, 1)


def test_images_that_cannot_be_used_are_told_before_any_job_starts(place):
    (place.folder / "photos" / "red" / "0.png").write_bytes(b"no image")
    result = place.run()
    assert result.returncode != 0
    assert "arms.adam.target.folder: photos/red/0.png: cannot be read as an image" in result.stdout
    assert "Traceback" not in result.stdout


TYPING = {
    "data-set": ({"target": "mnis"}, "target.name: found 'mnis'; did you mean 'mnist'? must be "),
    "network": ({"architecture": "resnet5"}, "architecture: found 'resnet5'; did you mean 'resn"),
    "transform": (
        {"target": {"name": "mnist", "test_transform": "rotate90"}},
        "target.test_transform: found 'rotate90'; did you mean 'rotate-90'? must be ",
    ),
    "augmentation": (
        {"augmentation": ["rotate"]},
        "augmentation.0.name: found 'rotate'; did you mean 'rotation'? must be ",
    ),
    "optimiser": (
        {"optimiser": {"name": "AdamW"}},
        "optimiser.name: found 'AdamW'; did you mean 'adamw'? must be ",
    ),
    "part": ({"trained": "heads"}, "trained.part: found 'heads'; did you mean 'head'? must be "),
    "schedule": ({"schedule": "cosin"}, "schedule.name: found 'cosin'; did you mean 'cosine'? "),
}
FOLDERS = {
    "one": ({"folder": "one"}, "one/red: found 1 image (.bmp, "),
    "mixed": ({"folder": "mixed"}, "mixed: found grey images (red/grey.png) beside colour ones"),
    "grey": ({"folder": "grey", "colour": "rgb"}, "grey: found grey images only, where `colour: "),
    "empty": ({"folder": "empty"}, "empty: found 0 sub-folders; must have at least 2, one for"),
    "missing": ({"folder": "missing"}, "missing: no such folder in "),
}
TOGETHER = {
    "batchnorm": (
        {"architecture": "vgg11", "batchnorm": "recalibrated"},
        "batchnorm: found recalibrated; must be left out for vgg11, which has no BatchNorm.",
    ),
    "vit": (
        {"architecture": "vit_b_16", "image_size": 40},
        "image_size: found 40; must be a multiple of 16 for vit_b_16, the side of its patches.",
    ),
    "classes": (
        {"target": {"folder": "photos"}, "augmentation": [{"name": "shift", "classes": [3]}]},
        "augmentation.0.classes.0: found 3; must be a class from 0 to 2.",
    ),
    "start": (
        {"initialisation": "imagnet"},
        "initialisation: found 'imagnet'; did you mean 'imagenet'? allowed are random, imagenet.",
    ),
}


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """A folder with images that cannot be used."""
    place = StudyFolder(tmp_path_factory.mktemp("mistakes") / "study")
    for name in ("photos", "one", "mixed"):
        paint_folder(place.folder / name, 10)
    for number in range(1, 10):
        (place.folder / "one" / "red" / f"{number}.png").unlink()
    Image.new("L", (30, 30)).save(place.folder / "mixed" / "red" / "grey.png")
    (place.folder / "empty").mkdir()
    for name in ("a", "b"):
        (place.folder / "grey" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (30, 30)).save(place.folder / "grey" / name / f"{number}.png")
    return place


@pytest.mark.parametrize(
    "mistakes",
    [
        TYPING,
        {
            arm: ({"target": target}, f"target.folder: {told}")
            for arm, (target, told) in FOLDERS.items()
        },
        TOGETHER,
    ],
    ids=["names", "folders", "together"],
)
def test_each_mistake_gets_one_sentence_before_any_job_starts(mistaken, mistakes):
    mistaken.have_only(**{arm: {"image_size": 32} | keys for arm, (keys, _) in mistakes.items()})
    result = mistaken.run("--dry-run")
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    lines = re.findall(r"arms\..*", result.stdout)
    assert len(lines) == len(mistakes), result.stdout
    for line, (arm, (_, beginning)) in zip(lines, sorted(mistakes.items()), strict=True):
        assert line.startswith(f"arms.{arm}.{beginning}")
        assert line.endswith(".")
