"""The DAG end to end on real images and real weights, small, and what makes it run again."""

import json
import os
import re
import shutil
import signal

import pandas as pd
import pytest
from result_files import content
from study_folder import ROOT, TRAINED, StudyFolder, finished, start_snakemake, wait_for_training
from toy_measurement import install_toy

from tlstudy.config.tables import ALL_TABLES
from tlstudy.report.figures.texts import explanation
from tlstudy.storage import columns

PRODUCTS = ("aggregate", "claims", "figures", "report")


@pytest.fixture(scope="session")
def done(tmp_path_factory, cache, he2015_folder):
    """A tiny study with a measurement from another package, run once."""
    place = StudyFolder(tmp_path_factory.mktemp("done") / "study")
    install_toy(place)
    place.overlay["baselines"] = {"seeds": "all", "arms": ["new"]}
    place.succeed()
    return place


@pytest.fixture
def place(done, tmp_path):
    """A copy of the finished study that a test may change."""
    return done.copy_to(tmp_path / "study")


def table(place, name):
    return pd.read_parquet(place.results / "tables" / f"{name}.parquet")


def test_tables_have_the_documented_columns(done):
    written = {"runs": columns.RUNS, "metrics": columns.METRICS, "layers": columns.LAYERS}
    written |= {"findings": columns.FINDINGS, "ladder": columns.LADDER, "claims": columns.CLAIMS}
    written |= {"claim-values": columns.CLAIM_VALUES}
    written |= {name: ALL_TABLES[name] for name in ("curvature", "encoder", "baselines")}
    for name, documented in written.items():
        assert list(table(done, name).columns) == list(documented)
    assert set(table(done, "runs")["arm"]) == set(TRAINED)
    assert len(table(done, "metrics")) == 4 * 3
    assert len(table(done, "layers")) == 4 * 3 * 161


def test_published_flaws_come_out_as_published(done):
    metrics = table(done, "metrics").set_index(["arm", "epoch"])
    untrained = metrics.loc["new-published"]
    assert (untrained["displacement_from_start"] == 0).all()
    ratios = untrained["gradient_norm"] / untrained["gradient_norm"].iloc[0]
    # On 32 pixels the gradients of so deep a random network depend on the order of the images
    # in the batch to half a percent.
    assert ratios.tolist() == pytest.approx([1, 2, 3], rel=0.01)
    assert (metrics.loc["new", "displacement_from_start"] > 0).all()
    runs = table(done, "runs").set_index("arm")
    curve = metrics.loc["pretrained-published"]
    best = curve["test_balanced_accuracy_running"].max()
    assert runs.loc["pretrained-published", "reported_balanced_accuracy"] == best
    assert (
        runs.loc["pretrained", "reported_balanced_accuracy"]
        == (runs.loc["pretrained", "final_test_balanced_accuracy_recalibrated"])
    )


def test_weights_are_recorded_with_every_result(done):
    runs = table(done, "runs").set_index("arm")
    record = json.loads((ROOT / "resources/weights/resnet50/he2015/record.json").read_text())
    for arm in ("pretrained", "pretrained-published"):
        found = tuple(runs.loc[arm, ["weights_source", "weights_sha256"]])
        assert found == ("he2015", record["sha256"])
    assert runs.loc["new", "weights_source"] == ""


def test_landscapes_centre_on_the_checkpoint_and_say_why_there_is_none(done):
    runs, records = table(done, "runs").set_index("arm")["run"], {}
    for arm in ("pretrained", "new-published"):
        file = done.results / "runs" / runs[arm] / "landscape.json"
        records[arm] = json.loads(file.read_text())
    for plane in records["pretrained"]["planes"].values():
        assert plane["status"] == "drawn"
        loss = records["pretrained"]["checkpoint_train_loss"]
        assert plane["centre_loss"] == pytest.approx(loss, rel=1e-5)
    untrained = records["new-published"]["planes"]
    assert untrained["trajectory"]["status"] == "none"
    assert "no weight ever moved" in untrained["trajectory"]["reason"]
    assert untrained["random"]["status"] == "drawn"


def test_learning_rate_is_tuned_where_it_is_asked_for(done):
    runs = table(done, "runs").set_index("arm")
    folder = done.results / "runs" / runs.loc["pretrained", "run"]
    tuning = json.loads((folder / "run.json").read_text())["tuning"]
    assert [row["learning_rate"] for row in tuning["candidates"]] == [0.001, 0.003]
    assert runs.loc["pretrained", "learning_rate"] == tuning["chosen"]
    assert runs.loc["new", "learning_rate"] == 0.001


def test_curvature_is_compared_at_the_same_train_loss(done):
    curvature = table(done, "curvature").set_index(["arm", "point"])
    checkpoint = table(done, "runs").set_index("arm")["checkpoint_train_loss"]
    for arm in ("new", "pretrained"):
        assert curvature.loc[(arm, "matched"), "train_loss"] == pytest.approx(2.2, rel=0.01)
        final = curvature.loc[(arm, "final"), "train_loss"]
        assert final == pytest.approx(checkpoint[arm], rel=1e-5)


