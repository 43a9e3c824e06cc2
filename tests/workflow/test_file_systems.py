"""File systems that forbid locks, links or permissions, and caches and results of other users."""

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest
from small_study import prepared_study
from study_folder import ROOT, StudyFolder, environment

from tlstudy.jobs import workflow
from tlstudy.jobs.workflow import name_user

OTHER_USER = 54321  # who has no name here, as in many containers
# Root as any other user: without the right to pass over permissions.
LIKE_OTHERS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")
TRAIN = ("train", "config.yaml", "--arm", "pretrained", "--subset-size", "10", "--seed", "26")
needs_root = pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv"
)

# In every process: a file system, mounted on {folder}, that refuses what {refused} names.
REFUSING = """
import errno, fcntl, os

def refuse(module, name, place):
    whole = getattr(module, name)
    def refusing(*positional, **named):
        if os.path.realpath(place(*positional)).startswith({folder!r}):
            raise OSError({number}, os.strerror({number}), *positional[:1 if module is os else 0])
        return whole(*positional, **named)
    setattr(module, name, refusing)

def opened(handle, *_):
    return "/proc/self/fd/%d" % (handle if isinstance(handle, int) else handle.fileno())

if "flock" in {refused!r}:
    for name in ("flock", "lockf"):
        refuse(fcntl, name, opened)
if "link" in {refused!r}:
    for name in ("link", "symlink"):
        refuse(os, name, lambda source, target, *_: target)
if "chmod" in {refused!r}:
    refuse(os, "chmod", lambda file, *_: file)
    refuse(os, "fchmod", opened)
"""


@pytest.fixture
def place(tmp_path):
    """A study of one small training of a new network."""
    made = StudyFolder(tmp_path / "study")
    made.have_only(new={"architecture": "resnet18", "image_size": 32, "epochs": 1})
    made.overlay |= {"seed": 26, "subset_size": 10}
    made.overlay["evaluation"] = {"epoch_images": 10, "final_images": 10}
    return made


def let_refuse(place, folder, refused, number):
    place.site.mkdir()
    script = REFUSING.format(folder=str(folder.resolve()), refused=refused, number=number)
    (place.site / "sitecustomize.py").write_text(script)


def test_results_may_be_on_a_disk_without_locks_links_and_permissions(place, tmp_path):
    disk = tmp_path / "disk"
    place.overlay["results"] = str(disk)
    let_refuse(place, disk, ("flock", "link", "chmod"), errno.EPERM)
    place.succeed("--until", "train")
    (log,) = disk.glob("tiny/logs/train/**/*.log")
    assert "no checkpoints are kept ([Errno 1] Operation not permitted)" in log.read_text()
    assert list(disk.glob("tiny/runs/*/*/*/metrics.parquet"))


def test_a_folder_without_permissions_is_told_before_the_first_job(place):
    """Snakemake changes those of its records, and fails in the midst if it cannot."""
    let_refuse(place, place.folder, ("chmod",), errno.EPERM)
    result = place.run("--until", "subset")
    assert result.returncode == 1
    assert f"{place.folder}: its file system lets no permissions be changed" in result.stdout
    assert "Traceback" not in result.stdout
    assert not place.results.exists()


def test_results_are_found_again_behind_a_link_and_after_a_move(place, tmp_path):
    (tmp_path / "disk").mkdir()
    (place.folder / "results").symlink_to(tmp_path / "disk")
    place.succeed("--until", "subset")
    assert list(tmp_path.glob("disk/tiny/subsets/**/subset.json"))
    assert "subset" not in place.planned()
    (tmp_path / "disk").rename(tmp_path / "other disk")
    (place.folder / "results").unlink()
    moved = tmp_path / "moved study"
    place.folder.rename(moved)
    (tmp_path / "other disk").rename(moved / "results")
    place.folder = moved
    assert "subset" not in place.planned()


@needs_root
def test_a_cache_that_another_user_filled_is_read_and_left_as_it_is(tmp_path, cache):
    """First one that may not be written to, then one with a file that may not be read."""
    study = prepared_study(tmp_path, cache.resolve() / "mnist")
    (tmp_path / "config.yaml").write_text(json.dumps(study.model_dump(mode="json")))
    for path in (study.cache, *study.cache.rglob("*")):
        os.chown(path, OTHER_USER, OTHER_USER, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)
    before = content_of(study.cache)
    planned = as_others(tmp_path, "snakemake", "--snakefile", ROOT / "Snakefile", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    jobs = {line.split()[0] for line in planned.stdout.splitlines() if line.strip()}
    assert "train" in jobs
    assert not {"weights", "images_mnist"} & jobs
    trained = as_others(tmp_path, "tlstudy.cli", *TRAIN)
    assert trained.returncode == 0, trained.stderr
    assert content_of(study.cache) == before

    (weights,) = study.cache.rglob("weights.safetensors")
    weights.chmod(0o600)
    refused = as_others(tmp_path, "tlstudy.cli", *TRAIN)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == f"Error: {weights}: Permission denied."
    assert "Traceback" not in refused.stderr


def content_of(folder):
    return {path: (path.lstat().st_mtime_ns, path.lstat().st_mode) for path in folder.rglob("*")}


def as_others(folder, module, *arguments):
    return subprocess.run(
        [*LIKE_OTHERS, sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )


def test_a_user_without_a_name_has_a_number_for_it(monkeypatch):
    def no_name():
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv("LOGNAME", raising=False)
    monkeypatch.setattr(workflow.getpass, "getuser", no_name)
    name_user()
    assert os.environ["LOGNAME"] == str(os.getuid())
    monkeypatch.delenv("LOGNAME")
