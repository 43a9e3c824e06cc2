"""Commands for images, weights and subsets."""

import logging
from pathlib import Path, PurePath

import click

from tlstudy.cli.options import cache_option, noted, seed_option, size_option, with_study
from tlstudy.config.architectures import check_architecture
from tlstudy.config.settings import Study
from tlstudy.config.study import check_subset, parse_source
from tlstudy.jobs import paths

log = logging.getLogger(__name__)


@click.command()
@cache_option
def images(cache: Path) -> None:
    """Get MNIST into the cache, checksums verified."""
    with noted(cache, PurePath("images")):
        from tlstudy.data.images import cache_images

        cache_images(cache)


@click.command()
@click.option("--architecture", default="resnet50", show_default=True, help="Name of a network.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    required=True,
    help="Name of torchvision weights, he2015, or a JSON mapping with `file`; "
    "give more than one to try them in turn.",
)
@cache_option
def weights(sources: tuple[str, ...], architecture: str, cache: Path) -> None:
    """Get pretrained weights into the cache, as safetensors beside a record."""
    architecture = check_architecture(architecture)
    parsed = [parse_source(source) for source in sources]
    with noted(cache, paths.job_of_weights(architecture, parsed)):
        from tlstudy.networks.weights import cache_weights

        folder = paths.weights_folder(cache, architecture, parsed)
        cache_weights(parsed, architecture, folder, paths.downloads_folder(cache))


@click.command()
@seed_option
@size_option
@click.option("--drawing", type=click.Choice(["stratified", "published"]), required=True)
@with_study
def subset(study: Study, drawing: str, subset_size: int, seed: int) -> None:
    """Draw the training images of a seed and write them with a contact sheet."""
    check_subset(study, drawing, subset_size, seed)
    log.info("subset: %s, n = %d, seed %d", drawing, subset_size, seed)
    with noted(paths.study_folder(study), paths.job_of_subset(drawing, subset_size, seed)):
        from tlstudy.steps.subset import make_subset

        make_subset(study, drawing, subset_size, seed)
