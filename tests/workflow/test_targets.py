"""A study swept over several targets, one of them a folder of images, end to end."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from pages import ROOT
from painted import CLASSES, paint_folder
from PIL import Image
from reports import Page
from study_folder import StudyFolder

TARGETS = ["mnist", "digits", {"folder": "photos", "side": 32}]
MNIST, DIGITS, PHOTOS = (f"new~target={name}" for name in ("mnist", "digits", "photos-side-32"))
CHANCE = {MNIST: 1 / 10, DIGITS: 1 / 10, PHOTOS: 1 / 3}


@pytest.fixture(scope="module")
def done(tmp_path_factory, cache):
    """Two seeds of each target, one of the folder's measured; run once."""
    place = StudyFolder(tmp_path_factory.mktemp("targets") / "study")
    arm = {"architecture": "resnet18", "image_size": 32, "epochs": 2, "label": "New"}
    measured = dict(place.overlay)
    place.have_only(new=arm | {"target": TARGETS})
    place.overlay |= {"cache": "cache", "seed": [26, 27], "subset_size": 21, "weights": {}}
    for name in ("landscape", "curvature", "encoder"):
        place.overlay[name] = measured[name] | {"seeds": [26], "arms": [PHOTOS]}
    (place.folder / "cache").mkdir()
    (place.folder / "cache" / "mnist").symlink_to(ROOT / "resources" / "mnist")
    paint_folder(place.folder / "photos")
    place.succeed()
    return place


@pytest.fixture
def place(done, tmp_path):
    """A copy of the finished study that a test may change, its folder of images in it."""
    return done.copy_to(tmp_path / "study")


def table(place, name):
    return pd.read_parquet(place.results / "tables" / f"{name}.parquet")


def test_each_arm_is_tested_on_its_own_target(done):
    runs = table(done, "runs").groupby("arm")
    assert set(runs.groups) == {MNIST, DIGITS, PHOTOS}
    assert runs.size().tolist() == [2, 2, 2]
    # More are asked for than the folder has.
    tested = {arm: set(found) for arm, found in runs["final_test_images"]}
    assert tested == {MNIST: {40}, DIGITS: {40}, PHOTOS: {15}}
    losses = table(done, "metrics").query("epoch == 1").groupby("arm")["train_loss"].mean()
    for arm, chance in CHANCE.items():
        assert losses[arm] == pytest.approx(-np.log(chance), abs=0.5)
    photos = runs.get_group(PHOTOS)
    assert (photos["reported_balanced_accuracy"] > CHANCE[PHOTOS]).all()
    assert set(table(done, "encoder")["test_images"]) == {15}
    for name in ("curvature", "encoder"):
        assert set(table(done, name)["arm"]) == {PHOTOS}


def test_training_images_are_recorded_class_by_class(done):
    (file,) = (done.results / "subsets").glob("photos-*/stratified/n~21/seed~26/subset.json")
    assert json.loads(file.read_text())["counts"] == [7, 7, 7]
    arms = json.loads((done.results / "study.json").read_text())["arms"]
    found = arms[PHOTOS]["target"]["images"]
    assert file.parts[-5] == f"photos-{found['digest']}"
    assert (found["classes"], found["train"], found["test"]) == (list(CLASSES), 45, 15)


def test_the_report_speaks_of_the_study_s_own_images(done):
    text = Page((done.results / "report.html").read_text()).text
    assert "Transfer learning from 21 images of MNIST, scikit-learn\u2019s digits and the" in text
    assert "Guessing gives 33.3 % or 10.0 %." in text
    assert "has 15 test images: there are no more to test on" in text
    assert "blue-ish 7, green 7 and red 7" in text
    assert "Slides" not in text


def test_results_are_verified_and_nothing_is_left_to_do(place):
    """Wherever the folder of images lies: the copy has it in another place."""
    results = str(place.results.relative_to(place.folder))
    assert "Not looked at" not in place.tlstudy("verify", "--all", results)
    assert place.planned() == {}
    plan = place.tlstudy("plan", "--config", "config.yaml", "--config", "tiny.yaml")
    assert re.search(r"train +6 +6 ", plan)


def test_another_image_makes_other_runs_of_its_folder_alone(place):
    Image.new("RGB", (30, 30)).save(place.folder / "photos" / "red" / "0.png")
    told = place.succeed("--dry-run")
    trained = re.findall(r"Training (.+), n = 21, seed (\d+)", told)
    assert sorted(trained) == [(PHOTOS, "26"), (PHOTOS, "27")]
    assert "Getting the images of photos-" in told
    planned = place.planned()
    assert (planned["subset"], planned["train"], planned["encoder"]) == (2, 2, 1)


def test_images_that_cannot_be_used_are_told_before_any_job_starts(place):
    (place.folder / "photos" / "red" / "0.png").write_bytes(b"no image")
    result = place.run()
    assert result.returncode != 0
    assert "arms.new.target.folder: photos/red/0.png: cannot be read as an image" in result.stdout
    assert "Traceback" not in result.stdout
