"""A machine by a simple model, and the records that jobs would leave on it."""

import pandas as pd
from configurations import ROOT
from records import leave_made, run_record

from tlstudy.config.architectures import MILLIONS_OF_WEIGHTS, MULTIPLY_ADDS
from tlstudy.config.given import given_study
from tlstudy.config.study import STEPS, runs
from tlstudy.jobs import graph, paths, speed
from tlstudy.jobs.machine import Machine
from tlstudy.jobs.run_record import write_run_record
from tlstudy.jobs.speed import Kind, Timed
from tlstudy.jobs.study_files import write_settings
from tlstudy.storage.environment import version

PROCESSOR, GPU = "A processor", "A GPU"


class MadeMachine:
    """A machine by a simple model: what a core takes for steps, looks, measurements, an epoch.

    Networks of large images are slower for each operation; bfloat16 is 1.6 times as fast in steps
    and 2.2 times in looks. A step has a start of its own, and so has a job.
    """

    start, start_on_record, first_step = 5.0, 2.5, 3.0
    device, threads = PROCESSOR, 1

    def slowness(self, network: str, size: int) -> float:
        return {"resnet18": 1.3, "resnet50": 1.0}[network] * (size / 128) ** 0.3

    def step(self, network: str, size: int, precision: str, images: float) -> float:
        done = 3 * images * 2e9 * MULTIPLY_ADDS[network] * (size / 224) ** 2
        fast = 1.6 if precision == "bfloat16" else 1
        return 0.15 + 1.2e-11 * done * self.slowness(network, size) / fast

    def look(self, network: str, size: int, precision: str, images: float) -> float:
        done = images * 2e9 * MULTIPLY_ADDS[network] * (size / 224) ** 2
        fast = 2.2 if precision == "bfloat16" else 1
        return 0.9e-11 * done * self.slowness(network, size) / fast

    def steps(self, run) -> float:
        """Core seconds of an epoch's steps."""
        settings = run.settings
        number = -(-run.subset_size // settings.batch_size)
        shape = settings.architecture, settings.image_size, settings.precision
        return number * self.step(*shape, run.subset_size / number)

    def looks(self, study, run, last: bool) -> float:
        """Core seconds of the looks after an epoch."""
        seen, taken = study.evaluation, {"running", "recalibrated"} if last else run.after_epochs
        images = run.subset_size * ("recalibrated" in taken)
        for statistics in taken:
            whole = last and statistics in run.statistics
            images += seen.final_images if whole else seen.epoch_images
        return self.look(run.settings.architecture, run.settings.image_size, seen.precision, images)

    def training(self, study, run) -> float:
        """Core seconds of a training, all in all."""
        epochs = run.settings.epochs
        rest = 0.03 * MILLIONS_OF_WEIGHTS[run.settings.architecture]
        looks = (epochs - 1) * self.looks(study, run, False) + self.looks(study, run, True)
        return self.start + self.first_step + epochs * (self.steps(run) + rest) + looks

    def landscape(self, study, run) -> float:
        settings = run.settings
        points = 2 * study.landscape.grid**2 * run.subset_size
        pace = self.look(settings.architecture, settings.image_size, "float32", points)
        return self.start + 1.5 * pace

    def hours(self, study) -> float:
        trained = {paths.folder_of_run(study, run): run for run in runs(study)}.values()
        seconds = sum(self.training(study, run) for run in trained)
        for job in speed.jobs(study):
            if job.step == "landscape":
                seconds += self.landscape(study, job.run)
        return seconds / 3600

    def timing(self, steps: Kind, looks: Kind) -> Timed:
        """What a short timing of a few images would find."""
        one = 2e9 * MULTIPLY_ADDS[steps.architecture] * (steps.image_size / 224) ** 2
        images = min(steps.images, 32)
        weight = 0.5 if steps.precision == "bfloat16" else 1
        look_weight = 0.5 if looks.precision == "bfloat16" else 1
        shape = steps.architecture, steps.image_size
        return Timed(
            self.step(*shape, steps.precision, images) / (3 * images * one * weight),
            self.look(*shape, looks.precision, 100) / (100 * one * look_weight),
            0.02,
        )

    def finish(self, study, **changes) -> None:
        """Leave the records of a study's finished jobs."""
        write_settings(study)
        for run in runs(study):
            folder = paths.folder_of_run(study, run)
            folder.mkdir(parents=True, exist_ok=True)
            took = self.training(study, run) / self.threads
            epochs, steps = run.settings.epochs, self.steps(run) / self.threads
            looks, last = (self.looks(study, run, end) / self.threads for end in (False, True))
            table = pd.DataFrame({"epoch": range(1, epochs + 1)})
            table["training_seconds"] = [steps + self.first_step, *[steps] * (epochs - 1)]
            table["evaluation_seconds"] = [*[looks] * (epochs - 1), last]
            table.to_parquet(folder / paths.METRICS)
            (folder / paths.LAYERS).touch()
            (folder / paths.ANSWERS).touch()
            record = {
                "device": self.device if self.device == GPU else "cpu",
                "threads": self.threads,
                "environment": {"processor": self.device, "torch": version("torch")},
                "evaluation": study.evaluation.model_dump(mode="json"),
                "epochs": epochs,
                "seconds": took - self.start + self.start_on_record,
            }
            write_run_record(folder, run_record(**record | changes))
            self.benchmark(study, "train", run, took)
        for job in speed.jobs(study):
            if job.step != "train":
                paths.step_files(study, job.step, job.run)[0].touch()
                seconds = self.landscape(study, job.run) if job.step == "landscape" else self.start
                self.benchmark(study, job.step, job.run, seconds / self.threads)
        for step in graph.steps(study):
            if step.name in ("subset", *STEPS):
                leave_made(step)

    def benchmark(self, study, step: str, run, seconds: float) -> None:
        file = paths.benchmark_file(paths.study_folder(study), paths.job_of_run(step, run))
        file.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame([{"s": seconds, "mean_load": 95.0 * self.threads}]).to_csv(
            file, sep="\t", index=False
        )


def shipped(tmp_path, *names: str, **changes):
    """A study of the repository, with its results and cache elsewhere."""
    study = given_study(
        [ROOT / "config.yaml", *(ROOT / "studies" / f"{name}.yaml" for name in names)]
    )
    places = {"results": tmp_path / "results", "cache": tmp_path / "cache"}
    return study.model_copy(update=places | changes)


def with_arms(study, name: str, **changes):
    """The study with other settings of all arms, under another name."""
    arms = {key: arm.model_copy(update=changes) for key, arm in study.arms.items()}
    return study.model_copy(update={"arms": arms, "study": name})


def never(*_: object) -> Timed:
    """For a machine of which nothing may be timed."""
    raise AssertionError("all is on record")


def processor(slots: int, real: int | None = None) -> Machine:
    """A machine without a GPU that takes so many jobs at once, on so many real cores."""
    return Machine(PROCESSOR, False, slots, real or slots)