def test_encoder_has_every_measure_and_agrees_with_the_run(done):
    encoder = table(done, "encoder").set_index(["arm", "measure", "stage"])
    assert len(encoder) == 2 * (5 + 1 + 1 + 7)
    runs = table(done, "runs").set_index("arm")
    for arm in ("new", "pretrained"):
        # The step looks at 20 of the 40 test images of the run's own final values.
        row = encoder.loc[(arm, "fine-tuned", "")]
        assert row["test_images"] == 20
        hits = row["test_balanced_accuracy"] * 20
        assert hits <= 40 * runs.loc[arm, "final_test_balanced_accuracy_recalibrated"] <= hits + 20


def test_claims_on_runs_of_the_published_protocol_are_not_testable(done):
    claims = table(done, "claims").set_index("claim")
    assert claims.loc["gap-as-published", "verdict"] == "not testable"
    assert claims.loc["gap", "verdict"] == "inconclusive"
    assert "needs 5" in claims.loc["gap", "because"]


def test_sentinels_tell_the_published_runs_from_the_corrected(done):
    findings = table(done, "findings").groupby("arm")["sentinel"].agg(set)
    assert "no-weight-moved" in findings["new-published"]
    assert "loss-of-softmax-outputs" in findings["pretrained-published"]
    for arm in ("new", "pretrained"):
        assert not findings[arm] & {"no-weight-moved", "loss-of-softmax-outputs"}
    named = table(done, "runs").set_index("arm")["findings"]
    assert "no-weight-moved" in named["new-published"].split()


def test_a_measurement_from_outside_is_made_and_planned_like_our_own(done):
    size = table(done, "size").set_index("point")
    assert list(size[["arm", "subset_size", "seed"]].iloc[0]) == ["new", 20, 26]
    norms = table(done, "metrics").query("arm == 'new'")["norm"]
    assert size.loc["end", "norm"] == pytest.approx(norms.iloc[-1], rel=1e-6)
    assert size.loc["start", "norm"] != size.loc["end", "norm"]
    assert "size" in done.tlstudy("plan", "--config", "config.yaml", "--config", "tiny.yaml")
    assert "size" not in ALL_TABLES  # our own tables do not know it


def test_a_measurement_from_outside_is_made_again_for_its_settings_and_its_code(place):
    place.overlay["size"]["factor"] = 2.0
    planned = place.planned()
    # The weights are gone: the run is trained again for it.
    assert (planned["size"], planned["train"]) == (1, 1)
    place.overlay["size"]["factor"] = 1.0
    module = place.site / "toy.py"
    module.write_text(module.read_text().replace("settings.factor *", "2 * settings.factor *"))
    assert place.planned()["size"] == 1


def test_results_hold_and_nothing_of_unknown_origin_is_there(done):
    text = done.tlstudy("verify", "--all", str(done.results.relative_to(done.folder)))
    assert "Not looked at" not in text
    assert "Note" not in text


def test_report_and_figures_are_there_and_no_trajectory_stays(done):
    page = (done.results / "report.html").read_text()
    assert "he2015" in page
    assert len(page) > 100_000
    figures = {file.stem for file in (done.results / "figures" / "n~20").glob("*.svg")}
    assert {"loss-new", "landscape-random", "results", "layerwise-angle"} <= figures
    assert not list(done.results.rglob("*.safetensors"))


def test_second_call_has_nothing_to_do(place):
    assert place.planned() == {}


@pytest.mark.parametrize("lost", ["layers.parquet", "provenance"])
def test_what_is_missing_of_a_finished_study_is_made_again(place, lost):
    if lost == "provenance":
        (place.results / "provenance" / "aggregate.json").unlink()
        assert place.planned() == dict.fromkeys(PRODUCTS, 1)
        return
    run = table(place, "runs").set_index("arm").loc["new", "run"]
    (place.results / "runs" / run / lost).unlink()
    # The weights are gone: what was measured of them is measured again.
    made = ("train", "curvature", "encoder", "size", "baselines", *PRODUCTS)
    assert place.planned() == dict.fromkeys(made, 1)


def test_only_new_seeds_arms_and_values_are_trained(place):
    place.overlay |= {"seed": [26, 27], "ladder": [], "claims": {}}  # those name an arm, now two
    sweep = {"optimiser": {"learning_rate": [0.001, 0.01]}}
    place.overlay["arms"]["new"] |= {"label": "Newborn", **sweep}
    slow = {"group": "slow", "optimiser": {"learning_rate": 0.0001}}
    place.overlay["arms"]["slow"] = {"initialisation": "random", "image_size": 32} | slow
    there = {folder.name for folder in (place.results / "runs").iterdir()}
    told = place.succeed("--dry-run")
    planned = set(re.findall(r"Training (.+), n = 20, seed (\d+)", told))
    of_seed = {seed: {run for run, other in planned if other == seed} for seed in ("26", "27")}
    added = {"new~learning_rate=0.01", "slow"}
    assert of_seed["26"] == added
    assert of_seed["27"] > added
    assert len(of_seed["27"]) == len(there) + 2
    jobs = dict(re.findall(r"^([a-z]+) +(\d+)$", told, flags=re.MULTILINE))
    assert jobs["subset"] == "2"  # one seed, two ways to draw
    assert not {"landscape", "weights"} & set(jobs)


