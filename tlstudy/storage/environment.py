"""What a result was made with: commit, versions, processor."""

import importlib.metadata
import platform
import subprocess
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
RECORDED_PACKAGES = ("tlstudy", "torch", "torchvision", "numpy", "pillow", "snakemake")


def commit() -> str:
    """Commit of the code, '+changes' appended where it was modified; unknown outside git."""
    try:
        # An installed copy may lie inside a repository that is not its own.
        _git("ls-files", "--error-unmatch", "__init__.py")
        head = _git("rev-parse", "HEAD")
        return head + ("+changes" if _git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PACKAGE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def environment() -> dict[str, str]:
    """Versions of code and libraries, and the processor's name."""
    versions = {name: version(name) for name in RECORDED_PACKAGES}
    return {
        "commit": commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor_name(),
        **versions,
    }


@cache
def version(package: str) -> str:
    """The installed version of a package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def processor_name() -> str:
    """Model name of the processor as far as the system tells."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
