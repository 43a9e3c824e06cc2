"""The DAG end to end on real images and real weights, small, and what makes it run again."""

import json
import os
import shutil
import signal

import pandas as pd
import pytest
from study_folder import ROOT, StudyFolder, wait_for_training

from tlstudy.config.tables import ALL_TABLES
from tlstudy.jobs.verify import verify_folder
from tlstudy.report.figures.texts import explanation
from tlstudy.storage import columns


@pytest.fixture(scope="session")
def finished(tmp_path_factory, cache, he2015_folder):
    """A tiny study, run once."""
    place = StudyFolder(tmp_path_factory.mktemp("finished") / "study")
    result = place.run()
    assert result.returncode == 0, result.stdout
    return place


@pytest.fixture
def place(finished, tmp_path):
    """A copy of the finished study that a test may change."""
    return finished.copy_to(tmp_path / "study")


def table(place, name):
    return pd.read_parquet(place.results / "tables" / f"{name}.parquet")


def test_tables_have_the_documented_columns(finished):
    for name, documented in (
        ("runs", columns.RUNS),
        ("metrics", columns.METRICS),
        ("layers", columns.LAYERS),
        ("findings", columns.FINDINGS),
        ("curvature", ALL_TABLES["curvature"]),
        ("encoder", ALL_TABLES["encoder"]),
        ("ladder", columns.LADDER),
        ("claims", columns.CLAIMS),
        ("claim-values", columns.CLAIM_VALUES),
    ):
        assert list(table(finished, name).columns) == list(documented)
    assert len(table(finished, "runs")) == 4
    assert len(table(finished, "metrics")) == 4 * 3
    assert len(table(finished, "layers")) == 4 * 3 * 161


def test_published_flaws_come_out_as_published(finished):
    metrics = table(finished, "metrics").set_index(["arm", "epoch"])
    untrained = metrics.loc["new-published"]
    assert (untrained["displacement_from_start"] == 0).all()
    ratios = untrained["gradient_norm"] / untrained["gradient_norm"].iloc[0]
    # On 32 pixels the gradients of so deep a random network depend on the order of the images
    # in the batch to half a percent.
    assert ratios.tolist() == pytest.approx([1, 2, 3], rel=0.01)
    assert (metrics.loc["new", "displacement_from_start"] > 0).all()
    runs = table(finished, "runs").set_index("arm")
    curve = metrics.loc["pretrained-published"]
    best = curve["test_balanced_accuracy_running"].max()
    assert runs.loc["pretrained-published", "reported_balanced_accuracy"] == best
    assert (
        runs.loc["pretrained", "reported_balanced_accuracy"]
        == (runs.loc["pretrained", "final_test_balanced_accuracy_recalibrated"])
    )


def test_weights_are_recorded_with_every_result(finished):
    runs = table(finished, "runs").set_index("arm")
    record = json.loads((ROOT / "resources/weights/resnet50/he2015/record.json").read_text())
    for arm in ("pretrained", "pretrained-published"):
        assert runs.loc[arm, "weights_source"] == "he2015"
        assert runs.loc[arm, "weights_sha256"] == record["sha256"]
    assert runs.loc["new", "weights_source"] == ""


def test_landscapes_centre_on_the_checkpoint_and_say_why_there_is_none(finished):
    records = {}
    for file in finished.results.glob("runs/*/*/*/landscape.json"):
        record = json.loads(file.read_text())
        records[record["run"]] = record
    runs = table(finished, "runs").set_index("arm")
    for arm in ("new", "pretrained", "pretrained-published"):
        record = records[runs.loc[arm, "run"].partition("/")[0]]
        for plane in record["planes"].values():
            assert plane["status"] == "drawn"
            assert plane["centre_loss"] == pytest.approx(record["checkpoint_train_loss"], rel=1e-5)
    untrained = records[runs.loc["new-published", "run"].partition("/")[0]]["planes"]
    assert untrained["trajectory"]["status"] == "none"
    assert "no weight ever moved" in untrained["trajectory"]["reason"]
    assert untrained["random"]["status"] == "drawn"


def test_learning_rate_is_tuned_where_it_is_asked_for(finished):
    runs = table(finished, "runs").set_index("arm")
    folder = finished.results / "runs" / runs.loc["pretrained", "run"]
    tuning = json.loads((folder / "run.json").read_text())["tuning"]
    assert [row["learning_rate"] for row in tuning["candidates"]] == [0.001, 0.003]
    assert runs.loc["pretrained", "learning_rate"] == tuning["chosen"]
    assert runs.loc["new", "learning_rate"] == 0.001


