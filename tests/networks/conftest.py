"""Weights of a small network, for tests of pretrained ones."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tlstudy.networks.architecture import build_classifier


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """A state dictionary that is a resnet18's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_classifier("resnet18", "3x3").state_dict()


@pytest.fixture(scope="module")
def good_file(state, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("good") / "mine.safetensors"
    save_file(state, path)
    return path
