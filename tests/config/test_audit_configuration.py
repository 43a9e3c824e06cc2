"""Settings of the audit: which runs are looked at more closely, and which values are taken."""

import pytest
from configurations import ROOT, changed, message

from tlstudy.config.given import given_study
from tlstudy.config.study import build_study, runs, selected


def audit():
    return given_study([ROOT / "config.yaml", ROOT / "studies" / "audit.yaml"])


def test_rungs_that_differ_only_in_how_a_run_is_read_off_share_it():
    study = audit()
    names = {arm: run.name for run in runs(study) for arm in [run.arm]}
    assert names["pretrained-trained"] == names["pretrained-published"]
    assert names["new-trained"] != names["new-published"]
    for start in ("new", "pretrained"):
        assert names[f"{start}-recalibrated"] == names[f"{start}-normalised"]
        assert names[f"{start}-final"] != names[f"{start}-recalibrated"]
    assert names["pretrained-alone-untrained"] == names["pretrained-final"]
    assert len(set(names.values())) == 16


def test_only_values_that_an_arm_reports_are_taken_after_epochs():
    by_arm = {run.arm: run.after_epochs for run in runs(audit())}
    assert by_arm["new-published"] == ("running",)
    assert by_arm["new-normalised"] == by_arm["new-recalibrated"] == ("running", "recalibrated")
    assert by_arm["new-final"] == ("recalibrated",)  # the best epoch is looked at too
    assert by_arm["pretrained-tuned"] == ()


def test_all_test_images_are_evaluated_with_the_statistics_that_an_arm_reports():
    by_arm = {
        run.arm: (run.statistics, run.after_epochs)
        for run in runs(given_study([ROOT / "config.yaml"]))
    }
    assert by_arm["new-published"] == (("running",), ("running",))
    assert by_arm["new"] == (("recalibrated",), ("recalibrated",))
    study = build_study(changed("evaluation.statistics", "both"))
    assert {run.statistics for run in runs(study)} == {("running", "recalibrated")}
    assert {run.after_epochs for run in runs(study)} == {("running", "recalibrated")}


def test_selection_names_swept_arms_by_their_own_name():
    configuration = changed("arms.new.epochs", [10, 20])
    configuration["landscape"] = {"seeds": [26, 27], "arms": ["new"]}
    study = build_study(configuration)
    found = [(run.arm, run.seed) for run in selected(study, study.landscape)]
    assert found == [(f"new~epochs={n}", seed) for n in (10, 20) for seed in (26, 27)]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("curvature.seeds", [3], "curvature.seeds: found 3; must be among the study's seeds"),
        ("encoder.arms", ["old"], "encoder.arms: found 'old'; must be among the study's arms"),
        ("curvature.lanczos", 5, "curvature.lanczos: unknown key; "),
    ],
)
def test_mistakes_are_told(key, value, told):
    assert message(changed(key, value)).startswith(told)


def test_tuning_needs_enough_images_of_each_digit():
    configuration = changed("arms.new.tune_learning_rate", True)
    assert len(runs(build_study(configuration))) == 40
    configuration["subset_size"] = [200, 30]
    assert message(configuration) == (
        "tuning.folds: found 5; arms.new is tuned within 30 images, 3 of each class, so at most "
        "3 are allowed."
    )
    few = (
        "subset_size: found 10; arms.new is tuned within these images, which needs at least two "
        "of each class to train on."
    )
    configuration["subset_size"] = [10]
    assert message(configuration) == few
    configuration["arms"]["new"]["early_stopping"] = {"patience": 3}
    assert few in message(configuration)


@pytest.mark.parametrize(
    ("setting", "told"),
    [("drawing", "published"), ("optimiser_holds", "another-network")],
)
def test_tuning_needs_a_trained_network_and_folds(setting, told):
    configuration = changed("arms.new.tune_learning_rate", True)
    configuration["arms"]["new"][setting] = told
    assert message(configuration).startswith("arms.new: tune_learning_rate needs ")
