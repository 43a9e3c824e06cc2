"""Names that a shell, Snakemake or a file system would take for something else."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml
from configurations import DEFAULT, changed, message
from safetensors.torch import save_file
from study_folder import StudyFolder

from tlstudy.config.settings import WeightsFile
from tlstudy.config.study import build_study
from tlstudy.jobs import paths
from tlstudy.networks.architecture import build_classifier

# Blanks, quotes, commands, patterns, homes, redirections, and letters of other alphabets.
ODD = "a \u00a0b'c\"d $(touch HACKED);`touch HACKED` ~&|<>*?# \u00fc\u4e2d"


@pytest.fixture
def place(tmp_path, cache):
    """A study of one arm in an oddly named folder, with results, cache and weights named so."""
    made = StudyFolder(tmp_path / f"{ODD} {{x}}")
    weights = [tmp_path / f"{ODD}{number}{'long' * 20}.safetensors" for number in range(3)]
    save_file(build_classifier("resnet18", "3x3").state_dict(), weights[0])
    for other in weights[1:]:
        other.symlink_to(weights[0])
    arm = {"initialisation": "odd", "architecture": "resnet18", "image_size": 32, "epochs": 1}
    made.have_only(one=arm)
    made.overlay |= {"results": f"results {ODD}", "cache": f"cache {ODD}"}
    made.overlay["weights"] = {"odd": [{"file": str(file)} for file in weights]}
    made.overlay |= {"seed": 26, "subset_size": 10}
    made.overlay["evaluation"] = {"epoch_images": 10, "final_images": 10}
    (made.folder / f"cache {ODD}").mkdir()
    (made.folder / f"cache {ODD}" / "mnist").symlink_to(cache.resolve() / "mnist")
    return made


def test_a_run_is_trained_where_every_name_is_odd(place, tmp_path):
    place.succeed("--until", "aggregate")
    tables = place.folder / place.overlay["results"] / "tiny" / "tables"
    assert (tables / "runs.parquet").is_file()
    assert not list(tmp_path.rglob("HACKED"))
    assert {path.name for path in place.folder.iterdir()} == {
        *(".snakemake", "config.yaml", "tiny.yaml"),
        *(place.overlay[key] for key in ("results", "cache")),
    }


def test_a_name_with_a_brace_is_refused_before_the_first_job(place, tmp_path):
    braced = tmp_path / "w{x}.safetensors"
    shutil.copy(tmp_path / f"{ODD}0{'long' * 20}.safetensors", braced)
    place.overlay["weights"]["odd"] = [{"file": str(braced)}]
    result = place.run("--dry-run")
    assert result.returncode == 1
    assert f"{braced}: has a brace, which Snakemake takes for a wildcard" in result.stdout
    assert "Traceback" not in result.stdout


def test_a_folder_with_a_new_line_in_its_name_is_refused(tmp_path):
    place = StudyFolder(tmp_path / "two\nlines")
    result = place.run("--dry-run")
    assert result.returncode == 1
    assert "this folder's path has the character U+000A at place" in result.stdout
    assert "Traceback" not in result.stdout


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root")
def test_a_cache_that_only_another_user_may_read_is_told_in_a_sentence(tmp_path):
    place = StudyFolder(tmp_path / "study")
    cache = tmp_path / "cache"
    (cache / "mnist").mkdir(parents=True)
    os.chown(cache, 65534, 65534)
    cache.chmod(0o700)
    place.overlay["cache"] = str(cache)
    # Root as any other user: without the right to pass over permissions.
    like_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    command = [*like_others, sys.executable, "-m", "snakemake", *place.options(), "--dry-run"]
    result = subprocess.run(
        command, cwd=place.folder, env=place.environment(), capture_output=True, text=True
    )
    told = result.stdout + result.stderr
    assert result.returncode == 1
    assert f"{cache / 'mnist'}: Permission denied; it needs to be readable" in told
    assert "files.py" not in told


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("results", "two\nlines", "results: found 'two\\nlines'; has the character U+000A at pl"),
        ("cache", "a\x1b[31m", "cache: found 'a\\x1b[31m'; has the character U+001B at place 2"),
        ("scratch", "a\udcff", "scratch: found 'a\\udcff'; has the character U+DCFF at place 2"),
        ("results", "{x}", "results: found '{x}'; has a brace, which Snakemake takes for a wild"),
        ("results", "~nobody-of-this-name/x", "begins with ~nobody-of-this-name, which is no us"),
    ],
)
def test_what_no_path_can_be_is_refused_by_name(key, value, told):
    assert told in message(changed(key, value))


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    places = {"results": "~/r", "cache": "~", "scratch": "~/s"}
    study = build_study(yaml.safe_load(yaml.safe_dump(DEFAULT | places)))
    assert (study.results, study.cache, study.scratch) == (
        tmp_path / "r",
        tmp_path,
        tmp_path / "s",
    )
    assert WeightsFile(file="~/w.pth").file == tmp_path / "w.pth"
    assert WeightsFile(file="a~/w.pth").file.name == "w.pth"


def test_names_of_weights_too_long_for_a_folder_are_told_apart_by_a_digest():
    long = [WeightsFile(file="\u00e4" * 100 + f"{number}.pth") for number in range(4)]
    names = {paths.job_of_weights("resnet18", long[:count]).name for count in range(2, 5)}
    assert len(names) == 3
    assert all(len(name.encode()) < 220 for name in names)
    short = paths.job_of_weights("resnet18", [WeightsFile(file="mine.pth"), "he2015"])
    assert short.name.startswith("mine-")
    assert short.name.endswith("+he2015")
