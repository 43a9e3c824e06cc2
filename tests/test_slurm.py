"""The workflow on a SLURM cluster, by both profiles for clusters, and what befalls its jobs."""

import os
import signal
import time

import pandas as pd
import pytest
from slurm_cluster import missing, running_cluster, wait_until

from workflow import ROOT, StudyFolder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "SLURM is there"),
]
# Numbers depend on the threads; and a test can ask the scheduler more often than a user should.
LIMITS = ("--max-threads", "2", "--latency-wait", "5")
SLURM = ("--workflow-profile", "slurm", "--slurm-init-seconds-before-status-checks", "2", *LIMITS)
GENERIC = ("--workflow-profile", "cluster", *LIMITS)
TIMES = ["training_seconds", "evaluation_seconds"]


@pytest.fixture(scope="module")
def cluster():
    with running_cluster() as running:
        yield running


@pytest.fixture
def place(tmp_path, cluster, cache, monkeypatch):
    """A folder of a study of two small trainings, in sight of the cluster."""
    monkeypatch.setenv("PATH", f"{cluster.commands}{os.pathsep}{os.environ['PATH']}")
    return small_study(tmp_path / "study")


def small_study(folder) -> StudyFolder:
    place = StudyFolder(folder)
    place.limits = ()  # it is the profile's to say how many jobs there may be
    (folder / "profiles").symlink_to(ROOT / "profiles")
    left_out = dict.fromkeys(("new-published", "pretrained-published", "pretrained"))
    arm = {"architecture": "resnet18", "image_size": 32, "epochs": 3}
    place.overlay["arms"] = {"new": arm, **left_out}
    place.overlay |= {"seed": [26, 27], "ladder": [], "claims": {}}
    place.overlay |= {name: {"seeds": []} for name in ("landscape", "curvature", "encoder")}
    return place


@pytest.fixture(scope="module")
def local(tmp_path_factory, cache):
    """The trainings as this machine makes them without a cluster."""
    place = small_study(tmp_path_factory.mktemp("local") / "study")
    result = place.run("--cores", "2", *LIMITS, "--until", "train")
    assert result.returncode == 0, result.stdout
    return measurements(place)


def measurements(place) -> dict[str, pd.DataFrame]:
    """All that was measured, by file; times apart."""
    files = sorted(place.results.glob("runs/*/*/*/*.parquet"))
    return {
        str(file.relative_to(place.results)): pd.read_parquet(file).drop(
            columns=TIMES, errors="ignore"
        )
        for file in files
    }


def assert_same(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> None:
    assert list(found) == list(expected)
    assert len(found) == 4  # two tables of two runs
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table, check_exact=True)


def end_of(process) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def a_running_job(cluster, rule: str, other_than: set[str] = frozenset()) -> str:
    """Number of a job of the rule once it runs, those apart."""
    found = set()
    wait_until(lambda: found.update(cluster.running(rule)) or found - other_than, f"{rule} to run")
    return min(found - other_than)


def test_slurm_makes_the_whole_study_with_the_same_numbers(place, cluster, local):
    process = place.start(*SLURM)
    together = 0
    while process.poll() is None:
        together = max(together, len(cluster.running("train")))
        time.sleep(0.5)
    output = end_of(process)
    assert (place.results / "report.html").is_file(), output
    assert together == 1, "both trainings had the node's one GPU at once"
    assert sorted(cluster.jobs("subset").values()) == ["COMPLETED"] * 2
    assert all("_" in job for job in cluster.jobs("subset")), "no array was submitted"
    assert_same(measurements(place), local)


def test_what_was_cancelled_and_what_a_node_took_along_is_made_again(place, cluster, local):
    seen = set(cluster.jobs("train"))
    gpu = ("train:gpu_model=fake", "train:runtime=60*attempt")
    process = place.start(*SLURM, "--until", "train", "--set-resources", *gpu)
    cancelled = a_running_job(cluster, "train", seen)
    cluster.ask("scancel", cancelled)
    taken = a_running_job(cluster, "train", seen | {cancelled})
    cluster.kill_node()
    wait_until(lambda: cluster.jobs("train")[taken] == "NODE_FAIL", "the node to be missed")
    cluster.start_node()
    end_of(process)
    states = {job: state for job, state in cluster.jobs("train").items() if job not in seen}
    assert states.pop(cancelled) == "CANCELLED"
    assert states.pop(taken) == "NODE_FAIL"
    assert list(states.values()) == ["COMPLETED"] * 2
    assert_same(measurements(place), local)


def test_an_interrupt_empties_the_queue_and_the_next_call_goes_on(place, cluster, local):
    seen = set(cluster.jobs("train"))
    process = place.start(*GENERIC, "--until", "train")
    stopped = a_running_job(cluster, "train", seen)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    wait_until(lambda: cluster.jobs("train")[stopped] == "CANCELLED", "the job to be cancelled")
    assert cluster.running("train") == []
    result = place.run(*GENERIC, "--until", "train")
    assert result.returncode == 0, result.stdout
    assert_same(measurements(place), local)


def test_a_job_lost_on_a_cluster_of_commands_is_submitted_again(place, cluster, local):
    seen = set(cluster.jobs("train"))
    process = place.start(*GENERIC, "--until", "train")
    lost = a_running_job(cluster, "train", seen)
    cluster.ask("scancel", lost)
    end_of(process)
    assert cluster.jobs("train")[lost] == "CANCELLED"
    assert_same(measurements(place), local)
