"""What made a result: code, versions, device."""

import ast
import hashlib
import importlib.metadata
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# They say what results were made from, and take part in none.
RECORDING = frozenset({"tlstudy.jobs.steps", "tlstudy.jobs.records"})
# They move files and settings about and decide no number of a run: its settings count by
# themselves, and content read from files is checked by its checksum.
PLUMBING = frozenset(
    f"tlstudy.{name}"
    for name in (
        "storage.columns",
        "storage.errors",
        "data.download",
        "storage.files",
        "config.messages",
        "jobs.paths",
        "storage.time_left",
        "storage.provenance",
        "config.settings",
        "storage.reading",
        "config.study",
        "config.yaml_files",
    )
).union(RECORDING)
RECORDED_PACKAGES = ("tlstudy", "torch", "torchvision", "numpy", "snakemake")


@cache
def source_digest(module: str, passed_over: frozenset[str] = frozenset()) -> str:
    """Digest of the code of a module and of all modules of this package that it imports.

    Comments, docstrings and layout do not count, so that mending them reruns nothing; nor does
    the version of Python, so that results can be verified on another machine.
    """
    digest = hashlib.sha256()
    for name in sorted(_with_imports(module, passed_over)):
        digest.update(f"{name}\n{_module(name).shape}\n".encode())
    return digest.hexdigest()[:10]


def data_digest(folder: str) -> str:
    """Digest of the package's own data files in a folder: templates, published series."""
    digest = hashlib.sha256()
    for file in sorted((PACKAGE / folder).iterdir()):
        if file.is_file() and file.suffix != ".py":
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:10]


def _with_imports(module: str, passed_over: frozenset[str]) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found | passed_over:
            found.add(name)
            waiting.extend(_module(name).imports)
    return found


def _module_file(name: str) -> Path:
    path = PACKAGE.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@dataclass(frozen=True)
class _Module:
    """Modules of this package that a module imports, and its syntax tree as text."""

    imports: frozenset[str]
    shape: str


def _module(name: str) -> _Module:
    return _parsed(_module_file(name).read_text(encoding="utf-8"))


@cache
def _parsed(source: str) -> _Module:
    """Once a module: the digests of a workflow's stages ask for the same ones again and again."""
    tree = ast.parse(source)
    return _Module(_imported(tree), _shape(_without_docstrings(tree)))


def _imported(tree: ast.Module) -> frozenset[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tlstudy"):
            candidates = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        elif isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names if alias.name.startswith("tlstudy")]
        else:
            continue
        names.update(name for name in candidates if _module_file(name).is_file())
    return frozenset(names)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:]
    return tree


def _shape(node: object) -> str:
    """A syntax tree as text, without empty fields: each version of Python has others."""
    if isinstance(node, list):
        return f"[{','.join(map(_shape, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (
        f"{name}={_shape(value)}"
        for name, value in ast.iter_fields(node)
        if value is not None and value != []
    )
    return f"{type(node).__name__}({','.join(fields)})"


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
