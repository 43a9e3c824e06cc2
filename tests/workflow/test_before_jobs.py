"""What Snakemake says before any job starts."""

import re

from study_folder import TRAINED, StudyFolder


def test_a_dry_run_lists_jobs_in_the_order_of_the_grid(tmp_path, cache):
    place = StudyFolder(tmp_path / "study")
    place.overlay |= {"seed": [28, 26, 27], "ladder": [], "claims": {}}
    told = place.succeed("--dry-run")
    listed = re.findall(r"Training (.+), n = 20, seed (\d+)", told)
    assert listed == [(arm, seed) for arm in TRAINED for seed in ("28", "26", "27")]
    # A run is measured right after it, as its weights are kept until then.
    of_run = r"Training new, n = 20, seed 26\n(?:.*\n)Job \d+: .* of new, n = 20, seed 26\n"
    assert re.search(of_run, told)


def test_only_jobs_that_compute_on_a_gpu_ask_for_one(tmp_path, cache):
    place = StudyFolder(tmp_path / "study")
    place.overlay |= {"seed": [26], "device": "cuda", "baselines": {"seeds": "all"}}
    told = place.succeed("--dry-run", "--printshellcmds", "--resources", "gpu=1")
    given = set(
        re.findall(r"^Shell command: tlstudy (\w+) .*--gpus (\d)", told, flags=re.MULTILINE)
    )
    assert {("train", "1"), ("landscape", "1"), ("baselines", "0")} <= given
    assert ("baselines", "1") not in given


def test_a_mistake_is_told_before_any_job_starts(tmp_path, cache):
    place = StudyFolder(tmp_path / "study")
    place.overlay["arms"]["new"]["epoch"] = 3
    result = place.run()
    assert result.returncode != 0
    assert "arms.new.epoch: unknown key; did you mean 'epochs'?" in result.stdout
    assert "Traceback" not in result.stdout
    assert not (place.folder / "results").exists()