def test_curvature_is_compared_at_the_same_train_loss(finished):
    curvature = table(finished, "curvature").set_index(["arm", "point"])
    checkpoint = table(finished, "runs").set_index("arm")["checkpoint_train_loss"]
    for arm in ("new", "pretrained"):
        assert curvature.loc[(arm, "matched"), "train_loss"] == pytest.approx(2.2, rel=0.01)
        final = curvature.loc[(arm, "final"), "train_loss"]
        assert final == pytest.approx(checkpoint[arm], rel=1e-5)


def test_encoder_has_every_measure_and_agrees_with_the_run(finished):
    encoder = table(finished, "encoder").set_index(["arm", "measure", "stage"])
    assert len(encoder) == 2 * (5 + 5 + 1 + 7)
    runs = table(finished, "runs").set_index("arm")
    for arm in ("new", "pretrained"):
        # The stage looks at 20 of the 40 test images of the run's own final values.
        row = encoder.loc[(arm, "fine-tuned", "")]
        assert row["test_images"] == 20
        hits = row["test_balanced_accuracy"] * 20
        assert hits <= 40 * runs.loc[arm, "final_test_balanced_accuracy_recalibrated"] <= hits + 20


def test_claims_on_runs_of_the_published_protocol_are_not_testable(finished):
    claims = table(finished, "claims").set_index("claim")
    assert claims.loc["gap-as-published", "verdict"] == "not testable"
    assert claims.loc["gap", "verdict"] == "inconclusive"
    assert "needs 5" in claims.loc["gap", "because"]


def test_sentinels_tell_the_published_runs_from_the_corrected(finished):
    findings = table(finished, "findings").groupby("arm")["sentinel"].agg(set)
    assert "no-weight-moved" in findings["new-published"]
    assert "loss-of-softmax-outputs" in findings["pretrained-published"]
    for arm in ("new", "pretrained"):
        assert not findings[arm] & {"no-weight-moved", "loss-of-softmax-outputs"}
    named = table(finished, "runs").set_index("arm")["findings"]
    assert "no-weight-moved" in named["new-published"].split()


def test_results_hold_and_nothing_of_unknown_origin_is_there(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    text, holds = verify_folder(finished.results.relative_to(finished.folder), everything=True)
    assert holds, text
    assert "Not looked at" not in text
    assert "Note" not in text


def test_no_trajectory_stays_on_disk(finished):
    assert not list(finished.results.rglob("*.safetensors"))


def test_report_is_there_and_complete(finished):
    page = (finished.results / "report.html").read_text()
    assert "he2015" in page
    assert len(page) > 100_000
    figures = {file.stem for file in (finished.results / "figures" / "n~20").glob("*.svg")}
    assert {"loss-new", "landscape-random", "results", "layerwise-angle"} <= figures


def test_second_call_has_nothing_to_do(place):
    assert place.planned() == {}


def test_another_seed_runs_that_seed_only(place):
    place.overlay["seed"] = [26, 27]
    planned = place.planned()
    assert planned["train"] == 4
    assert planned["subset"] == 2
    assert "landscape" not in planned
    assert "weights" not in planned


def test_another_arm_runs_that_arm_only(place):
    place.overlay["arms"]["new-slow"] = {
        "initialisation": "random",
        "image_size": 32,
        "epochs": 3,
        "optimiser": {"learning_rate": 0.0001},
    }
    planned = place.planned()
    assert planned["train"] == 1
    assert planned["landscape"] == 1
    assert "subset" not in planned


def test_a_swept_field_keeps_the_run_that_was_there(place):
    place.overlay |= {"ladder": [], "claims": {}}  # they name the arm, which is now two
    place.overlay["arms"]["new"]["optimiser"] = {"learning_rate": [0.001, 0.01]}
    assert place.planned()["train"] == 1


def test_another_name_of_an_arm_trains_nothing(place):
    place.overlay["arms"]["new"]["label"] = "Newborn"
    planned = place.planned()
    assert "train" not in planned
    assert planned["report"] == 1


def test_results_know_their_evaluation(place):
    place.overlay["evaluation"]["final_images"] = 50
    assert place.planned()["train"] == 4


def test_other_weights_make_the_pretrained_runs_anew(place):
    place.overlay["cache"] = str(place.folder / "resources")
    shutil.copytree(ROOT / "resources" / "mnist", place.folder / "resources" / "mnist")
    folder = place.folder / "resources" / "weights" / "resnet50" / "he2015"
    shutil.copytree(ROOT / "resources" / "weights" / "resnet50" / "he2015", folder)
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps({**record, "sha256": "0" * 64}))
    result = place.run("--dry-run", "--rerun-triggers", "mtime", "params")
    again = [line for line in result.stdout.splitlines() if "Training" in line]
    assert len(again) == 2
    assert all("imagenet" in line for line in again)


def code_changed(tmp_path, place, module, old, new):
    """The finished study under a copy of the package in which a module was edited."""
    root = tmp_path / "repository"
    for name in ("tlstudy", "workflow", "profiles", "report", "envs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", root / "Snakefile")
    file = root / "tlstudy" / module
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    place.root = root
    return place.planned()


