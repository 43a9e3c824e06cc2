"""The package that jobs run is the one that the workflow was planned with.

Snakemake plans with a package, and its jobs call the command `tlstudy`, which may be another
installation's. The workflow leaves word of its package in an environment variable; the command
holds it against its own.
"""

import os
import shutil
import sys
import sysconfig
from hashlib import sha256
from pathlib import Path

from tlstudy.storage.code_digest import DATA_FILES
from tlstudy.storage.environment import PACKAGE
from tlstudy.storage.errors import UserError

PLANNED_WITH = "TLSTUDY_PLANNED_WITH"  # digest and folder, with a blank between them
DIGITS = 16


def let_jobs_run_this_package() -> None:
    """Let commands that this process starts find this package, and refuse any other.

    Raises:
        UserError: jobs would find no command `tlstudy`.
    """
    # Installed packages are found anyway; before others they would mix with another Python's.
    if PACKAGE.parent not in map(Path, sysconfig.get_paths().values()):
        _put("PYTHONPATH", str(PACKAGE.parent), first=True)
    # An environment that is not activated has its commands beside its interpreter.
    _put("PATH", str(Path(sys.executable).parent), first=False)
    if shutil.which("tlstudy") is None:
        raise UserError(
            f"tlstudy: found no such command for {sys.executable}, which runs Snakemake; install "
            "this workflow's repository there with pip."
        )
    os.environ[PLANNED_WITH] = f"{package_digest(PACKAGE)} {PACKAGE}"


def in_workflow() -> bool:
    """Whether a workflow started this process."""
    return PLANNED_WITH in os.environ


def refuse_other_code() -> None:
    """
    Raises:
        UserError: the workflow that called this command was planned with other code.
    """
    digest, _, package = os.environ.get(PLANNED_WITH, "").partition(" ")
    if package and Path(package) != PACKAGE and package_digest(PACKAGE) != digest:
        raise UserError(
            f"{PACKAGE}: this job runs other code than the workflow was planned with, which is in "
            f"{package}; must be the same code: install that package for both, such as with "
            f"`pip install --editable {Path(package).parent}`."
        )


def package_digest(package: Path) -> str:
    """Digest of the code and the data files of a package that is installed in a folder."""
    whole = sha256()
    for file in sorted(package.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(package).parts)
        if file.suffix in (".py", *DATA_FILES) and not hidden:
            name = file.relative_to(package).as_posix().encode()
            whole.update(sha256(name).digest() + sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:DIGITS]


def _put(variable: str, folder: str, first: bool) -> None:
    """Add a folder to a list of folders in an environment variable, unless it is there."""
    folders = [part for part in os.environ.get(variable, "").split(os.pathsep) if part]
    if first and folders[:1] != [folder]:
        folders = [folder, *folders]
    elif not first and folder not in folders:
        folders = [*folders, folder]
    os.environ[variable] = os.pathsep.join(folders)
