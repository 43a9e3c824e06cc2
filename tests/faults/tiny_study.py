"""A study of seconds on real images, what it has to come out as, and whether it did."""

import copy
import json
import shutil
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from configurations import DEFAULT
from safetensors.torch import save_file

from faults.process import Ended, Running
from tlstudy.config.settings import Study
from tlstudy.config.study import build_study, runs
from tlstudy.jobs import paths
from tlstudy.networks.build import build_classifier

TIMES = {"seconds", "peak_memory_gib", "training_seconds", "evaluation_seconds"}
ARM = {"architecture": "resnet18", "image_size": 32, "epochs": 2}
OVERLAY = {
    "study": "tiny",
    "seed": 26,
    "subset_size": 10,
    "evaluation": {"epoch_images": 10, "final_images": 10},
    "landscape": {"seeds": [26], "grid": 3, "arms": ["pretrained"]},
    "arms": {"new": {"group": "all", **ARM}, "pretrained": {"group": "all", **ARM}},
}
OF_RUN = ("train", "landscape", "curvature")
# What a stage writes, as globs below the study's folder.
WRITES = {
    "weights": (),
    "subset": ("subsets/*/*/*/*.json",),
    "train": ("runs/*/*/*/run.json", "runs/*/*/*/metrics.parquet", "runs/*/*/*/layers.parquet"),
    "landscape": ("runs/*/*/*/landscape.json",),
    "aggregate": tuple(
        f"tables/{name}.parquet" for name in ("runs", "metrics", "layers", "findings")
    ),
    "claims": ("tables/ladder.parquet", "tables/claims.parquet"),
}
# What is left of a study that the workflow has finished, figures and report apart.
KEPT = tuple(name for names in WRITES.values() for name in names)


class Place:
    """A folder with the tiny study's configuration, where its commands can be run."""

    def __init__(self, folder: Path, configuration: dict[str, Any]):
        self.folder = self.logs = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.configuration = configuration
        self.file = folder / "config.yaml"
        self.file.write_text(yaml.safe_dump(configuration, sort_keys=False))
        self.seconds: dict[str, float] = {}  # that a stage took, once it succeeded

    @property
    def study(self) -> Study:
        return build_study(self.configuration)

    @property
    def results(self) -> Path:
        return paths.study_folder(self.study)

    def start(
        self, stage: str, arm: str = "pretrained", prepare: Callable[[], None] | None = None
    ) -> Running:
        """Start the command of a stage; of a run if the stage is of runs."""
        arguments = [stage, "--config", str(self.file)]
        if stage in OF_RUN:
            arguments += ["--arm", arm, "--subset-size", "10", "--seed", "26"]
            arguments += ["--gpus", "0", "--threads", "1"]
        elif stage == "subset":
            arguments += ["--drawing", "stratified", "--subset-size", "10", "--seed", "26"]
        elif stage == "images":
            arguments = [stage, "--cache", str(self.study.cache)]
        elif stage == "weights":
            source = self.study.weights["imagenet"][0].model_dump_json()
            arguments = [stage, "--cache", str(self.study.cache), "--source", source]
            arguments += ["--architecture", "resnet18"]
        return Running(arguments, self.logs / f"{stage}.log", prepare)

    def run(self, stage: str, arm: str = "pretrained", **options: Any) -> Ended:
        """The end of a stage's command."""
        return self.start(stage, arm, **options).wait()

    def succeed(self, *stages: str) -> None:
        """Run stages, those of runs for both arms.

        Raises:
            AssertionError: one failed.
        """
        for stage in stages:
            for arm in ("new", "pretrained") if stage == "train" else ("pretrained",):
                began = time.monotonic()
                ended = self.run(stage, arm)
                self.seconds[stage] = time.monotonic() - began
                assert ended.status == 0, f"{stage} {arm}: {ended.text}"


class TinyStudy:
    """The tiny study's inputs, and its results where nothing went wrong."""

    def __init__(self, folder: Path, cache: Path):
        self.folder = folder
        self.weights_file = folder / "mine.safetensors"
        folder.mkdir(parents=True, exist_ok=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.state = build_classifier("resnet18", "3x3").state_dict()
        save_file(self.state, self.weights_file)
        self.cache = folder / "cache"
        self.cache.mkdir()
        (self.cache / "mnist").symlink_to(cache.resolve() / "mnist")

    def configuration(self, results: Path, cache: Path | None = None) -> dict[str, Any]:
        """The default configuration made tiny."""
        configuration = copy.deepcopy(DEFAULT)
        del configuration["arms"]["new-published"], configuration["arms"]["pretrained-published"]
        for key, value in copy.deepcopy(OVERLAY).items():
            if key == "arms":
                for arm, settings in value.items():
                    configuration["arms"][arm] |= settings
            elif isinstance(value, dict):
                configuration.setdefault(key, {}).update(value)
            else:
                configuration[key] = value
        # The same file everywhere: its path is a part of the runs' names.
        configuration["weights"] = {"imagenet": [{"file": str(self.weights_file)}]}
        return configuration | {"results": str(results), "cache": str(cache or self.cache)}

    def place(self, folder: Path, cache: Path | None = None) -> Place:
        """A place without results."""
        return Place(folder, self.configuration(folder / "results", cache))

    def finished_place(self, folder: Path, cache: Path | None = None) -> Place:
        """A place with a copy of all results."""
        place = self.place(folder, cache)
        shutil.copytree(self.reference.results, place.results, copy_function=copy_or_link)
        return place

    @cached_property
    def reference(self) -> Place:
        """A place where every stage ran without a fault."""
        place = self.place(self.folder / "reference")
        place.succeed("weights", "subset", "train", "landscape", "aggregate", "claims")
        return place

    def assert_same_results(self, place: Place, names: Iterable[str]) -> None:
        """Results equal the reference's to the last digit, times apart.

        Args:
            names: globs below the study's folder.

        Raises:
            AssertionError: names the first file that differs.
        """
        for name in names:
            expected = sorted(self.reference.results.glob(name))
            assert expected, f"{name}: not in the reference"
            for file in expected:
                found = place.results / file.relative_to(self.reference.results)
                assert found.is_file(), f"{found}: missing"
                assert content(found) == content(file), f"{found}: differs from the reference"


def copy_or_link(source: str, destination: str) -> None:
    """Large files become links: no stage writes into a file, each puts another in its place."""
    if Path(source).suffix == ".safetensors":
        Path(destination).symlink_to(Path(source).resolve())
    else:
        shutil.copy2(source, destination)


def own(file: Path) -> Path:
    """The file itself instead of a link to it, so that damage stays here."""
    if file.is_symlink():
        target = file.resolve()
        file.unlink()
        shutil.copy(target, file)
    return file


def content(file: Path) -> Any:
    """A result file in a form that can be compared, without times."""
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        # Text with every digit, as a value that is not a number does not equal itself.
        return table.drop(columns=[name for name in table if name in TIMES]).to_csv()
    if file.suffix == ".json":
        return json.dumps(_without_times(json.loads(file.read_text())), sort_keys=True)
    return file.read_bytes()


def _without_times(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_times(value) for key, value in data.items() if key not in TIMES}
    if isinstance(data, list):
        return [_without_times(value) for value in data]
    return data


def run_files(place: Place, arm: str = "pretrained") -> Path:
    """Folder of an arm's only run."""
    run = next(run for run in runs(place.study) if run.arm == arm)
    return paths.folder_of_run(place.study, run)