def test_editing_training_code_trains_again(tmp_path, place):
    planned = code_changed(tmp_path, place, "evaluation.py", '"cpu": 64', '"cpu": 32')
    assert planned["train"] == 4
    assert planned["landscape"] == 4
    assert "subset" not in planned


def test_editing_a_comment_runs_nothing(tmp_path, place):
    old = "# On a processor small batches"
    assert code_changed(tmp_path, place, "evaluation.py", old, "# Small batches") == {}


def test_editing_the_report_trains_nothing(tmp_path, place):
    old, new = "def render(", "X = 1\n\n\ndef render("
    planned = code_changed(tmp_path, place, "report/render.py", old, new)
    assert planned == {"report": 1}


def test_editing_the_reports_style_writes_it_again(tmp_path, place):
    planned = code_changed(tmp_path, place, "report/templates/style.css", "{", "{ ")
    assert planned == {"report": 1}


def test_a_mistake_is_told_before_any_job_starts(tmp_path, cache):
    place = StudyFolder(tmp_path / "study")
    place.overlay["arms"]["new"]["epoch"] = 3
    result = place.run()
    assert result.returncode != 0
    assert "arms.new.epoch: unknown key; did you mean 'epochs'?" in result.stdout
    assert "Traceback" not in result.stdout
    assert not (place.folder / "results").exists()


def test_a_run_that_diverges_is_a_result(place):
    place.overlay["ladder"] = []  # a rung is a group of two arms, and this one gets a third
    place.overlay["arms"]["wild"] = {
        "initialisation": "random",
        "image_size": 32,
        "epochs": 3,
        "group": "corrected",
        "optimiser": {"name": "sgd", "learning_rate": 1e30},
    }
    result = place.run()
    assert result.returncode == 0, result.stdout
    runs = table(place, "runs").set_index("arm")
    assert runs.loc["wild", "status"] == "diverged"
    assert pd.isna(runs.loc["wild", "reported_loss"])
    assert "diverged" in (place.results / "report.html").read_text()


def test_a_killed_training_is_made_again_and_ends_the_same(finished, place):
    before = table(finished, "metrics")
    trainings_alone(place)
    tuned = table(place, "runs").set_index("arm").loc["pretrained", "run"]
    shutil.rmtree(place.results / "runs" / tuned)
    process = place.start()
    training = wait_for_training(place)
    os.kill(training, signal.SIGKILL)
    output, _ = process.communicate(timeout=600)
    assert process.returncode != 0, output
    result = place.run("--until", "aggregate")
    assert result.returncode == 0, result.stdout
    times = ["training_seconds", "evaluation_seconds"]
    after = table(place, "metrics")
    pd.testing.assert_frame_equal(
        after.drop(columns=times), before.drop(columns=times), check_exact=True
    )
    # Made again, not kept: no two runs take the same time.
    assert not after["training_seconds"].equals(before["training_seconds"])


def trainings_alone(place):
    """Leave out what is measured on the runs; it changes none of their numbers."""
    place.overlay |= {"landscape": {"seeds": []}, "encoder": {"seeds": []}, "claims": {}}
    place.overlay["curvature"] |= {"seeds": []}


def test_interrupt_ends_at_once_and_the_next_call_goes_on(place):
    shutil.rmtree(place.results)
    process = place.start()
    wait_for_training(place)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    planned = place.planned()
    assert planned["train"] >= 1


def test_a_second_call_in_the_folder_is_refused_and_the_first_goes_on(place):
    shutil.rmtree(place.results)
    process = place.start()
    try:
        wait_for_training(place)
        second = place.run()
        assert second.returncode != 0
        assert "Directory cannot be locked" in second.stdout
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)


def test_snakemakes_own_report_holds_figures_and_captions(finished):
    result = finished.run("--report", "own.html")
    assert result.returncode == 0, result.stdout
    page = (finished.folder / "own.html").read_text()
    for part in ("Gradient norm", "Table of results", "The whole report", "one seed"):
        assert part in page, part
    assert explanation("gradient-norm").partition(" at")[0] in page


@pytest.mark.slow
def test_other_sizes_of_the_subset(tmp_path, cache, he2015_folder):
    place = StudyFolder(tmp_path / "study")
    place.overlay["subset_size"] = [10, 1000]
    place.overlay["landscape"] = {"seeds": []}
    for arm in place.overlay["arms"].values():
        arm["epochs"] = 1
    result = place.run()
    assert result.returncode == 0, result.stdout
    assert sorted(table(place, "runs")["subset_size"].unique()) == [10, 1000]
    assert (place.results / "figures" / "accuracy-by-size.svg").is_file()
