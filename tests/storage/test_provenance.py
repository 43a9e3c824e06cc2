"""Which code a result depends on."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tlstudy.storage import provenance


@pytest.fixture
def package(monkeypatch, tmp_path) -> Path:
    """A copy of the package that a test may edit."""
    copy = tmp_path / "tlstudy"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    provenance.source_digest.cache_clear()
    yield copy
    provenance.source_digest.cache_clear()


def digest(module: str, passed_over: frozenset[str] = provenance.PLUMBING) -> str:
    provenance.source_digest.cache_clear()
    return provenance.source_digest(module, passed_over)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "module", ["training", "geometry", "batchnorm", "inputs", "subset", "he2015", "network"]
)
def test_code_behind_a_training_counts(package, module):
    before = digest("tlstudy.stages.train")
    with (package / f"{module}.py").open("a") as file:
        file.write("\nANOTHER = 1\n")
    assert digest("tlstudy.stages.train") != before


def test_comments_docstrings_and_layout_do_not_count(package):
    before = digest("tlstudy.stages.train")
    file = package / "geometry.py"
    edit(file, '"""How far weights moved', '"""How very far weights moved')
    edit(file, "    rows = []", "    # a comment\n\n    rows = []")
    assert digest("tlstudy.stages.train") == before


@pytest.mark.parametrize("module", ["columns", "cli", "figures/curves", "report/render", "fetch"])
def test_code_that_decides_no_number_does_not_count(package, module):
    before = digest("tlstudy.stages.train")
    with (package / f"{module}.py").open("a") as file:
        file.write("\nANOTHER = 1\n")
    assert digest("tlstudy.stages.train") == before


def test_plumbing_counts_where_it_decides_what_is_written(package):
    before = digest("tlstudy.stages.aggregate", frozenset())
    edit(package / "columns.py", '"seed": (', '"other": ("int64", ""), "seed": (')
    assert digest("tlstudy.stages.aggregate", frozenset()) != before


def test_commit_is_unknown_outside_a_repository(package):
    assert provenance.commit() == "unknown"


def test_commit_says_when_the_code_was_changed(package):
    def git(*arguments: str) -> None:
        command = ["git", "-C", str(package), "-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run([*command, *arguments], check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "all")
    clean = provenance.commit()
    assert len(clean) == 40
    edit(package / "geometry.py", "rows = []", "rows = list()")
    assert provenance.commit() == f"{clean}+changes"
