"""The packages of tlstudy, and the one rule: a package imports only those before it."""

import ast

import pytest
from configurations import ROOT

ORDER = (
    *("storage", "watching", "config", "data", "networks", "measures", "theory"),
    *("jobs", "audit", "report", "steps", "cli"),
)
PACKAGE = ROOT / "tlstudy"


def imported(source: str) -> list[str]:
    nodes = list(ast.walk(ast.parse(source)))
    assert not any(getattr(node, "level", 0) for node in nodes), "imports name the whole module"
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return names + [
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    ]


def imported_packages(source: str) -> set[str]:
    return {name.split(".")[1] for name in imported(source) if name.startswith("tlstudy.")}


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_those_before_it(package):
    allowed = set(ORDER[: ORDER.index(package) + 1])
    for file in (PACKAGE / package).rglob("*.py"):
        assert imported_packages(file.read_text()) <= allowed, file
        if package in ("measures", "jobs"):  # theory is for what judges and shows
            assert "theory" not in imported_packages(file.read_text()), file


def test_no_step_imports_a_step():
    for file in (PACKAGE / "steps").glob("*.py"):
        assert not [name for name in imported(file.read_text()) if "tlstudy.steps" in name], file


def test_every_module_is_in_a_package():
    assert {folder.name for folder in PACKAGE.iterdir() if any(folder.glob("*.py"))} == set(ORDER)
    assert len(list(PACKAGE.glob("*.py"))) <= 3
