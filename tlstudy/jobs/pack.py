"""A verified results folder as one tarball."""

import gzip
import tarfile
from pathlib import Path

from tqdm import tqdm

from tlstudy.config.settings import Study
from tlstudy.config.study import STUDY_FILE, finished_study
from tlstudy.jobs import paths
from tlstudy.jobs.verify import Verification
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import atomic_path

# Time of every member, 1 January 1980, so that the same results give the same tarball. GNU tar
# warns of earlier times.
SECONDS = 315_532_800
GZIP = b"\x1f\x8b"  # with which each such file begins


def pack_study(folder: Path, destination: Path | None) -> str:
    """Write a study's results, its configuration and its provenance into a .tar.gz file.

    Args:
        destination: the file; None for <study>.tar.gz in the current folder.

    Returns:
        What was written.

    Raises:
        UserError: something in the folder does not hold, or the file would take the place of
            something that is no tarball.
    """
    study = finished_study(folder)
    destination = destination or Path(f"{study.study}.tar.gz")
    check_destination(destination, study)
    _check_tarball(destination)
    verification = Verification(study)
    problem = next(verification.problems(), None)
    if problem is not None:
        raise UserError(f"{folder} was not packed, because verification failed. {problem}")
    # When claims were first seen is no result of a step, but their verdicts depend on it.
    seen = paths.claims_seen_file(study)
    files = sorted([*verification.files(), *([seen] if seen.is_file() else [])])
    with (
        atomic_path(destination) as temporary,
        temporary.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=SECONDS) as zipped,
        # Contents, not links: their targets may lie outside the folder.
        tarfile.open(
            fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT, dereference=True
        ) as archive,
    ):
        for path in tqdm(files, desc="packed", unit="file", delay=2, disable=None):
            archive.add(path, path.relative_to(study.results).as_posix(), filter=_anonymous)
    megabytes = destination.stat().st_size / 1e6
    return (
        f"{destination}: {len(files)} files, {megabytes:,.1f} MB. Elsewhere: "
        f"tar xzf {destination.name} && tlstudy verify {study.study}\n"
        f"Fingerprint: {verification.fingerprint()}"
    )


def check_destination(destination: Path, study: Study) -> None:
    """Refuse to write a file where files of any study are, or where there is something else.

    Raises:
        UserError: names the place.
    """
    place = destination.resolve()
    others = [folder for folder in place.parents if (folder / STUDY_FILE).is_file()]
    for folder in (paths.study_folder(study), study.cache, *others):
        if place.is_relative_to(folder.resolve()):
            told = f"lies in {folder}, which holds files of studies; name a place outside it"
            raise UserError(f"{destination}: {told}.")
    if place.exists() and not place.is_file():
        raise UserError(f"{destination}: is there and is no file; must be a file's name.")


def _check_tarball(destination: Path) -> None:
    """
    Raises:
        UserError: something else than an earlier tarball would be lost.
    """
    if not destination.exists():
        return
    with destination.open("rb") as file:
        if file.read(len(GZIP)) != GZIP:
            raise UserError(f"{destination}: is there and is no .tar.gz; rename or remove it.")


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime, member.mode = SECONDS, 0o644
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
