"""Commands for images, weights and subsets."""

import logging
from collections.abc import Sequence
from pathlib import Path

import click

from tlstudy.cli.options import (
    cache_option,
    noted,
    seed_option,
    size_option,
    study_argument,
    tell,
    with_study,
)
from tlstudy.config.architecture_setting import check_architecture
from tlstudy.config.given import given_study
from tlstudy.config.image_folders import contents
from tlstudy.config.named_runs import check_subset
from tlstudy.config.settings import Study, WeightsSource
from tlstudy.config.study import parse_source
from tlstudy.config.study_targets import image_sources, parse_target
from tlstudy.jobs import paths
from tlstudy.jobs.workflow import source_lists

log = logging.getLogger(__name__)
CACHE = Path("resources")


@click.command()
@cache_option
@click.option(
    "--target",
    "text",
    help="Name of a data set, or a JSON mapping with `folder`; mnist if none is given.",
)
@study_argument
def images(cache: Path | None, text: str | None, files: tuple[Path, ...]) -> None:
    """Get images into the cache, checksums verified: a STUDY's, or a target's."""
    if files and (text or cache):
        raise click.UsageError("Name a STUDY, or --target and --cache, not both.")
    study = given_study(files) if files else None
    targets = list(image_sources(study).values()) if study else [parse_target(text or "mnist")]
    folder = study.cache if study else cache or CACHE
    for target in targets:
        with noted(folder, paths.job_of_images(target)):
            from tlstudy.data.images import cache_images

            cache_images(folder, target)
        if target.folder and target.folder.is_dir():
            for line in contents(target):
                tell(line)


@click.command()
@click.option("--architecture", help="Name of a network; resnet50 if none is given.")
@click.option(
    "--source",
    "named",
    multiple=True,
    help="Name of torchvision weights, he2015, or a JSON mapping with `file`; "
    "give more than one to try them in turn.",
)
@cache_option
@study_argument
def weights(
    named: tuple[str, ...], architecture: str | None, cache: Path | None, files: tuple[Path, ...]
) -> None:
    """Get pretrained weights into the cache, as safetensors beside a record: a STUDY's, or one."""
    if files and (named or architecture or cache):
        raise click.UsageError("Name a STUDY, or --source and what goes with it, not both.")
    if files:
        study = given_study(files)
        for (network, _), listed in source_lists(study).items():
            _get_weights(study.cache, network, listed)
    elif named:
        parsed = [parse_source(source) for source in named]
        _get_weights(cache or CACHE, check_architecture(architecture or "resnet50"), parsed)
    else:
        raise click.UsageError("Name a STUDY or a --source.")


def _get_weights(cache: Path, architecture: str, parsed: Sequence[WeightsSource]) -> None:
    with noted(cache, paths.job_of_weights(architecture, parsed)):
        from tlstudy.networks.weights import cache_weights

        folder = paths.weights_folder(cache, architecture, parsed)
        cache_weights(parsed, architecture, folder, paths.downloads_folder(cache))


@click.command()
@seed_option
@size_option
@click.option("--target", default="mnist", show_default=True, help="As in the subset's folder.")
@click.option("--drawing", type=click.Choice(["stratified", "published"]), required=True)
@with_study
def subset(study: Study, target: str, drawing: str, subset_size: int, seed: int) -> None:
    """Draw the training images of a seed and write them with a contact sheet."""
    check_subset(study, target, drawing, subset_size, seed)
    log.info("subset: %s, %s, n = %d, seed %d", target, drawing, subset_size, seed)
    with noted(paths.study_folder(study), paths.job_of_subset(target, drawing, subset_size, seed)):
        from tlstudy.steps.subset import make_subset

        make_subset(study, target, drawing, subset_size, seed)
