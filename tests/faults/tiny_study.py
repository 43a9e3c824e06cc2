"""A study of seconds on real images, what it has to come out as, and whether it did."""

import copy
import shutil
import subprocess
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import yaml
from configurations import DEFAULT
from raw_mnist import raw_files
from result_files import content
from safetensors.torch import save_file

from faults.process import Ended, Running, finished, snakemake
from tlstudy.config.named_runs import find_run
from tlstudy.config.settings import Study
from tlstudy.config.study import build_study
from tlstudy.jobs import paths
from tlstudy.networks.architecture import build_classifier

ARM = {"group": "all", "architecture": "resnet18", "image_size": 32, "epochs": 2}
OF_RUN = ("train", "landscape", "curvature")
RUN = "runs/*/*/*"
# Files that a step writes, as globs below the study's folder.
WRITES = {
    "subset": ("subsets/*/*/*/*/*.json",),
    "train": tuple(
        f"{RUN}/{name}"
        for name in ("run.json", "metrics.parquet", "layers.parquet", "answers.parquet")
    ),
    "landscape": (f"{RUN}/landscape.json",),
    "aggregate": tuple(
        f"tables/{name}.parquet" for name in ("runs", "metrics", "layers", "answers", "findings")
    ),
    "claims": ("tables/ladder.parquet", "tables/claims.parquet"),
}
# Files of a study that the workflow has finished, figures and report apart.
KEPT = tuple(name for names in WRITES.values() for name in names)


class Place:
    """A folder with the tiny study's configuration, where its commands can be run."""

    def __init__(self, folder: Path, configuration: dict[str, Any]):
        self.folder = self.logs = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.study: Study = build_study(configuration)
        self.results = paths.study_folder(self.study)
        self.file = folder / "config.yaml"
        self.file.write_text(yaml.safe_dump(configuration, sort_keys=False))
        self.seconds: dict[str, float] = {}  # that a step took, once it succeeded

    def start(self, step: str, arm: str = "pretrained") -> Running:
        """Start the command of a step; of the arm's run if the step is of runs."""
        arguments = [step, "--config", str(self.file)]
        drawn = ["--subset-size", "10", "--seed", "26"]
        if step in OF_RUN:
            arguments += ["--arm", arm, "--gpus", "0", "--threads", "1", *drawn]
        elif step == "subset":
            arguments += ["--drawing", "stratified", *drawn]
        elif step in ("images", "weights"):
            arguments = [step, "--cache", str(self.study.cache)]
        if step == "weights":
            source = self.study.weights["imagenet"][0].model_dump_json()
            arguments += ["--source", source, "--architecture", "resnet18"]
        return Running(arguments, self.logs / f"{step}.log")

    def run(self, step: str) -> Ended:
        """The end of a step's command."""
        return self.start(step).wait()

    def succeed(self, *steps: str) -> None:
        """Run steps to a good end, those of runs for both arms."""
        for step in steps:
            for arm in ("new", "pretrained") if step == "train" else ("pretrained",):
                began = time.monotonic()
                self.start(step, arm).succeed()
                self.seconds[step] = time.monotonic() - began

    def start_workflow(self) -> subprocess.Popen:
        """Start Snakemake, as far as the ledger of claims: figures and report take long."""
        return snakemake(self.folder, str(self.results / "tables" / "claims.parquet"))

    def workflow(self) -> Ended:
        """The end of Snakemake."""
        return finished(self.start_workflow())

    def without(self, step: str) -> "Place":
        """This place, without the files that a step writes."""
        planes = (f"{RUN}/plane.safetensors",) if step == "train" else ()
        for name in (*WRITES.get(step, ()), *planes):
            for file in self.results.glob(name):
                file.unlink()
        return self

    def run_files(self) -> Path:
        """Folder of the pretrained arm's only run."""
        return paths.folder_of_run(self.study, find_run(self.study, "pretrained", 10, 26))


class TinyStudy:
    """The tiny study's inputs, and its results where nothing went wrong."""

    def __init__(self, folder: Path, cache: Path):
        self.folder, self.weights_file = folder, folder / "mine.safetensors"
        folder.mkdir(parents=True, exist_ok=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.state = build_classifier("resnet18", "3x3").state_dict()
        save_file(self.state, self.weights_file)
        self.images = cache.resolve() / "mnist"
        self.cache = self.cold_cache(folder)

    def cold_cache(self, folder: Path) -> Path:
        """A new cache in a folder that has the images and nothing else."""
        (folder / "cache").mkdir()
        (folder / "cache" / "mnist").symlink_to(self.images)
        return folder / "cache"

    def copy_of_cache(self, folder: Path) -> Path:
        """A copy of the reference's cache in which large files are links."""
        cache = folder / "cache"
        shutil.copytree(self.images, cache / "mnist", copy_function=copy_or_link)
        weights = self.cached_weights.parents[2]
        shutil.copytree(weights, cache / "weights", copy_function=copy_or_link)
        return cache

    def place_raw_images(self, cache: Path) -> None:
        """Put MNIST's raw files to where a cache takes those that were placed by hand."""
        (cache / "downloads").mkdir(parents=True)
        (cache / "downloads" / "mnist").symlink_to(self.raw_images)

    @cached_property
    def raw_images(self) -> Path:
        """A folder with MNIST's raw files."""
        folder = self.folder / "raw"
        folder.mkdir()
        for name, raw in raw_files(self.images).items():
            (folder / name).write_bytes(raw)
        return folder

    def configuration(self, results: Path, cache: Path | None = None) -> dict[str, Any]:
        """The default configuration made tiny."""
        made = copy.deepcopy(DEFAULT)
        made |= {"study": "tiny", "seed": 26, "subset_size": 10}
        # The same file everywhere: its path is a part of the runs' names.
        made["weights"] = {"imagenet": [{"file": str(self.weights_file)}]}
        made["evaluation"] |= {"epoch_images": 10, "final_images": 10}
        made["landscape"] |= {"seeds": [26], "grid": 3, "arms": ["pretrained"]}
        made["arms"] = {name: made["arms"][name] | ARM for name in ("new", "pretrained")}
        return made | {"results": str(results), "cache": str(cache or self.cache)}

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
        """A place where every step ran without a fault."""
        place = self.place(self.folder / "reference")
        place.succeed("weights", "subset", "train", "landscape", "aggregate", "claims")
        return place

    @property
    def cached_weights(self) -> Path:
        """The weights in the reference's cache."""
        self.reference  # noqa: B018 - fills the cache
        return weights_in(self.cache)

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


def weights_in(cache: Path) -> Path:
    """The only weights in a cache."""
    (found,) = cache.rglob("weights.safetensors")
    return found


def copy_or_link(source: str, destination: str) -> None:
    """Large files become links: no step writes into a file, each puts another in its place."""
    if Path(source).suffix in (".safetensors", ".npy"):
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
