"""What jobs ask a scheduler for."""

import pandas as pd
import pytest
from configurations import ROOT, changed

from tlstudy.config.given import given_study
from tlstudy.config.study import build_study, runs
from tlstudy.jobs.cost import LEAST_MINUTES, memory_mb, operations, runtime_minutes


def first_run(path: str = "seed", value: object = 26):
    study = build_study(changed(path, value))
    return study, runs(study)[0]


def test_a_runtime_is_that_of_the_operations_and_never_too_short():
    study, run = first_run("evaluation", {"epoch_images": 10_000, "final_images": 10_000})
    hours = operations(study, run, "train") / 4e10 / 3600
    minutes = runtime_minutes(study, run, "train", threads=4, gpus=0)
    assert minutes == pytest.approx(LEAST_MINUTES + 60 * hours, abs=1)
    assert hours > 5, "so long that the operations decide"
    small, run = first_run("evaluation", {"epoch_images": 10, "final_images": 10})
    assert runtime_minutes(small, run, "train", threads=4, gpus=1) == LEAST_MINUTES + 1


def test_baselines_of_many_images_have_hours_on_one_core():
    study, run = first_run("subset_size", 50_000)
    assert 2 * 60 < runtime_minutes(study, run, "baselines", threads=1, gpus=0) < 24 * 60
    study, run = first_run("subset_size", 50)
    assert runtime_minutes(study, run, "baselines", threads=1, gpus=0) == LEAST_MINUTES + 1


def test_the_kept_audits_trainings_took_less_than_a_third_of_what_they_would_be_given():
    study = given_study([ROOT / "config.yaml", ROOT / "docs" / "audit" / "study.yaml"])
    kept = pd.read_parquet(ROOT / "docs" / "audit" / "runs.parquet").set_index(["arm", "seed"])
    assert (kept["threads"] == 1).all()
    for run in runs(study):
        minutes = runtime_minutes(study, run, "train", threads=1, gpus=0)
        assert 3 * kept.loc[(run.arm, run.seed), "seconds"] < 60 * minutes
        assert memory_mb(run, "train") > 1024 * kept.loc[(run.arm, run.seed), "peak_memory_gib"]


def test_memory_grows_with_path_batch_image_and_depth():
    _, run = first_run()
    plain, inputs = memory_mb(run, "train"), 2 * 50 * 3 * 4 * 128**2 / 1e6
    assert plain == pytest.approx(3500 + inputs + 4 * 23.5 * (31 + 20), abs=1)
    larger = {
        "epochs": plain + 4 * 23.5 * 30,
        "image_size": plain + 3 * (2100 + inputs),
        "batch_size": plain,
        "architecture": plain - 4 * (23.5 - 11.2) * (31 + 20),
    }
    values = {"epochs": 60, "image_size": 256, "batch_size": 1000, "architecture": "resnet18"}
    for key, expected in larger.items():
        _, other = first_run(f"arms.new-published.{key}", values[key])
        assert memory_mb(other, "train") == pytest.approx(expected, abs=1), key


@pytest.mark.parametrize(
    ("key", "value", "vectors"),
    [
        ("weight_average", 0.9, 1),
        ("early_stopping", {}, 1),
        ("l2_sp", 0.1, 1),
        ("trained", {"top_k": 0.1}, 1.25),
        ("trained", {"shuffled_top_k": 0.1}, 1.25),
        ("trained", "head", 0),
    ],
)
def test_averages_masks_and_the_best_weights_are_held_beside_the_others(key, value, vectors):
    runs_of = [
        runs(build_study({"study": "own", "seed": 26, "arms": {"new": settings}}))[0]
        for settings in ({}, {key: value})
    ]
    plain, other = (memory_mb(run, "train") for run in runs_of)
    assert other - plain == pytest.approx(4 * 23.5 * vectors, abs=1)


def test_changed_and_held_out_images_are_counted():
    def counted(**settings):
        arms = {"new": {"architecture": "resnet18", "image_size": 32, **settings}}
        study = build_study({"study": "own", "seed": 26, "arms": arms})
        return operations(study, runs(study)[0], "train")

    change = 1e7 + 800 * 32**2
    augmented = counted(augmentation=["shift", "rotation"])
    assert augmented - counted() == pytest.approx(2 * 30 * 50 * change)
    image = 2e9 * 1.81 * (32 / 224) ** 2
    stopping = counted(early_stopping={"share": 0.2}) - counted()
    # Ten images fewer in each step; 40 images in recalibrations, of which there is one more, as
    # there is of looks at the test images; and after each epoch a pass over all.
    passes = -3 * 30 * 10 + 31 * 40 - 30 * 50 + 10_000 + 30 * 50
    assert stopping == pytest.approx(image * passes)


def test_all_training_images_are_held_as_inputs_twice_while_training():
    study = build_study(changed("subset_size", [640, 20_000]))
    few, many = runs(study)[0], runs(study)[10]
    assert (few.subset_size, many.subset_size) == (640, 20_000)
    megabytes = 2 * (20_000 - 640) * 3 * 4 * 128**2 / 1e6
    assert memory_mb(many, "train") - memory_mb(few, "train") == pytest.approx(megabytes, abs=1)
    assert memory_mb(many, "encoder") - memory_mb(few, "encoder") == pytest.approx(
        megabytes / 2, abs=1
    )
