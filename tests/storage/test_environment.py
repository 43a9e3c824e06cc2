"""Which commit a result was made by."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tlstudy.storage import environment


@pytest.fixture
def package(monkeypatch, tmp_path) -> Path:
    """A copy of the package outside of any repository."""
    copy = tmp_path / "tlstudy"
    shutil.copytree(environment.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(environment, "PACKAGE", copy)
    return copy


def test_commit_is_unknown_outside_a_repository(package):
    assert environment.commit() == "unknown"


def test_commit_says_when_the_code_was_changed(package):
    def git(*arguments: str) -> None:
        command = ["git", "-C", str(package), "-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run([*command, *arguments], check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "all")
    clean = environment.commit()
    assert len(clean) == 40
    (package / "cli.py").write_text("ANOTHER = 1\n")
    assert environment.commit() == f"{clean}+changes"
