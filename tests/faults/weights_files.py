"""Weights files that are hostile, damaged or of something else: refused, and never executed."""

import contextlib
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from faults.case import Case, Ending, Surroundings, assert_clear_sentence
from faults.process import Ended, Running
from faults.tiny_study import weights_in
from tlstudy.config.settings import WeightsFile
from tlstudy.networks.weights import load_weights

TENSOR = "layer1.0.conv1.weight"
State = dict[str, torch.Tensor]
# Writes a file; the state is that of the honest weights.
Writer = Callable[[State, Path], object]


class Command:
    """Pickled, a command that runs when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, ("touch executed",)


class Evaluated:
    """The same by way of builtins, which a list of forbidden modules forgets."""

    def __reduce__(self) -> tuple:
        return eval, ("open('executed', 'w')",)


def _saved(change: Callable[[State], object], zipped: bool = True) -> Writer:
    """A file in torch's format, or in its old one."""
    return lambda state, path: torch.save(
        change(state), path, _use_new_zipfile_serialization=zipped
    )


def _safe(change: Callable[[State], State]) -> Writer:
    return lambda state, path: save_file(change(state), path)


def _long_header(state: State, path: Path) -> None:
    """A safetensors file whose header is said to be longer than the file."""
    save_file(state, path)
    path.write_bytes(struct.pack("<Q", 2**40) + path.read_bytes()[8:])


def _with_a_value(state: State, value: float) -> State:
    changed = state[TENSOR].clone()
    changed[3, 2, 1, 0] = value
    return state | {TENSOR: changed}


def _zip(state: State, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", b"hello")


def _cut(state: State, path: Path) -> None:
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    os.truncate(path, path.stat().st_size * 2 // 3)


def _pickle(state: State, path: Path) -> None:
    path.write_bytes(pickle.dumps(Command()))


def _empty(state: State, path: Path) -> None:
    path.touch()


# What writes the file, by what is wrong with it.
TORCH: dict[str, Writer] = {
    "pickle that runs a command": _pickle,
    "command in torch's format": _saved(lambda state: Command()),
    "eval in torch's old format": _saved(lambda state: Evaluated(), zipped=False),
    "command among the tensors": _saved(lambda state: state | {"fc.bias": Command()}),
    "whole module": _saved(lambda state: torch.nn.Linear(2, 2)),
    "one tensor": _saved(lambda state: torch.ones(3)),
    "checkpoint of a training": _saved(lambda state: {"state_dict": state, "epoch": 3}),
    "zip of something else": _zip,
    "cut off, torch's format": _cut,
    "empty, torch's format": _empty,
    "text": lambda state, path: path.write_text("weights\n" * 100),
}
SAFETENSORS: dict[str, Writer] = {
    "pickle named safetensors": _pickle,
    "header longer than the file": _long_header,
    "not a number": _safe(lambda state: _with_a_value(state, float("nan"))),
    "infinite": _safe(lambda state: _with_a_value(state, float("inf"))),
    "a tensor missing": _safe(lambda state: {key: state[key] for key in state if key != TENSOR}),
    "a tensor more": _safe(lambda state: state | {"extra": torch.ones(2)}),
    "a tensor of other shape": _safe(lambda state: state | {TENSOR: torch.ones(64, 64, 3, 2)}),
    "whole numbers": _safe(lambda state: state | {TENSOR: state[TENSOR].to(torch.int32)}),
    "another architecture": _safe(
        lambda state: {key: state[key] for key in state if "layer4" not in key}
    ),
    "cut off, safetensors": _cut,
    "empty, safetensors": _empty,
    "zeros": lambda state, path: path.write_bytes(bytes(10**6)),
    "a folder": lambda state, path: path.mkdir(),
    "not there": lambda state, path: None,
}
# Odd, and yet the same weights.
HONEST: dict[str, Writer] = {
    "honest, old format": _saved(lambda state: state, zipped=False),
    "honest, in another order": _saved(lambda state: dict(reversed(state.items()))),
}
FAST = ("command in torch's format", "eval in torch's old format", "not a number")


def _cache(at: Surroundings, write: Writer, suffix: str) -> tuple[Path, Ended]:
    """The file, and how putting its weights into a cache ended."""
    path = at.folder / f"weights{suffix}"
    write(dict(at.tiny.state), path)
    source = WeightsFile(file=path).model_dump_json()
    arguments = ["weights", "--architecture", "resnet18", "--source", source]
    arguments += ["--cache", str(at.folder / "cache")]
    with contextlib.chdir(at.folder):  # where the file's code would leave its mark
        asked = Running(arguments, at.folder / "log")
    ended = asked.wait()
    assert not (at.folder / "executed").exists(), "code in the file was executed"
    return path, ended


def _refused(at: Surroundings, write: Writer, suffix: str) -> Ending:
    path, ended = _cache(at, write, suffix)
    assert not list((at.folder / "cache").rglob("*.safetensors")), "something was cached"
    return assert_clear_sentence(ended, [str(path)])


def _taken(at: Surroundings, write: Writer) -> Ending:
    _, ended = _cache(at, write, ".pth")
    assert ended.status == 0, ended.text
    state = load_weights(weights_in(at.folder / "cache").parent).state
    assert state.keys() == at.tiny.state.keys()
    assert all(torch.equal(state[key], at.tiny.state[key]) for key in state)
    return Ending.RESULT


CASES = [
    Case(name, _refused, (write, suffix), slow=name not in FAST)
    for suffix, files in ((".pth", TORCH), (".safetensors", SAFETENSORS))
    for name, write in files.items()
]
CASES += [Case(name, _taken, (write,)) for name, write in HONEST.items()]
