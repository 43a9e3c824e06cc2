"""A verified results folder as one tarball."""

import gzip
import tarfile
from pathlib import Path

from tqdm import tqdm

from tlstudy.config.study import finished_study
from tlstudy.jobs.verify import Verification
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import atomic_path

# Time of every member, 1 January 1980, so that the same results give the same tarball. GNU tar
# warns of earlier times.
SECONDS = 315_532_800


def pack_study(folder: Path, destination: Path | None = None) -> str:
    """Write a study's results, its configuration and its provenance into a .tar.gz file.

    Args:
        destination: the file; by default <study>.tar.gz in the current folder.

    Returns:
        What was written.

    Raises:
        UserError: something in the folder does not hold.
    """
    study = finished_study(folder)
    verification = Verification(study)
    problem = next(verification.problems(), None)
    if problem is not None:
        raise UserError(f"{folder} was not packed, as it does not hold. {problem}")
    destination = destination or Path(f"{study.study}.tar.gz")
    files = sorted(verification.files())
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


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime, member.mode = SECONDS, 0o644
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
