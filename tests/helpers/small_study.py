"""A small study with every step of runs in it, made by the steps themselves, without Snakemake."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from tlstudy.config.measurements import measurements
from tlstudy.config.settings import Study
from tlstudy.config.study import build_study, runs, selected
from tlstudy.config.study_targets import targets
from tlstudy.data.images import cache_images
from tlstudy.jobs import paths
from tlstudy.networks.architecture import build_classifier
from tlstudy.networks.weights import cache_weights
from tlstudy.steps.aggregate import aggregate_study
from tlstudy.steps.claims import make_claims
from tlstudy.steps.figures import draw_figures
from tlstudy.steps.measure import measure_run
from tlstudy.steps.report import make_report
from tlstudy.steps.subset import make_subset
from tlstudy.steps.train import train_run

SEED, SIZE = 26, 10
TRAINING = {"architecture": "resnet18", "image_size": 32, "epochs": 2}
MEASURED = {"seeds": [SEED], "arms": ["pretrained"]}


def configuration(results: Path, cache: Path, weights: Path) -> dict:
    """Two runs on ten images: of a new network, and of one from a file of the user's."""
    return {
        "study": "small",
        "results": str(results),
        "cache": str(cache),
        "device": "cpu",
        "seed": SEED,
        "subset_size": SIZE,
        "weights": {"own": [{"file": str(weights)}]},
        "evaluation": {"epoch_images": 10, "final_images": 10},
        "landscape": MEASURED | {"grid": 3},
        "curvature": MEASURED | {"train_loss": 2.2, "lanczos_steps": 2, "directions": 1},
        "encoder": MEASURED | {"frozen_stages": ["layer4"], "test_images": 10},
        "invariance": MEASURED | {"test_images": 10},
        "features": MEASURED | {"test_images": 10},
        "baselines": MEASURED,
        "reuse": MEASURED | {"descent_steps": 1, "explicit_steps": 1},
        "arms": {"new": TRAINING, "pretrained": {**TRAINING, "initialisation": "own"}},
    }


def prepared_study(folder: Path, images: Path, **changes) -> Study:
    """The study, some settings changed, with its weights and subset; the images are linked to."""
    cache, weights = folder / "cache", folder / "own.safetensors"
    cache.mkdir()
    (cache / "mnist").symlink_to(images)
    torch.manual_seed(0)
    save_file(build_classifier("resnet18", "3x3").state_dict(), weights)
    study = build_study(configuration(folder / "results", cache, weights) | changes)
    sources = study.weights["own"]
    cache_weights(sources, "resnet18", paths.weights_folder(cache, "resnet18", sources), folder)
    for target in targets(study).values():
        if target.name != "mnist":
            cache_images(cache, target)
    for drawing in dict.fromkeys(map(paths.drawing_of_run, runs(study))):
        make_subset(study, *drawing)
    return study


def make_small_study(folder: Path, images: Path) -> Study:
    """Run every step in `folder`."""
    study = prepared_study(folder, images)
    for run in runs(study):
        train_run(study, run, threads=1)
    for name in measurements():
        for run in selected(study, getattr(study, name)):
            measure_run(study, run, name, threads=1)
    for run in runs(study):  # as the workflow does, which keeps no trajectory
        (paths.folder_of_run(study, run) / "plane.safetensors").unlink()
    aggregate_study(study)
    make_claims(study)
    draw_figures(study)
    make_report(study)
    return study
