"""The default configuration, and ways to change it."""

import copy
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from tlstudy.config.given import given_study
from tlstudy.config.settings import Study
from tlstudy.config.study import build_study, merge
from tlstudy.config.yaml_files import read_content
from tlstudy.storage.errors import UserError

ROOT = Path(__file__).parents[2]
# Without its measurement of some runs by name, as tests choose other arms and seeds.
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text()) | {"baselines": {"seeds": []}}


def read_files(*files: Path) -> dict:
    """The settings of files, later ones above, as Snakemake has them."""
    merged: dict = {}
    for file in files:
        merge(merged, read_content(file).settings)
    return merged


def changed(path: str, value: object) -> dict:
    """The default configuration with one key set (dots go down)."""
    configuration = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    target = configuration
    for part in parents:
        target = target.setdefault(part, {})
    target[last] = value
    return configuration


def fewer_seeds(
    name: str,
    seeds: int,
    measured: Iterable[str],
    epochs: int | None = None,
    first: int | None = None,
) -> Study:
    """A study of `studies` with so many seeds, in these measurements too.

    Args:
        epochs: of all arms; None for those that they have.
        first: the first seed; None for the study's own.
    """
    study = given_study([ROOT / "config.yaml", ROOT / "studies" / f"{name}.yaml"])
    first = study.seed[0] if first is None else first
    chosen = list(range(first, first + seeds))
    shorter = {} if epochs is None else {"epochs": epochs}
    arms = {name: arm.model_copy(update=shorter) for name, arm in study.arms.items()}
    selections = {
        name: getattr(study, name).model_copy(update={"seeds": chosen}) for name in measured
    }
    return study.model_copy(update={"arms": arms, "seed": chosen, **selections})


def message(configuration: dict) -> str:
    with pytest.raises(UserError) as caught:
        build_study(configuration)
    return caught.value.message
