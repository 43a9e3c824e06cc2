"""Digests of the code that decides a result, and versions of the libraries that it computes with.

Nothing is imported; only the text of the package is read. From a step's function this follows
every name that the code uses. The digest is that of the set of definitions that count, each in its
normal form (`tlstudy.storage.normal_form`), wherever they stand. A name that is put together while
the code runs cannot be followed: give the module that is meant as an entry point.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from tlstudy.storage.environment import PACKAGE, version
from tlstudy.storage.normal_form import ALL, EFFECTS, Definition, Key, Module, NormalForm

# Every definition of these counts if it is reached; for figures and the report also of `report`.
COUNTED = ("data", "networks", "measures", "theory", "audit", "steps")
ALSO_COUNTED = (
    "tlstudy.storage.randomness",
    "tlstudy.storage.columns",
    "tlstudy.jobs.run_inputs",
    "tlstudy.jobs.run_results",
    "tlstudy.jobs.claims_seen",
    "tlstudy.watching.finding",
)
# What is downloaded is held against checksums; a new measurement changes no result of the others.
NOT_COUNTED = ("tlstudy.data.download", "tlstudy.config.measurements")
# Of these only constants count, and functions of `config` (which groups are compared). Its classes
# are settings, whose values have digests; functions of the others move files about.
WITH_CONSTANTS = ("storage", "config", "jobs")
# Code of these does not count, but what it uses may. `storage` and `config` can use no science.
FOLLOWED = ("data", "jobs")
# Those beside a module that counts.
DATA_FILES = (".csv", ".j2", ".css", ".js", ".rst")

# Libraries that compute numbers, by the name of their import. Others read, write or check.
COMPUTING = {
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "PIL": "pillow",
}
# pandas groups and averages runs; a training only writes its tables with it.
SUMMARISING = COMPUTING | {"pandas": "pandas"}
# Matplotlib decides what figures look like.
DRAWING = SUMMARISING | {"matplotlib": "matplotlib"}


def code_digest(entry_points: Iterable[str], with_report: bool = False) -> str:
    """Digest of all code that decides what the entry points compute, and of its data files.

    Args:
        entry_points: functions or classes such as "tlstudy.steps.train:train_run", or modules.
        with_report: whether the code of `tlstudy.report` counts.

    Raises:
        ValueError: there is no such definition.
    """
    return _package(PACKAGE).code(tuple(entry_points), with_report).digest


def library_versions(
    entry_points: Iterable[str],
    libraries: Mapping[str, str] = COMPUTING,
    with_report: bool = False,
) -> dict[str, str]:
    """Versions of the libraries that the code behind a digest uses, by name of the library.

    What follows a plus sign (2.9.0+cpu) is left out: it says for which device a library was built.

    Args:
        libraries: those that matter: `COMPUTING`, `SUMMARISING` or `DRAWING`.
    """
    used = _package(PACKAGE).code(tuple(entry_points), with_report).libraries
    packages = (package for name, package in libraries.items() if name in used)
    return {package: version(package).partition("+")[0] for package in packages}


def definitions(entry_points: Iterable[str], with_report: bool = False) -> set[str]:
    """What counts, such as "tlstudy.networks.trainer:Trainer"."""
    return _package(PACKAGE).code(tuple(entry_points), with_report).definitions


@dataclass(frozen=True)
class _Code:
    """The code that counts for some entry points."""

    digest: str
    libraries: frozenset[str]
    definitions: set[str]


class _Package:
    """The package's code, read as far as it is asked for, and once."""

    def __init__(self, folder: Path):
        files = (file.relative_to(folder) for file in folder.rglob("*.py"))
        self._files = {_module_name(file): folder / file for file in files}
        self._forms: dict[str, tuple[Module, NormalForm]] = {}
        self._definitions: dict[Key, Definition] = {}
        self._codes: dict[tuple, _Code] = {}

    def code(self, entry_points: tuple[str, ...], with_report: bool) -> _Code:
        asked = entry_points, with_report
        if asked not in self._codes:
            self._codes[asked] = self._made_of(self._follow(entry_points, with_report))
        return self._codes[asked]

    def _made_of(self, counted: set[Key]) -> _Code:
        lines = set(self._data_files({module for module, _ in counted}))
        for key in counted:
            # With what its names stand for: another function of the same name is another one.
            used = map(self._resolved, self._definition(key).uses)
            known = (self._definition(use).digest for use in used if use in counted)
            lines.add(" ".join((self._definition(key).digest, *known)))
        return _Code(
            digest=sha256("\n".join(sorted(lines)).encode()).hexdigest()[:10],
            libraries=frozenset().union(*(self._definition(key).libraries for key in counted)),
            definitions={":".join(key) for key in counted},
        )

    def _follow(self, entry_points: tuple[str, ...], with_report: bool) -> set[Key]:
        """The definitions that count."""
        areas = (*COUNTED, "report") if with_report else COUNTED
        counted: set[Key] = set()
        passed: set[Key] = set()
        waiting = [(key, True) for entry in entry_points for key in self._entry(entry)]
        while waiting:
            key, user_counts = waiting.pop()
            counts = self._counts(key, user_counts, areas)
            seen = counted if counts else passed
            if key in seen or not (counts or _area(key[0]) in FOLLOWED):
                continue
            seen.add(key)
            uses = self._definition(key).uses
            if counts and EFFECTS in self._form(key[0])[0].statements:
                uses = (*uses, (key[0], EFFECTS))
            waiting.extend((target, counts) for use in uses for target in self._targets(use))
        return counted

    def _counts(self, key: Key, user_counts: bool, areas: tuple[str, ...]) -> bool:
        module, area = key[0], _area(key[0])
        if not module.startswith("tlstudy."):
            return module != "tlstudy"
        if module in NOT_COUNTED:
            return False
        if area in areas or module in ALSO_COUNTED:
            return True
        if not user_counts or area not in WITH_CONSTANTS:
            return False
        kind = self._definition(key).kind
        return kind == "constant" or (kind, area) == ("function", "config")

    def _entry(self, entry: str) -> list[Key]:
        module, _, name = entry.partition(":")
        self._add_other_package(module)
        found = list(self._targets((module, name or ALL))) if module in self._files else []
        if not found:
            raise ValueError(f"{entry}: is no definition of the package")
        return found

    def _add_other_package(self, module: str) -> None:
        """Modules of an installed package that an entry point is of: a measurement's, say."""
        package = module.partition(".")[0]
        if package == "tlstudy" or module in self._files:
            return
        found = find_spec(package)
        if found and found.submodule_search_locations:
            folder = Path(found.submodule_search_locations[0])
            for file in folder.rglob("*.py"):
                self._files[_module_name(file.relative_to(folder), package)] = file
        elif found and (found.origin or "").endswith(".py"):
            self._files[package] = Path(found.origin)

    def _targets(self, use: Key) -> Iterator[Key]:
        """The definitions that a name stands for: of a module all, of an unknown name none."""
        target = self._resolved(use)
        if target and target[1] == ALL:
            yield from ((target[0], name) for name in self._form(target[0])[0].statements)
        elif target:
            yield target

    def _resolved(self, use: Key) -> Key | None:
        """Where a name is defined: in another module if it is imported from there.

        `Stream.BODY` is that member of an enumeration, or else the class `Stream`.
        """
        module, name = use
        found, (base, _, member) = self._form(module)[0], name.partition(".")
        if name == ALL or name in found.statements:
            return use
        if base in found.statements:
            return module, base
        imported = found.imports.get(base)
        target = imported and self._split(f"{imported}.{member}" if member else imported)
        if not target:
            return None
        (module, name), attributes = target
        return self._resolved((module, ".".join((name, *attributes[:1]))))

    def _split(self, dotted: str) -> tuple[Key, list[str]] | None:
        """A dotted name as (module, name in it) and attributes; None if it is of no module."""
        parts = dotted.split(".")
        for end in range(len(parts), 0, -1):
            module = ".".join(parts[:end])
            if module in self._files:
                name, *attributes = parts[end:] or (ALL,)
                return (module, name), attributes
        return None

    def _form(self, module: str) -> tuple[Module, NormalForm]:
        if module not in self._forms:
            file = self._files[module]
            package = module if file.stem == "__init__" else module.rpartition(".")[0]
            read = Module(module, file.read_text(encoding="utf-8"), package)
            self._forms[module] = read, NormalForm(read, self._split)
        return self._forms[module]

    def _definition(self, key: Key) -> Definition:
        if key not in self._definitions:
            self._definitions[key] = self._form(key[0])[1].definition(key[1])
        return self._definitions[key]

    def _data_files(self, modules: set[str]) -> Iterator[str]:
        """A line for each data file beside a module, or in a folder there without modules."""
        # A module that is in no package lies among those of others.
        folders = {self._files[module].parent for module in modules if "." in module}
        inner = {path for folder in folders for path in folder.iterdir() if path.is_dir()}
        for folder in folders | {path for path in inner if not (path / "__init__.py").is_file()}:
            for file in folder.iterdir():
                if file.suffix in DATA_FILES and not file.name.startswith("."):
                    yield f"{file.name} {sha256(file.read_bytes()).hexdigest()}"


_package = cache(_Package)


def _area(module: str) -> str:
    """The package below `tlstudy` in which a module is."""
    return module.split(".")[1] if "." in module else ""


def _module_name(file: Path, package: str = "tlstudy") -> str:
    parts = (package, *file.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
