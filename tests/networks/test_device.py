"""Which device a job computes on, and which GPU of several; no GPU is needed."""

import subprocess
import sys

import pytest
import torch
from filelock import FileLock, Timeout

from tlstudy.networks import device
from tlstudy.networks.device import choose_device, repeatable, take_gpu, visible_gpus
from tlstudy.storage.errors import UserError

# Takes one of two GPUs, tells which, and holds it until it is ended.
HOLDER = """
import sys
from pathlib import Path
from tlstudy.networks.device import take_gpu
print(take_gpu(["0", "1"], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def jobs(tmp_path):
    """Starts processes that take a GPU and keep it; a call gives process and GPU."""
    started = []

    def start() -> tuple[subprocess.Popen, int]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def taken(*_):
    raise Timeout("lock")


def test_each_job_has_its_own_gpu_and_a_killed_job_frees_its_own(jobs):
    first, gpu = jobs()
    assert {gpu, jobs()[1]} == {0, 1}
    first.kill()
    first.wait()
    assert jobs()[1] == gpu


def test_more_jobs_than_gpus_share_them_evenly(tmp_path):
    assert [take_gpu(["0", "1"], tmp_path) for _ in range(4)] == [0, 1, 0, 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileLock, "acquire", taken)
        assert take_gpu(["0", "1"], tmp_path) == 0


def test_jobs_that_see_different_gpus_do_not_wait_for_each_other(tmp_path):
    assert take_gpu(visible_gpus(2, "0,1"), tmp_path) == 0
    assert take_gpu(visible_gpus(2, "2,3"), tmp_path) == 0
    assert take_gpu(visible_gpus(2, "1,2"), tmp_path) == 0
    assert take_gpu(visible_gpus(2, "1,3"), tmp_path) == 1


def test_gpus_without_a_setting_are_numbered():
    assert visible_gpus(2, None) == ["0", "1"]
    assert visible_gpus(1, "GPU-5a8b") == ["GPU-5a8b"]


def test_a_granted_gpu_is_used_and_one_that_was_not_is_left(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(device, "lock_folder", lambda: tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert choose_device("auto", 1) == torch.device("cuda", 0)
    assert choose_device("auto", 1) == torch.device("cuda", 1)
    assert choose_device("auto", 0) == torch.device("cpu")
    with pytest.raises(UserError, match="gpu=0"):
        choose_device("cuda", 0)


def test_cuda_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="use auto or cpu"):
        choose_device("cuda")
    assert choose_device("auto") == torch.device("cpu")
    assert choose_device("auto", 1) == torch.device("cpu")


def test_what_cannot_be_done_twice_alike_ends_in_a_sentence():
    """As the gradient of VGG's pooling on a GPU; this operation is refused on a processor too."""
    torch.use_deterministic_algorithms(True)
    try:
        with pytest.raises(UserError) as caught, repeatable("vgg11"):
            torch.zeros(2).put_(torch.tensor([0]), torch.ones(1))
    finally:
        torch.use_deterministic_algorithms(False)
    assert caught.value.message.startswith("architecture: found vgg11; the same seed would give")
    assert "no deterministic put_: give `device: cpu`" in caught.value.message
    with pytest.raises(RuntimeError, match="out of memory"), repeatable("vgg11"):
        raise RuntimeError("out of memory")
