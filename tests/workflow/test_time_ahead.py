"""Snakemake says before a long study starts how long it will take."""

import re

import yaml
from made_machine import MadeMachine
from study_folder import ROOT, StudyFolder

from tlstudy.config.given import given_study
from tlstudy.storage.environment import processor_name

# Stands for `tlstudy`: no job does anything.
NOTHING = "#!/bin/sh\nexit 1\n"


def test_a_long_study_tells_it_and_a_dry_run_does_not(tmp_path):
    place = StudyFolder(tmp_path / "study")
    machine = MadeMachine()
    machine.device = processor_name()
    places = {"cache": str(tmp_path / "cache"), "results": "results", "device": "cpu"}
    quick = yaml.safe_load((ROOT / "studies" / "quick.yaml").read_text())
    place.overlay = quick | places | {"study": "long", "seed": list(range(26, 36))}
    place.replace_command(NOTHING)
    shipped = given_study([ROOT / "config.yaml", ROOT / "studies" / "quick.yaml"])
    machine.finish(shipped.model_copy(update={"results": place.folder / "results"}))
    jobs = r"\(40 trainings, 4 landscape jobs, 10 baseline jobs\), known from"
    told = rf"About (.+) on [12] cores? of an idle machine {jobs}"
    assert "of an idle machine" not in place.run("--dry-run").stdout
    ended = place.run()
    assert ended.returncode != 0
    assert re.search(told, ended.stdout), ended.stdout
    assert not (tmp_path / "cache" / "speed.json").exists()
