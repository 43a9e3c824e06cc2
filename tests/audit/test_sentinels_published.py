"""What the sentinels say of the published numbers, and of all runs of a study."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic
from hypothesis import given, settings
from hypothesis import strategies as st
from real_runs import published_new_run, sound_run
from scipy.stats import binom
from sentinel_series import series

from tlstudy.audit.alarms import false_alarms
from tlstudy.audit.published import findings_on_published, published_evidence
from tlstudy.audit.runs import Examiner
from tlstudy.audit.sentinels.evidence import Evidence
from tlstudy.audit.sentinels.registry import GROUP_SENTINELS, SENTINELS, examine, examine_group
from tlstudy.config.named_runs import find_run
from tlstudy.config.settings import STATISTICS
from tlstudy.config.study import runs
from tlstudy.config.targets import Target
from tlstudy.data import published
from tlstudy.jobs import paths
from tlstudy.jobs.run_record import write_run_record
from tlstudy.jobs.run_results import results_of_runs, write_answers
from tlstudy.jobs.tables import read_table
from tlstudy.steps.aggregate import aggregate_study
from tlstudy.storage import columns
from tlstudy.watching.finding import ALARMS

FOUND = {
    "new": {
        "train-loss-did-not-fall",  # F1
        "loss-of-guessing",  # F1
        "test-accuracy-of-guessing",  # F1
        "gradients-add-up",  # F2
        "landscapes-not-comparable",  # F4, F5
        "layers-of-some-runs-only",  # F12
        "best-epoch-on-test",  # F13
        "uneven-classes",  # F15
    },
    "pretrained": {
        "landscapes-not-comparable",  # F4, F5
        "landscape-off-centre",  # F6
        "loss-of-softmax-outputs",  # F7
        "gradient-vanishes",  # of F7
        "loss-too-high-for-its-accuracy",  # of F7
        "test-changes-after-training",  # F9
        "drift-from-start-unknown",  # F11
        "layers-of-some-runs-only",  # F12
        "reported-value-not-in-curves",  # F14
        "uneven-classes",  # F15
        "angles-below-resolution",  # F16
    },
}


def test_findings_on_the_published_networks_state_the_published_numbers():
    saw = {(finding.arm, finding.sentinel): finding.saw for finding in findings_on_published()}
    assert set(saw) == {(arm, name) for arm, names in FOUND.items() for name in names}
    for arm, name, text in (
        ("new", "gradients-add-up", "power 0.995, from 17.5 in epoch 1 to 524.5 in epoch 30"),
        ("pretrained", "landscape-off-centre", "1.46116"),
        ("pretrained", "test-changes-after-training", "54.9 % to 62.3 %"),
        ("pretrained", "angles-below-resolution", "4 others are exactly 0"),
        ("new", "landscapes-not-comparable", "9 in new, 15 in pretrained"),
        ("new", "landscapes-not-comparable", "2.292 to 2.296 in new, 1.6 to 1.62 in pretrained"),
    ):
        assert text in saw[arm, name]
    assert "radius" not in saw["new", "landscapes-not-comparable"]  # both had radius 1


def test_published_evidence_holds_the_series_unchanged():
    for evidence in published_evidence():
        table = published.loss().query("model == @evidence.arm and split == 'train'")
        assert evidence.metrics["train_loss"].tolist() == table["loss"].tolist()
        assert evidence.subset["duplicates"] == 0  # this draw happens to have none
        assert sum(evidence.subset["counts"]) == len(evidence.subset["indices"]) == 50
        assert evidence.training is None
        digits = {"new": ("2.3025", "0.1105"), "pretrained": ("1.8348", "0.6169")}
        assert tuple(evidence.reported.values()) == digits[evidence.arm]
        assert evidence.record is None


def test_nothing_known_is_nothing_passed():
    empty = Evidence(arm="unknown")
    result = examine(empty)
    assert result.findings == result.ran == []
    assert set(result.skipped) == {sentinel.name for sentinel in SENTINELS}
    assert all(result.skipped.values())
    compared = examine_group([empty, empty])
    assert compared.ran == []
    assert set(compared.skipped) == {sentinel.name for sentinel in GROUP_SENTINELS}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_missing_each_sentinel_looks_or_is_skipped(data):
    """No column or part may be missing without being named, and none may end in an error."""
    whole = data.draw(st.sampled_from([sound_run(), published_new_run(), *published_evidence()]))
    kept = data.draw(st.sets(st.sampled_from(list(whole.metrics.columns[1:]))))
    parts = data.draw(st.sets(st.sampled_from(["layers", "record", "landscape", "subset"])))
    rows = data.draw(st.integers(1, len(whole.metrics)))
    evidence = Evidence(
        arm="part",
        metrics=whole.metrics[["epoch", *kept]].head(rows),
        **{part: getattr(whole, part) for part in parts},
    )
    result = examine(evidence)
    assert {*result.ran, *result.skipped} == {sentinel.name for sentinel in SENTINELS}
    assert not set(result.ran) & set(result.skipped)
    assert {finding.sentinel for finding in result.findings} <= set(result.ran)


def sound_series(generator: np.random.Generator) -> Evidence:
    """Made-up series of a run that learns from few images, of any common shape."""
    epochs = int(generator.integers(10, 60))
    time = np.arange(epochs) / generator.uniform(1, epochs / 2)
    learnt = [1 - np.exp(-time), time / (1 + time), 1 / (1 + np.exp(4 - 3 * time))]
    learnt = learnt[generator.integers(len(learnt))]
    start, floor = generator.uniform(2.2, 4), generator.uniform(0, 1)
    noise = generator.normal(0, 0.02, (3, epochs))
    loss = np.abs(floor + (start - floor) * (1 - learnt) * np.exp(3 * noise[0]))
    best = generator.uniform(0.4, 0.95)
    accuracy = np.clip(0.1 + (best - 0.1) * learnt + 0.3 * noise[1], 0, 1)
    swing = np.exp(np.cumsum(generator.normal(0, generator.uniform(0.01, 0.5), epochs)))
    rising = generator.random() < 0.3
    norms = generator.uniform(0.1, 300) * swing * (1 + time if rising else 1.05 - learnt)
    steps = 0.01 * np.exp(-time / 3) * np.exp(noise[2])
    return series(
        train_loss=loss,
        train_accuracy=np.clip(0.1 + 0.9 * learnt, 0, 1),
        gradient_norm=norms,
        test_accuracy_running=accuracy,
        test_images=1000,
        displacement_from_start=np.sqrt(np.cumsum(steps**2)),
        displacement_from_previous=steps,
        angle_from_previous=np.degrees(np.arctan(steps)),
    )


def test_alarms_on_sound_series_of_many_shapes_are_rare():
    """Two in a hundred at most, of 500 series that ten sentinels look at.

    A test curve with running statistics may go on while a slow train loss is at its end.
    """
    generator = np.random.default_rng(0)
    alarmed = [
        [found.sentinel for found in examine(sound_series(generator)).findings if found.is_alarm]
        for _ in range(500)
    ]
    assert sum(map(bool, alarmed)) <= 10, [names for names in alarmed if names]


@pytest.fixture
def study(tmp_path):
    """A study of two arms with real runs in its folders: one published, one sound."""
    arms = {
        name: {"architecture": "resnet18", "image_size": 32, **settings}
        for name, settings in {
            "new-published": synthetic.default_arms()["new-published"],
            "new": {"group": "corrected"},
            "new-again": {"group": "corrected", "label": "Once more"},
        }.items()
    }
    study = synthetic.make_study(arms=arms, epochs=6)
    none = study.landscape.model_copy(update={"seeds": []})
    study = study.model_copy(update={"results": tmp_path, "landscape": none})
    for arm, evidence in (("new-published", published_new_run()), ("new", sound_run())):
        leave_run(study, arm, evidence)
    return study


def leave_run(study, arm: str, evidence: Evidence) -> None:
    """Write what the steps before `aggregate` leave of a run."""
    run = find_run(study, arm, 50, 26)
    folder, subset = paths.folder_of_run(study, run), paths.run_subset_folder(study, run)
    for place in (folder, subset):
        place.mkdir(parents=True)
    evidence.metrics.to_parquet(folder / "metrics.parquet")
    evidence.layers.to_parquet(folder / "layers.parquet")
    labels = np.arange(20) % 10
    write_answers(folder, np.arange(20), labels, {name: labels for name in STATISTICS})
    write_run_record(folder, evidence.record)
    images = {"indices": list(range(50)), "labels": [0] * 50, "counts": [5] * 10, "duplicates": 0}
    (subset / "subset.json").write_text(json.dumps(images))


def test_findings_of_a_study_are_in_its_tables(study):
    aggregate_study(study)
    findings, table = read_table(study, "findings"), read_table(study, "runs").set_index("arm")
    assert list(findings.columns) == list(columns.FINDINGS)
    assert not findings.isna().any(axis=None)
    published_names = table.loc["new-published", "findings"].split()
    assert {"no-weight-moved", "gradients-add-up", "best-epoch-on-test"} <= set(published_names)
    alarms = findings[findings["severity"].isin(ALARMS)]
    assert set(published_names) == set(alarms[alarms["arm"] == "new-published"]["sentinel"])
    # Arms that are trained alike share a run, and both are looked at.
    assert table.loc["new", "run"] == table.loc["new-again", "run"]
    assert table.loc[["new", "new-again"], "findings"].tolist() == ["", ""]
    assert table["learning_rate"].tolist() == [0.001, 0.0003, 0.0003]
    rate = false_alarms(table.reset_index(), findings)
    assert (rate.runs, rate.alarmed, rate.sentinels) == (1, 0, {})


def test_a_study_without_findings_has_an_empty_table_of_the_same_columns(study):
    study = study.model_copy(update={"arms": {"new": study.arms["new"]}})
    file = paths.folder_of_run(study, find_run(study, "new", 50, 26)) / "layers.parquet"
    # So that there is not even a note.
    pd.read_parquet(file).assign(predicted_displacement=np.nan).to_parquet(file)
    aggregate_study(study)
    findings = read_table(study, "findings")
    assert findings.empty
    assert list(findings.columns) == list(columns.FINDINGS)


def test_landscapes_that_the_study_does_not_ask_for_are_not_read(study):
    """A stale file beside a run must not count."""
    run = find_run(study, "new", 50, 26)
    stale = {
        "checkpoint_train_loss": 0.1,
        "planes": {"random": {"status": "drawn", "axis": [-1, 0, 1], "centre_loss": 9.0}},
    }
    (paths.folder_of_run(study, run) / "landscape.json").write_text(json.dumps(stale))
    landscape = study.landscape.model_copy(update={"seeds": [26], "arms": ["new"]})
    with_one = study.model_copy(update={"landscape": landscape})
    for asked in (study, with_one):
        watch = Examiner(asked)
        for results in results_of_runs(asked):
            watch.look_at(results)
        found = {finding.sentinel for each in watch.findings().values() for finding in each}
        assert ("landscape-off-centre" in found) == (asked is with_one)


def made_up_runs(count: int, alarmed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    study = synthetic.make_study(seeds=count)
    keys = ["arm", "subset_size", "seed"]
    table = [
        (run.arm, 50, run.seed, f"{run.name}/{run.seed}", run.settings.model_dump_json())
        for run in runs(study)
    ]
    rows = []
    for seed in study.seed:
        rows.append(("new-published", 50, seed, "no-weight-moved", "error"))
        rows.append(("new", 50, seed, "drift-follows-step-size", "note"))
        lags = ("new", 50, seed, "batchnorm-lags", "warning")
        rows += [lags, lags] if seed < 26 + alarmed else []
    return (
        pd.DataFrame(table, columns=[*keys, "run", "settings"]),
        pd.DataFrame(rows, columns=[*keys, "sentinel", "severity"]),
    )


@pytest.mark.parametrize(("count", "alarmed"), [(5, 0), (10, 3), (10, 10)])
def test_false_alarm_rate_has_an_exact_interval(count, alarmed):
    result = false_alarms(*made_up_runs(count, alarmed))
    assert (result.runs, result.alarmed) == (2 * count, alarmed)
    assert result.rate == alarmed / (2 * count)
    if alarmed:
        assert binom.sf(alarmed - 1, 2 * count, result.low) == pytest.approx(0.025)
        assert result.sentinels == {"batchnorm-lags": alarmed}
    else:
        assert (result.low, result.sentinels) == (0, {})
    assert binom.cdf(alarmed, 2 * count, result.high) == pytest.approx(0.025)
    runs, findings = made_up_runs(2, 0)
    result = false_alarms(runs[runs["arm"] == "new-published"], findings)
    assert (result.runs, result.rate, result.low, result.high) == (0, None, 0, 1)


def test_runs_on_other_images_are_not_compared(study, monkeypatch):
    def drawn(folder):
        first = 100 * ("fashion" in str(folder))
        return {"indices": [*range(first, first + 50)], "counts": [5] * 10, "duplicates": 0}

    monkeypatch.setattr("tlstudy.audit.runs._subset", drawn)
    watch = Examiner(study)
    for results in results_of_runs(study):
        watch.look_at(results)
        other = results.run.settings.model_copy(update={"target": Target(name="fashion-mnist")})
        run = replace(results.run, arm=f"{results.run.arm}-fashion", settings=other)
        watch.look_at(replace(results, run=run))
    found = {finding.sentinel for each in watch.findings().values() for finding in each}
    assert "other-training-images" not in found
