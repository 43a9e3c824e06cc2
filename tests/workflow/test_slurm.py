"""A study on a SLURM cluster, by both profiles for clusters, and what befalls its jobs there."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from result_files import content
from slurm_cluster import missing, running_cluster
from study_folder import PATIENCE, ROOT, StudyFolder

from tlstudy.config.given import given_study
from tlstudy.config.settings import Study
from tlstudy.config.study import Run, runs
from tlstudy.jobs.cost import memory_mb, runtime_minutes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "SLURM is there"),
]
# Numbers depend on the threads; and a test may ask the scheduler more often than a user should.
LIMITS = ("--max-threads", "2", "--latency-wait", "5")
SLURM = ("--workflow-profile", "slurm", "--slurm-init-seconds-before-status-checks", "1", *LIMITS)
GENERIC = ("--workflow-profile", "cluster", "--until", "train", *LIMITS)


@pytest.fixture(scope="module")
def cluster():
    with running_cluster() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{running.commands}{os.pathsep}{os.environ['PATH']}")
        yield running


class SmallStudy(StudyFolder):
    """Two small trainings."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.limits = ()  # it is the profile's to say how many jobs there may be
        (folder / "profiles").symlink_to(ROOT / "profiles")
        self.have_only(new={"architecture": "resnet18", "image_size": 32, "epochs": 3})
        self.overlay["seed"] = [26, 27]

    @contextmanager
    def started(self, *options: str) -> Iterator[subprocess.Popen]:
        """Snakemake, running, its trainings held; it does not outlive a test that fails."""
        self.hold_trainings()
        process = self.start(*options)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def finish(self, process: subprocess.Popen) -> None:
        """Let the trainings begin, and Snakemake come to a good end."""
        self.let_go()
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output


@pytest.fixture(scope="module")
def local(tmp_path_factory, cache):
    """The study's trainings as this machine makes them without a cluster."""
    place = SmallStudy(tmp_path_factory.mktemp("local") / "study")
    place.succeed("--cores", "2", "--until", "train", "--set-threads", "train=2", *LIMITS)
    return measurements(place)


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory, cache, cluster):
    """A study that SLURM made, though one training was cancelled and one lost its node."""
    place = SmallStudy(tmp_path_factory.mktemp("slurm") / "study")
    gres = ("--set-resources", "train:gpu=0", "train:gres=gpu:fake:1")
    with place.started(*SLURM, *gres) as process:
        cancelled = cluster.a_running_job("train")
        cluster.ask("scancel", cancelled)
        lost = cluster.a_running_job("train", {cancelled})
        with cluster.without_node():
            cluster.wait_for("train", lost, "NODE_FAIL")
        place.finish(process)
    return place


def measurements(place: StudyFolder) -> dict[str, str]:
    """All that was measured, by file; times apart."""
    files = sorted(place.results.glob("runs/*/*/*/*.parquet"))
    assert len(files) == 6, "three tables of each of two runs"
    return {str(file.relative_to(place.results)): content(file) for file in files}


def test_the_study_is_made_to_its_report_with_the_same_numbers(disturbed, local):
    assert (disturbed.results / "report.html").is_file()
    assert measurements(disturbed) == local


def test_what_was_cancelled_and_what_the_node_took_along_was_submitted_again(disturbed, cluster):
    states = list(cluster.states("train").values())[:4]
    assert states == ["CANCELLED", "NODE_FAIL", "COMPLETED", "COMPLETED"]


def test_trainings_ask_for_a_gpu_and_for_more_when_they_are_made_again(disturbed, cluster):
    run, study = first_run(disturbed)
    minutes, memory = runtime_minutes(study, run, "train", 2, 1), memory_mb(run, "train")
    jobs, attempts = list(cluster.jobs("train").values())[:4], Counter()
    for job in jobs:
        # Which of the two runs is made again first depends on when each is submitted.
        attempts[job["Comment"]] += 1
        attempt = attempts[job["Comment"]]
        assert job["TresPerNode"] == "gres:gpu:fake:1"
        assert job["MinMemoryNode"] == f"{attempt * memory}M"
        hours, rest = divmod(attempt * minutes, 60)
        assert job["TimeLimit"] == f"{hours:02}:{rest:02}:00"
    assert len(attempts) == 2
    assert sum(attempts.values()) == 4


def test_short_jobs_of_a_rule_are_one_array(disturbed, cluster):
    subsets = list(cluster.jobs("subset").values())[:2]
    assert sorted(job["ArrayTaskId"] for job in subsets) == ["1", "2"]
    assert len({job["ArrayJobId"] for job in subsets}) == 1


def test_on_a_cluster_of_commands_an_interrupt_empties_the_queue_and_a_lost_job_is_made_again(
    tmp_path, cache, cluster, local
):
    place, before = SmallStudy(tmp_path / "study"), set(cluster.jobs("train"))
    with place.started(*GENERIC) as process:
        stopped = cluster.a_running_job("train", before)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0, output
    cluster.wait_for("train", stopped, "CANCELLED")
    assert cluster.ask("squeue", "--noheader", "--states=pending,running") == ""
    with place.started(*GENERIC) as process:
        lost = cluster.a_running_job("train", before | {stopped})
        cluster.ask("scancel", lost)
        cluster.wait_for("train", lost, "CANCELLED")
        place.finish(process)
    assert cluster.jobs("train")[lost]["TresPerJob"] == "gres:gpu:1"
    assert measurements(place) == local


def test_a_processor_is_given_more_time_than_a_gpu(tmp_path, cache):
    place = SmallStudy(tmp_path / "study")
    place.overlay["evaluation"] = {"epoch_images": 10000, "final_images": 10000}
    place.overlay["arms"]["new"]["image_size"] = 256
    place.succeed("--cores", "2", "--until", "subset")
    asked = place.folder / "asked"
    # Commands of a cluster on which every job fails; what follows # is the job's script or number.
    submit = f"echo {{threads}} {{resources.gpu}} {{resources.runtime}} >> {asked}; echo 1 #"
    commands = ("--cluster-generic-submit-cmd", submit)
    commands += ("--cluster-generic-status-cmd", "echo failed #")
    for limit in ((), ("--resources", "gpu=0")):
        result = place.run(*GENERIC, *commands, *limit, "--retries", "0")
        assert result.returncode == 1, result.stdout
    run, study = first_run(place)
    expected = [f"2 {gpus} {runtime_minutes(study, run, 'train', 2, gpus)}" for gpus in (1, 0)]
    assert list(dict.fromkeys(asked.read_text().splitlines())) == expected
    assert runtime_minutes(study, run, "train", 2, 0) > 60


def first_run(place: StudyFolder) -> tuple[Run, Study]:
    files = [place.folder / name for name in ("config.yaml", "tiny.yaml")]
    study = given_study(files)
    return runs(study)[0], study
