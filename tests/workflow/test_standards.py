"""What others expect to find: environments, catalog, citation, changelog."""

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from study_folder import ROOT, StudyFolder

import tlstudy

ENVIRONMENT = ROOT / "envs" / "tlstudy.yaml"
# Packages that conda-forge calls otherwise.
CONDA_NAMES = {
    "pytorch": "torch",
    "matplotlib-base": "matplotlib",
    "snakemake-minimal": "snakemake",
    "typing_extensions": "typing-extensions",
}
# Stands for the program, which is not to be had where the tests run: all that a dry run asks it.
CONDA = """#!/bin/sh
case "$*" in
  "info --json") echo '{"conda_prefix": "/nowhere", "platform": "linux-64"}' ;;
  "--version") echo "conda 25.1.0" ;;
  "config --get channel_priority --json") echo '{"get": {"channel_priority": "strict"}}' ;;
  *) exit 1 ;;
esac
"""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints() -> dict[str, str]:
    lines = (ROOT / "envs" / "constraints.txt").read_text().splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonical(name): version for name, version in pins}


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = project["dependencies"] + [
        requirement for extra in extras for requirement in project["optional-dependencies"][extra]
    ]
    return {canonical(re.match(r"[\w.-]+", requirement).group()) for requirement in requirements}


def conda_pins() -> dict[str, str]:
    packages = yaml.safe_load(ENVIRONMENT.read_text())["dependencies"]
    pins = (package.partition(" =") for package in packages)
    return {CONDA_NAMES.get(name, name): version for name, _, version in pins}


def test_the_tests_run_with_the_versions_that_the_constraints_name():
    installed = {
        canonical(distribution.metadata["Name"]): distribution.version
        for distribution in importlib.metadata.distributions()
    }
    pins = constraints()
    optional = declared("cluster") - set(installed)
    if optional:  # then so is what only they need
        optional |= {name for name in pins if name.startswith("snakemake-executor-plugin")}
    expected = {name: version for name, version in pins.items() if name not in optional}
    assert {name: installed.get(name) for name in expected} == expected
    assert declared("test") <= set(pins)


def test_the_conda_environment_has_the_versions_of_the_constraints():
    pins = conda_pins()
    others = {"python": "3.11", "nodejs": "20", "pip": ""}
    assert pins == others | {name: constraints()[name] for name in declared()}
    assert yaml.safe_load(ENVIRONMENT.read_text())["channels"] == ["conda-forge", "nodefaults"]


def test_every_job_is_planned_with_the_conda_environment(tmp_path, monkeypatch, cache):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "conda").write_text(CONDA)
    (programs / "conda").chmod(0o755)
    place = StudyFolder(tmp_path / "study")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    told = place.succeed("--dry-run", "--sdm", "conda")
    assert told.count("Conda environment") == 1, told
    assert "envs/tlstudy.yaml will be created" in told


def test_the_conda_environment_runs_the_tlstudy_that_runs_the_workflow(tmp_path):
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    programs = Path(sys.executable).parent
    path = os.pathsep.join([str(environment / "bin"), str(programs), os.environ["PATH"]])
    surroundings = {**os.environ, "PATH": path}
    script = ROOT / "envs" / "tlstudy.post-deploy.sh"
    subprocess.run(["bash", script], check=True, env=surroundings)
    command = [environment / "bin" / "tlstudy", "--version"]
    surroundings.pop("PYTHONPATH", None)
    result = subprocess.run(command, capture_output=True, text=True, env=surroundings)
    assert tlstudy.__version__ in result.stdout, result.stderr


def test_the_catalog_finds_what_it_needs():
    settings = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert settings["report"] is True
    assert settings["software-stack-deployment"]["conda"] is True
    assert (ROOT / "workflow" / "Snakefile").is_file()
    assert (ROOT / "config" / "config.yaml").read_text() == (ROOT / "config.yaml").read_text()


def test_citation_and_changelog_know_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == tlstudy.__version__
    assert f"\n## [{tlstudy.__version__}] - " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("section", ["post", "runscript", "test"])
def test_the_container_s_recipe_has_its_sections_in_shell_that_parses(section):
    recipe = (ROOT / "envs" / "tlstudy.def").read_text()
    body = re.search(rf"^%{section}\n(.*?)(?=^%|\Z)", recipe, re.MULTILINE | re.DOTALL).group(1)
    subprocess.run(["bash", "-n"], input=body, text=True, check=True)


def test_every_value_in_a_shell_line_is_quoted():
    """A folder, a weights file or a wildcard may have a name that a shell would take for code."""
    found = 0
    for rules in (ROOT / "workflow" / "rules").glob("*.smk"):
        text = rules.read_text()
        for part in re.findall(r"^ +shell:\n((?: +.*\n)+)", text, re.MULTILINE):
            for value in re.findall(r"(?<!\{)\{([^{}]+)\}", part):
                assert value.endswith(":q") or value == "threads", (rules.name, value)
                found += 1
    assert found > 20


def test_config_yaml_is_below_a_study_from_another_folder_too(tmp_path):
    """Without it the pretrained arms would be new networks."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    command += ["--configfile", str(ROOT / "studies" / "quick.yaml")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Getting pretrained weights of resnet50" in done.stdout + done.stderr
