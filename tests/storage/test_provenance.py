"""Which commit a result was made by."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tlstudy.storage import provenance


@pytest.fixture
def package(monkeypatch, tmp_path) -> Path:
    """A copy of the package outside of any repository."""
    copy = tmp_path / "tlstudy"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    return copy


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
    (package / "cli.py").write_text("ANOTHER = 1\n")
    assert provenance.commit() == f"{clean}+changes"
