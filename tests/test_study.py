"""Configuration: sweeps, identity of runs, and one sentence for each mistake."""

import copy
import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tlstudy.errors import UserError
from tlstudy.files import write_json_atomically
from tlstudy.schema import SCHEMA_FILE, configuration_schema
from tlstudy.study import build_study, find_run, load_study, read_configuration, runs

ROOT = Path(__file__).parents[1]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def changed(path: str, value: object) -> dict:
    """The default configuration with one key set (dots go down)."""
    configuration = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    target = configuration
    for part in parents:
        target = target.setdefault(part, {})
    target[last] = value
    return configuration


def message(configuration: dict) -> str:
    with pytest.raises(UserError) as caught:
        build_study(configuration)
    return caught.value.message


def test_default_study_has_four_arms_and_ten_seeds():
    study = build_study(DEFAULT)
    assert list(study.arms) == ["new-published", "pretrained-published", "new", "pretrained"]
    assert len(runs(study)) == 40


def test_published_protocol_is_written_out():
    arm = build_study(DEFAULT).arms["new-published"]
    assert (arm.drawing, arm.normalisation, arm.head) == ("published", "none", "softmax")
    assert (arm.optimiser_holds, arm.batchnorm) == ("another-network", "running")
    assert arm.reported_epoch == "best-on-test"
    assert arm.optimiser.learning_rate == 0.001
    assert (arm.epochs, arm.batch_size) == (30, 64)


