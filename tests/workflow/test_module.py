"""The workflow as a module of another workflow."""

import copy
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from painted import paint_folder
from study_folder import ROOT, StudyFolder

# The options of the module stand where it is used; the rule below it is the outer workflow's own.
OUTER = """
configfile: "config.yaml"

module tlstudy:
    snakefile: "{root}/workflow/Snakefile"
    config: config["tlstudy"]
    {prefix}

use rule * from tlstudy as tlstudy_*

rule accuracies:
    default_target: True
    input: "{results}/outer/tables/runs.parquet"
    output: "accuracies.csv"
    run:
        import pandas as pd
        columns = ["arm", "seed", "reported_balanced_accuracy"]
        pd.read_parquet(input[0])[columns].to_csv(output[0], index=False)
"""
# What snakedeploy writes, the repository's address apart.
DEPLOYED = """
configfile: "config/config.yaml"

module tlstudy:
    snakefile: "{root}/workflow/Snakefile"
    config: config

use rule * from tlstudy
"""
STUDY = {
    "study": "outer",
    "seed": 26,
    "subset_size": 20,
    "evaluation": {"epoch_images": 20, "final_images": 40},
    "arms": {"new": {"architecture": "resnet18", "image_size": 32, "epochs": 1}},
}


class OuterWorkflow(StudyFolder):
    """Another workflow, in a folder of its own, that uses the repository's as a module."""

    def __init__(self, folder, snakefile, **parts):
        super().__init__(folder)
        self.overlay = {"tlstudy": copy.deepcopy(STUDY)}
        (folder / "Snakefile").write_text(snakefile.format(root=ROOT, **parts))

    def options(self):
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.overlay))
        return ["--cores", "1"]

    def planned(self, *options):
        jobs = super().planned(*options)
        return {rule.removeprefix("tlstudy_"): number for rule, number in jobs.items()}


@pytest.fixture(scope="module")
def moved(tmp_path_factory, cache):
    """An outer workflow that moves the module's files into a folder, run once."""
    folder = tmp_path_factory.mktemp("moved")
    place = OuterWorkflow(folder, OUTER, prefix='prefix: "transfer"', results="transfer/results")
    (folder / "transfer").mkdir()
    (folder / "transfer" / "resources").symlink_to(cache)
    (folder / "results").write_text("the outer workflow's own, not in the module's way")
    place.succeed()
    return place


def test_a_table_of_the_module_feeds_the_outer_workflow(moved):
    accuracies = pd.read_csv(moved.folder / "accuracies.csv")
    assert accuracies[["arm", "seed"]].values.tolist() == [["new", 26]]
    assert accuracies["reported_balanced_accuracy"].between(0, 1).all()


def test_a_prefix_moves_everything(moved):
    study = moved.folder / "transfer" / "results" / "outer"
    there = {path.name for path in study.iterdir()}
    assert there >= {"benchmarks", "logs", "provenance", "runs", "settings", "subsets", "tables"}
    assert (moved.folder / "results").is_file()
    assert not (moved.folder / "resources").exists()


def test_a_folder_of_images_is_looked_for_where_snakemake_runs(tmp_path, cache):
    """A prefix moves what the module writes, not what its user names."""
    place = OuterWorkflow(tmp_path, OUTER, prefix='prefix: "transfer"', results="transfer/results")
    paint_folder(tmp_path / "photos")
    place.overlay["tlstudy"]["arms"]["new"]["target"] = {"folder": "photos"}
    place.succeed("--until", "tlstudy_subset")
    (images,) = (tmp_path / "transfer" / "resources" / "folders").glob("photos-*")
    assert (images / "record.json").is_file()
    drawn = tmp_path / "transfer" / "results" / "outer" / "subsets" / images.name
    assert list(drawn.rglob("subset.json"))


def test_what_changed_is_noticed_in_a_module_too(moved):
    moved.overlay["tlstudy"]["seed"] = [26, 27]
    assert moved.planned() == {"subset": 1, "train": 1, "aggregate": 1, "accuracies": 1}
    moved.overlay["tlstudy"]["seed"] = 26


def assert_refused(place, sentence):
    result = place.run("--dry-run")
    assert result.returncode != 0
    assert sentence in result.stdout
    assert "Traceback" not in result.stdout


def test_a_file_in_the_way_is_told_where_the_prefix_moves_the_folder_to(tmp_path):
    place = OuterWorkflow(tmp_path, OUTER, prefix='prefix: "transfer"', results="transfer/results")
    (tmp_path / "transfer").mkdir()
    (tmp_path / "transfer" / "results").write_text("in the way")
    told = "transfer/results: is a file, must be a folder; rename or remove it."
    assert_refused(place, told)


def test_a_mistake_in_the_module_s_configuration_is_told_in_a_sentence(tmp_path):
    place = OuterWorkflow(tmp_path, OUTER, prefix="", results="results")
    place.overlay["tlstudy"]["arms"]["new"]["epoch"] = 3
    assert_refused(place, "arms.new.epoch: unknown key; did you mean 'epochs'?")


def test_the_outer_workflow_s_report_has_the_module_s_captions(moved):
    moved.succeed("--report", "own.html")
    page = (moved.folder / "own.html").read_text()
    assert "This is study" in page
    assert "contact-sheet.svg" in page


def test_without_a_prefix_everything_is_where_the_configuration_says(tmp_path, cache):
    place = OuterWorkflow(tmp_path, OUTER, prefix="", results="elsewhere")
    place.overlay["tlstudy"] |= {"results": "elsewhere", "cache": str(cache)}
    told = place.succeed("--dry-run", "tlstudy_all")
    assert "elsewhere/outer/report.html" in told
    assert not (tmp_path / "elsewhere").exists()


def test_deployed_as_the_catalog_says_it_plans_the_default_study(tmp_path):
    place = OuterWorkflow(tmp_path, DEPLOYED)
    shutil.copytree(ROOT / "config", tmp_path / "config")  # what is a link here is a file there
    planned = place.planned()
    assert planned["train"] == 40
    assert planned["report"] == 1


def test_a_missing_package_is_told_in_a_sentence(tmp_path):
    place = OuterWorkflow(tmp_path, OUTER, prefix="", results="results")
    arguments = [*place.options(), "--dry-run"]
    code = (
        "import sys; sys.modules['tlstudy'] = None\n"
        f"from snakemake.cli import main; main({arguments})"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    told = result.stdout + result.stderr
    assert result.returncode != 0
    assert "tlstudy: not installed for" in told
    assert "Traceback" not in told
