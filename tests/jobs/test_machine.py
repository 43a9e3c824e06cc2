"""What is found out about a machine: its GPU, threads, and what it is slow at."""

from types import SimpleNamespace

import pytest

from tlstudy.config.study import build_study
from tlstudy.jobs import machine
from tlstudy.jobs.machine import (
    Machine,
    has_gpu,
    this_machine,
    threads_of_job,
    without_bfloat16,
)
from tlstudy.networks import device
from tlstudy.storage.errors import UserError

PROCESSOR = Machine("a processor", False, 2, 2)


@pytest.fixture
def lacking(monkeypatch):
    told = {"architecture": "x86_64", "avx512_bw": True, "avx512_bf16": False, "amx_bf16": False}
    monkeypatch.setattr(device.torch.cpu, "get_capabilities", lambda: told, raising=False)


def study_in(evaluated: str, trained: str = "float32", **given):
    arms = {"new": {"initialisation": "random", "precision": trained}}
    evaluation = {"precision": evaluated}
    study = {"study": "one", "seed": [26], "evaluation": evaluation, "arms": arms}
    return build_study(study | given)


@pytest.fixture
def memory_of_24_gb(monkeypatch):
    monkeypatch.setattr(
        machine.psutil, "virtual_memory", lambda: SimpleNamespace(total=24_000_000_000)
    )


@pytest.mark.parametrize(
    ("cores", "memory", "jobs", "threads"),
    [
        (2, 7000, 40, 1),  # both cores at once
        (8, 7000, 40, 3),  # three fit into the memory
        (8, 1000, 40, 1),
        (8, 1000, 4, 2),  # there are only four
        (8, 1000, 1, 8),
        (4, 50_000, 40, 4),  # not even one fits: it is tried alone
    ],
)
def test_threads_fill_the_cores_with_jobs_that_fit(memory_of_24_gb, cores, memory, jobs, threads):
    assert threads_of_job(cores, memory, jobs) == threads
    assert (cores // threads) * memory <= 24_000 or threads == cores


def test_a_gpu_is_told_by_its_device(monkeypatch, tmp_path):
    device = tmp_path / "nvidiactl"
    monkeypatch.setattr(machine, "GPU_DEVICES", (str(device),))
    assert not has_gpu()
    device.touch()
    assert has_gpu()


def test_to_look_at_the_machine_takes_no_gpu(monkeypatch):
    """A command that took one would keep it from jobs as long as it runs."""
    monkeypatch.setattr(machine, "has_gpu", lambda: True)
    monkeypatch.setattr(device.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device.torch.cuda, "get_device_name", lambda: "A GPU")
    for study in (study_in("float32"), study_in("float32", device="cuda")):
        assert this_machine(study) == Machine("A GPU", True, 1, 1)
        assert this_machine(study, 4, 2) == Machine("A GPU", True, 2, 2)
        assert not this_machine(study, 4, 0).on_gpu
    assert not this_machine(study_in("float32", device="cpu")).on_gpu
    assert device._held == []


def test_a_study_for_a_gpu_is_told_that_there_is_none(monkeypatch):
    monkeypatch.setattr(device.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine, "has_gpu", lambda: True)
    assert not this_machine(study_in("float32")).on_gpu
    with pytest.raises(UserError, match="found 'cuda'; PyTorch sees no GPU here"):
        this_machine(study_in("float32", device="cuda"))


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
