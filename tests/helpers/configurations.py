"""The default configuration, and ways to change it."""

import copy
from pathlib import Path

import pytest
import yaml

from tlstudy.config.study import build_study
from tlstudy.storage.errors import UserError

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def changed(path: str, value: object) -> dict:
    """The default configuration with one key set (dots go down)."""
    configuration = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    target = configuration
    for part in parents:
        target = target.setdefault(part, {})
    target[last] = value
    return configuration


def message(configuration: dict) -> str:
    with pytest.raises(UserError) as caught:
        build_study(configuration)
    return caught.value.message