def test_results_know_their_evaluation_and_what_of_it_changed(place):
    before = place.overlay["evaluation"]["final_images"]
    place.overlay["evaluation"]["final_images"] = 50
    assert place.planned()["train"] == 4
    told = place.succeed("--dry-run", "--quiet", "host")
    assert re.search(rf"before:\W*evaluation.final_images {before}\W", told)
    assert re.search(r"now:\W*evaluation.final_images 50\W", told)


def test_other_weights_make_the_runs_anew(place):
    place.overlay["cache"] = str(place.folder / "resources")
    for name in ("mnist", "weights/resnet50/he2015"):
        shutil.copytree(ROOT / "resources" / name, place.folder / "resources" / name)
    file = place.folder / "resources/weights/resnet50/he2015/record.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "sha256": "0" * 64}))
    told = place.succeed("--dry-run", "--rerun-triggers", "mtime", "params")
    again = [line for line in told.splitlines() if "Training" in line]
    # New networks are built as the weights need it, so they depend on the record too.
    assert len(again) == 4


def code_changed(tmp_path, place, *edits):
    """Jobs planned under a copy of the package in which (module, text, its replacement) differ."""
    place.root = tmp_path / "repository"
    for name in ("tlstudy", "workflow", "profiles", "report", "envs"):
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, place.root / name, ignore=without)
    shutil.copy(ROOT / "Snakefile", place.root / "Snakefile")
    for module, old, new in edits:
        file = place.root / "tlstudy" / module
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
    return place.planned()


def test_editing_training_code_trains_again(tmp_path, place):
    edit = ("networks/evaluation.py", '"cpu": 64', '"cpu": 32')
    planned = code_changed(tmp_path, place, edit)
    assert (planned["train"], planned["landscape"]) == (4, 2)
    assert "subset" not in planned


def test_a_version_and_words_run_nothing_and_the_reports_style_the_report(tmp_path, place):
    words = (
        ("__init__.py", '__version__ = "', '__version__ = "9'),
        ("networks/evaluation.py", "# Images of 128 x 128. On", "# Of 128 x 128. On"),
        ("networks/trainer.py", '"""One training run,', '"""Other words. One training run,'),
        ("steps/train.py", 'log.info("', 'log.info("other words: '),
    )
    style = ("report/page/templates/style.css", "{", "{ ")
    assert code_changed(tmp_path, place, *words, style) == {"report": 1}


def test_a_study_goes_on_after_calls_that_were_refused_interrupted_and_killed(done, tmp_path):
    place = StudyFolder(tmp_path / "study")
    place.have_only(new=place.overlay["arms"]["new"] | {"built_as": "imagenet"})
    place.hold_trainings()
    first = place.start("--until", "train")
    try:
        wait_for_training(place)
        second = place.run("--until", "train")
        assert second.returncode != 0
        assert "Directory cannot be locked" in second.stdout
        assert first.poll() is None
    finally:
        os.killpg(first.pid, signal.SIGINT)
        interrupted = finished(first)
    assert interrupted.returncode != 0, interrupted.stdout
    process = place.start("--until", "train")
    os.kill(wait_for_training(place), signal.SIGKILL)
    killed = finished(process)
    assert killed.returncode != 0, killed.stdout
    run = table(done, "runs").set_index("arm").loc["new", "run"]
    assert not (place.results / "runs" / run / "run.json").exists()
    place.let_go()
    place.succeed("--until", "train")
    for name in ("metrics.parquet", "layers.parquet"):
        expected = content(done.results / "runs" / run / name)
        assert content(place.results / "runs" / run / name) == expected


def test_snakemakes_own_report_needs_no_cores_and_holds_figures_and_captions(done, monkeypatch):
    monkeypatch.setattr(done, "limits", ())
    done.succeed("--report", "own.html")
    page = (done.folder / "own.html").read_text()
    for part in ("Gradient norm", "Table of results", "The whole report", "one seed"):
        assert part in page, part
    assert explanation("gradient-norm").partition(" at")[0] in page
    # Without its file it is found: no other study was run there.
    options = ("--snakefile", str(ROOT / "Snakefile"), "--report", "found.html")
    found = finished(start_snakemake(done.folder, done.environment(), *options))
    assert found.returncode == 0, found.stdout
    assert "Gradient norm" in (done.folder / "found.html").read_text()


@pytest.mark.slow
def test_other_sizes_of_the_subset(tmp_path, cache, he2015_folder):
    place = StudyFolder(tmp_path / "study")
    place.overlay["subset_size"] = [10, 1000]
    place.overlay["landscape"] = {"seeds": []}
    for arm in place.overlay["arms"].values():
        arm["epochs"] = 1
    place.succeed()
    assert sorted(table(place, "runs")["subset_size"].unique()) == [10, 1000]
    assert (place.results / "figures" / "accuracy-by-size.svg").is_file()
