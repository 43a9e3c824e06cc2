"""What jobs ask a scheduler for."""

import pandas as pd
import pytest
from configurations import ROOT, changed

from tlstudy.config.study import build_study, load_study, runs
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


def test_the_kept_audits_trainings_took_less_than_a_third_of_what_they_would_be_given():
    study = load_study([ROOT / "config.yaml", ROOT / "studies" / "audit.yaml"])
    kept = pd.read_parquet(ROOT / "docs" / "audit" / "runs.parquet").set_index(["arm", "seed"])
    assert (kept["threads"] == 1).all()
    for run in runs(study):
        minutes = runtime_minutes(study, run, "train", threads=1, gpus=0)
        assert 3 * kept.loc[(run.arm, run.seed), "seconds"] < 60 * minutes
        assert memory_mb(run, "train") > 1024 * kept.loc[(run.arm, run.seed), "peak_memory_gib"]


def test_memory_grows_with_path_batch_image_and_depth():
    _, run = first_run()
    plain, inputs = memory_mb(run, "train"), 2 * 50 * 3 * 4 * 128**2 / 1e6
    assert plain == pytest.approx(5000 + inputs + 4 * 23.5 * 31, abs=1)
    larger = {
        "epochs": plain + 4 * 23.5 * 30,
        "image_size": plain + 3 * (4000 + inputs),
        "batch_size": plain,
        "architecture": plain - 4 * (23.5 - 11.2) * 31,
    }
    values = {"epochs": 60, "image_size": 256, "batch_size": 1000, "architecture": "resnet18"}
    for key, expected in larger.items():
        _, other = first_run(f"arms.new-published.{key}", values[key])
        assert memory_mb(other, "train") == pytest.approx(expected, abs=1), key


def test_all_training_images_are_held_as_inputs_twice_while_training():
    study = build_study(changed("subset_size", [640, 20_000]))
    few, many = runs(study)[0], runs(study)[10]
    assert (few.subset_size, many.subset_size) == (640, 20_000)
    megabytes = 2 * (20_000 - 640) * 3 * 4 * 128**2 / 1e6
    assert memory_mb(many, "train") - memory_mb(few, "train") == pytest.approx(megabytes, abs=1)
    assert memory_mb(many, "encoder") - memory_mb(few, "encoder") == pytest.approx(
        megabytes / 2, abs=1
    )
