"""What the plan says of a machine that is slow at what a study asks for."""

import pytest

from tlstudy.config.study import build_study
from tlstudy.jobs.machine import Machine, without_bfloat16
from tlstudy.networks import device

PROCESSOR = Machine("a processor", False, 2, 2)


@pytest.fixture
def lacking(monkeypatch):
    told = {"architecture": "x86_64", "avx512_bw": True, "avx512_bf16": False, "amx_bf16": False}
    monkeypatch.setattr(device.torch.cpu, "get_capabilities", lambda: told, raising=False)


def study_in(evaluated: str, trained: str = "float32"):
    arms = {"new": {"initialisation": "random", "precision": trained}}
    evaluation = {"precision": evaluated}
    return build_study({"study": "one", "seed": [26], "evaluation": evaluation, "arms": arms})


def test_bfloat16_is_warned_of_where_the_processor_lacks_it(lacking):
    told = without_bfloat16(study_in("bfloat16"), PROCESSOR)
    assert told.endswith("Write `evaluation: {precision: float32}` into the study's file.")
    trained = without_bfloat16(study_in("float32", "bfloat16"), PROCESSOR)
    assert "several times slower" in trained
    assert "Write" not in trained
    assert without_bfloat16(study_in("float32"), PROCESSOR) == ""


def test_a_gpu_and_a_processor_that_has_it_are_not(lacking, monkeypatch):
    asked = study_in("bfloat16", "bfloat16")
    assert without_bfloat16(asked, Machine("a GPU", True, 1, 1)) == ""
    x86, arm = {"architecture": "x86_64"}, {"architecture": "arm64"}
    for told in (x86 | {"avx512_bf16": True}, x86 | {"amx_bf16": True}, arm, arm | {"bf16": True}):
        monkeypatch.setattr(device.torch.cpu, "get_capabilities", lambda told=told: told)
        assert without_bfloat16(asked, PROCESSOR) == ""


def test_what_trains_no_network_is_not(lacking):
    laboratory = {"study": "one", "seed": [26], "laboratory": {"experiments": ["kernel"]}}
    asked = build_study(laboratory | {"arms": {}, "evaluation": {"precision": "bfloat16"}})
    assert without_bfloat16(asked, PROCESSOR) == ""