@pytest.mark.parametrize("overlay", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_study_is_valid_and_has_its_own_folder(overlay):
    study = load_study([ROOT / "config.yaml", overlay])
    assert study.study == overlay.stem


def test_overlay_changes_its_keys_only():
    quick = load_study([ROOT / "config.yaml", ROOT / "studies" / "quick.yaml"])
    assert quick.seed == [26]
    assert quick.evaluation.precision == "bfloat16"
    assert quick.arms["new-published"].head == "softmax"


def test_quick_keeps_what_it_promises():
    quick = load_study([ROOT / "config.yaml", ROOT / "studies" / "quick.yaml"])
    assert quick.evaluation.final_images >= 2000
    assert quick.evaluation.epoch_images >= 250
    assert all(arm.epochs == 30 and arm.image_size == 128 for arm in quick.arms.values())


def test_any_field_of_an_arm_is_swept_and_crossed():
    configuration = changed("arms.new.epochs", [10, 20])
    configuration["arms"]["new"]["optimiser"] = {"learning_rate": [0.1, 0.01, 0.001]}
    study = build_study(configuration)
    variants = [name for name in study.arms if name.startswith("new~")]
    assert len(variants) == 6
    assert "new~epochs=20~learning_rate=0.01" in variants
    assert study.arms["new~epochs=20~learning_rate=0.01"].optimiser.learning_rate == 0.01


def test_sizes_and_seeds_are_swept():
    configuration = changed("subset_size", [10, 50, 1000])
    configuration["seed"] = 26
    configuration["landscape"]["seeds"] = []
    assert len(runs(build_study(configuration))) == 4 * 3


def test_a_sweep_keeps_the_run_that_was_there():
    single = find_run(build_study(DEFAULT), "new", 50, 26).name
    swept = build_study(changed("arms.new.optimiser", {"learning_rate": [0.001, 0.01]}))
    assert find_run(swept, "new~learning_rate=0.001", 50, 26).name == single
    assert find_run(swept, "new~learning_rate=0.01", 50, 26).name != single


def test_how_a_run_is_read_off_does_not_change_the_run():
    other = build_study(changed("arms.new.batchnorm", "running"))
    assert find_run(other, "new", 50, 26).name == find_run(build_study(DEFAULT), "new", 50, 26).name


def test_other_sources_of_weights_are_other_runs():
    studies = build_study(changed("weights.imagenet", ["he2015"])), build_study(DEFAULT)
    pretrained, new = (
        [find_run(study, arm, 50, 26).name for study in studies] for arm in ("pretrained", "new")
    )
    assert pretrained[0] != pretrained[1]
    assert new[0] == new[1]


def test_resolved_study_is_read_back_the_same(tmp_path):
    study = build_study(changed("arms.new.epochs", [10, 20]))
    file = tmp_path / "study.json"
    file.write_text(study.model_dump_json())
    again = load_study([file])
    assert again == study
    assert [run.name for run in runs(again)] == [run.name for run in runs(study)]


MISTAKES = {
    "arms.new.epoch": (3, ["arms.new.epoch", "did you mean 'epochs'"]),
    "arms.new.epochs": (0, ["arms.new.epochs", "found 0", "greater than or equal to 1"]),
    "arms.new.batch_size": ("many", ["arms.new.batch_size", "'many'", "integer"]),
    "arms.new.head": ("sigmoid", ["arms.new.head", "'sigmoid'", "'logits' or 'softmax'"]),
    "arms.new.initialisation": ("imagnet", ["arms.new.initialisation", "random, imagenet"]),
    "arms.new.optimiser": ({"learning_rate": -1}, ["optimiser.learning_rate", "-1"]),
    "arms.new.normalisation": ("weights", ["arms.new", "normalisation"]),
    "arms.new.precision": (16, ["arms.new.precision", "'float32' or 'bfloat16'"]),
    "arms": ({}, ["arms", "at least 1"]),
    "subset_size": (60001, ["subset_size", "60001", "60000"]),
    "subset_size.": ([50, 50], ["subset_size", "once"]),
    "seed": (-1, ["seed", "-1"]),
    "seed.": (True, ["seed", "True"]),
    "landscape.grid": (20, ["landscape.grid", "found 20", "odd"]),
    "landscape.seeds": ([1], ["landscape.seeds", "found 1"]),
    "landscape.trajectory_radius": (float("nan"), ["landscape.trajectory_radius", "finite"]),
    "evaluation.epoch_images": (10001, ["evaluation.epoch_images", "10001", "10000"]),
    "evaluation.final_images": (20, ["evaluation", "final_images (20)", "epoch_images (10000)"]),
    "weights.imagenet": (["IMAGENET1K_V9"], ["weights.imagenet", "IMAGENET1K_V9", "he2015"]),
    "weights.imagenet.": ([{"file": "no.safetensors"}], ["weights.imagenet", "no such file"]),
    "device": ("gpu", ["device", "'gpu'", "'auto', 'cpu' or 'cuda'"]),
    "study": ("../else", ["study", "../else"]),
    "colour": ("blue", ["colour: unknown key"]),
}


@pytest.mark.parametrize("path", MISTAKES)
def test_a_mistake_gets_one_sentence(path):
    value, expected = MISTAKES[path]
    text = message(changed(path.removesuffix("."), value))
    assert len(text.splitlines()) == 1
    for part in expected:
        assert part in text


def test_stratified_drawing_cannot_outgrow_the_rarest_digit():
    assert "54210" in message(changed("subset_size", 60000))


def test_two_mistakes_are_told_together():
    configuration = changed("arms.new.epochs", 0)
    configuration["device"] = "gpu"
    assert len(message(configuration).splitlines()) == 2


def test_files_that_cannot_be_read(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1,")
    listing = tmp_path / "listing.yaml"
    listing.write_text("- a")
    for file in (tmp_path / "none.yaml", broken, listing):
        with pytest.raises(UserError, match=file.name):
            read_configuration([file])


def test_numbers_written_as_1e_minus_3_are_numbers():
    study = build_study(changed("arms.new.optimiser", yaml.safe_load("{learning_rate: 1e-3}")))
    assert study.arms["new"].optimiser.learning_rate == 0.001


def test_committed_schema_is_that_of_the_models():
    assert json.loads(SCHEMA_FILE.read_text()) == configuration_schema(), (
        "run: tlstudy schema > tlstudy/schema.json"
    )


def test_schema_accepts_the_studies_and_refuses_mistakes():
    validator = Draft202012Validator(configuration_schema())
    assert not list(validator.iter_errors(DEFAULT))
    swept = changed("arms.new.epochs", [10, 20])
    assert not list(validator.iter_errors(swept))
    assert list(validator.iter_errors(changed("arms.new.epoch", 3)))
    assert list(validator.iter_errors(changed("arms.new.head", "sigmoid")))


def test_written_study_keeps_the_order_of_the_arms(tmp_path):
    """The first arm of a group is its reference."""
    study = build_study(DEFAULT)
    file = tmp_path / "study.json"
    write_json_atomically(file, study.model_dump(mode="json"))
    assert list(load_study([file]).arms) == list(study.arms)
