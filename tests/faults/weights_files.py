"""Weights files that are hostile, damaged or of something else: refused, and never executed."""

import json
import os
import pickle
import struct
import zipfile
import zlib
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
Writer = Callable[[Surroundings, Path], object]


class Command:
    """Pickled, a command that runs when it is unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.system, (f"touch '{self.marker}'",)


class Evaluated(Command):
    """The same by way of builtins, which a list of forbidden modules forgets."""

    def __reduce__(self) -> tuple:
        return eval, (f"open({str(self.marker)!r}, 'w')",)


def _of(at: Surroundings) -> State:
    return dict(at.tiny.state)


def _saved(change: Callable[[Surroundings], object], zipped: bool = True) -> Writer:
    """A file in torch's format, or in its old one."""
    return lambda at, path: torch.save(change(at), path, _use_new_zipfile_serialization=zipped)


def _safe(change: Callable[[State], State]) -> Writer:
    return lambda at, path: save_file(change(_of(at)), path)


def _header(change: Callable[[dict], object]) -> Writer:
    """A safetensors file whose header is changed and whose data stays."""

    def write(at: Surroundings, path: Path) -> None:
        save_file(_of(at), path)
        content = path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        change(header)
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])

    return write


def _length(number: int) -> Writer:
    """A safetensors file whose header is said to have so many bytes."""

    def write(at: Surroundings, path: Path) -> None:
        save_file(_of(at), path)
        path.write_bytes(struct.pack("<Q", number) + path.read_bytes()[8:])

    return write


def _overlapping(header: dict) -> None:
    header["bn1.weight"]["data_offsets"] = header["bn1.bias"]["data_offsets"]


def _beyond_the_end(header: dict) -> None:
    begin, _ = header["fc.bias"]["data_offsets"]
    header["fc.bias"]["data_offsets"] = [begin, 2**60]


def _one_value(value: float) -> Callable[[State], State]:
    def change(state: State) -> State:
        changed = state[TENSOR].clone()
        changed[3, 2, 1, 0] = value
        return state | {TENSOR: changed}

    return change


def _members(members: dict[str, bytes]) -> Writer:
    def write(_: Surroundings, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return write


def _with_traversal(at: Surroundings, path: Path) -> None:
    """An honest file that would also write beside itself if it were unpacked."""
    torch.save(_of(at), path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../executed", "unpacked")
        archive.writestr(str(path.parent / "executed"), "unpacked")


def _cut(at: Surroundings, path: Path) -> None:
    save_file(_of(at), path) if path.suffix == ".safetensors" else torch.save(_of(at), path)
    os.truncate(path, at.generator.randrange(path.stat().st_size))


def _pickled(_: Surroundings, path: Path) -> None:
    path.write_bytes(pickle.dumps(Command(path.parent / "executed")))


def _compressed_pickle(_: Surroundings, path: Path) -> None:
    path.write_bytes(zlib.compress(pickle.dumps(Command(path.parent / "executed"))))


def _marker(at: Surroundings) -> Path:
    return at.folder / "executed"


# What writes the file, by what is wrong with it.
TORCH: dict[str, Writer] = {
    "pickle that runs a command": _pickled,
    "pickle, compressed": _compressed_pickle,
    "command in torch's format": _saved(lambda at: Command(_marker(at))),
    "command in torch's old format": _saved(lambda at: Command(_marker(at)), zipped=False),
    "eval in torch's format": _saved(lambda at: Evaluated(_marker(at))),
    "eval in torch's old format": _saved(lambda at: Evaluated(_marker(at)), zipped=False),
    "command among the tensors": _saved(lambda at: _of(at) | {"fc.bias": Command(_marker(at))}),
    "command as a key": _saved(lambda at: {Command(_marker(at)): torch.ones(1)}),
    "whole module": _saved(lambda at: torch.nn.Linear(2, 2)),
    "list of tensors": _saved(lambda at: list(_of(at).values())),
    "one tensor": _saved(lambda at: torch.ones(3)),
    "names of numbers": _saved(lambda at: dict.fromkeys(_of(at), 1.0)),
    "keys that are numbers": _saved(lambda at: dict(enumerate(_of(at).values()))),
    "checkpoint of a training": _saved(lambda at: {"state_dict": _of(at), "epoch": 3}),
    "complex numbers": _saved(
        lambda at: _of(at) | {TENSOR: at.tiny.state[TENSOR].to(torch.complex64)}
    ),
    "zip of something else": _members({"hello.txt": b"hello"}),
    "zip without members": _members({}),
    "zip with paths upwards": _members({"../../executed": b"x", "/tmp/x": b"x"}),
    "honest, with paths upwards beside": _with_traversal,
    "cut off, torch's format": _cut,
    "empty, torch's format": lambda at, path: path.touch(),
    "text": lambda at, path: path.write_text("weights\n" * 100),
}
SAFETENSORS: dict[str, Writer] = {
    "pickle named safetensors": _pickled,
    "header longer than the file": _length(2**40),
    "header of all memory": _length(2**63 - 1),
    "header of negative length": _length(2**64 - 1),
    "header of no length": _length(0),
    "header a byte short": _length(13000),
    "overlapping tensors": _header(_overlapping),
    "tensor beyond the end": _header(_beyond_the_end),
    "other type in the header": _header(
        lambda header: header["bn1.weight"].update(dtype="I32")  # of the same width
    ),
    "other shape in the header": _header(lambda header: header["fc.weight"]["shape"].reverse()),
    "not a number": _safe(_one_value(float("nan"))),
    "infinite": _safe(_one_value(float("inf"))),
    "a tensor missing": _safe(lambda state: {key: state[key] for key in state if key != TENSOR}),
    "a tensor more": _safe(lambda state: state | {"extra": torch.ones(2)}),
    "a tensor of other shape": _safe(lambda state: state | {TENSOR: torch.ones(64, 64, 3, 2)}),
    "whole numbers": _safe(lambda state: state | {TENSOR: state[TENSOR].to(torch.int32)}),
    "numbers too large for float32": _safe(
        lambda state: state | {TENSOR: state[TENSOR].double() * 1e300}
    ),
    "names in capitals": _safe(lambda state: {key.upper(): state[key] for key in state}),
    "another architecture": _safe(
        lambda state: {key: state[key] for key in state if "layer4" not in key}
    ),
    "cut off, safetensors": _cut,
    "empty, safetensors": lambda at, path: path.touch(),
    "zeros": lambda at, path: path.write_bytes(bytes(10**6)),
    "a folder": lambda at, path: path.mkdir(),
    "a link to itself": lambda at, path: path.symlink_to(path),
    "a pipe": lambda at, path: os.mkfifo(path),
    "not there": lambda at, path: None,
}
# Odd, and yet the same weights.
HONEST: dict[str, Writer] = {
    "honest, old format": _saved(_of, zipped=False),
    "honest, in another order": _saved(lambda at: dict(reversed(_of(at).items()))),
}
FAST = (
    "command in torch's format",
    "eval in torch's old format",
    "overlapping tensors",
    "not a number",
    "a link to itself",
    "zip with paths upwards",
)


def _cache(at: Surroundings, write: Writer, suffix: str) -> tuple[Path, Ended]:
    """The file, and how putting its weights into a cache ended."""
    path = at.folder / f"weights{suffix}"
    write(at, path)
    source = WeightsFile(file=path).model_dump_json()
    arguments = ["weights", "--architecture", "resnet18", "--source", source]
    arguments += ["--cache", str(at.folder / "cache")]
    ended = Running(arguments, at.folder / "log").wait()
    assert not _marker(at).exists(), "code in the file was executed"
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
