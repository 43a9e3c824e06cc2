"""Configuration: sweeps, identity of runs, and one sentence for each mistake."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from configurations import DEFAULT, ROOT, changed, read_files
from jsonschema import Draft202012Validator

from tlstudy.config.given import given_study, study_of_workflow
from tlstudy.config.named_runs import find_run
from tlstudy.config.schema import configuration_schema
from tlstudy.config.study import (
    build_study,
    load_study,
    parse_source,
    runs,
)
from tlstudy.config.sweeps import swept_keys, swept_values
from tlstudy.storage.errors import UserError

EXAMPLES = ROOT / "docs" / "examples"


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
    study = given_study([ROOT / "config.yaml", overlay])
    assert study.study == overlay.stem


def test_every_example_is_valid_with_the_images_that_its_script_makes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = runpy.run_path(str(EXAMPLES / "make_photos.py"))
    made["main"](tmp_path / "photos")
    for file in sorted(EXAMPLES.glob("*.yaml")):
        study = given_study([ROOT / "config.yaml", file])
        assert study.study == file.stem
        page = file.with_suffix(".md").read_text()
        assert f"docs/examples/{file.name}" in page
        assert f"]({file.stem}.png)" in page
        assert file.with_suffix(".png").is_file()
    assert study.study == "photos"
    target = study.arms["pretrained"].target
    assert (target.images.train, target.images.test, target.outputs) == (150, 150, 10)


def test_overlay_changes_its_keys_only():
    whole = given_study([ROOT / "config.yaml"])
    quick = given_study([ROOT / "config.yaml", ROOT / "studies" / "quick.yaml"])
    assert quick.seed == [26]
    assert quick.subset_size == whole.subset_size
    assert quick.landscape.random_radius == whole.landscape.random_radius
    assert quick.evaluation != whole.evaluation
    assert quick.evaluation.precision == whole.evaluation.precision
    assert quick.arms["new-published"].head == "softmax"


def test_any_field_of_an_arm_is_swept_and_crossed():
    configuration = changed("arms.new.epochs", [10, 20])
    configuration["arms"]["new"]["optimiser"] = {"learning_rate": [0.1, 0.01, 0.001]}
    study = build_study(configuration)
    variants = [name for name in study.arms if name.startswith("new~")]
    assert len(variants) == 6
    assert "new~epochs=20~learning_rate=0.01" in variants
    assert study.arms["new~epochs=20~learning_rate=0.01"].optimiser.learning_rate == 0.01


def test_a_sweep_over_mappings_and_lists_has_short_names():
    arm = {
        "optimiser": [{"name": "adam"}, {"name": "sgd", "momentum": 0.9}],
        "trained": ["all", {"top_k": 0.1}, {"stages": ["layer3", "layer4"]}],
    }
    study = build_study({"study": "own", "seed": 26, "arms": {"new": arm}})
    assert list(study.arms)[1:4] == [
        "new~optimiser=adam~trained=top_k-0.1",
        "new~optimiser=adam~trained=stages-layer3_layer4",
        "new~optimiser=sgd-momentum-0.9~trained=all",
    ]
    labels = [one.label for one in study.arms.values()]
    assert labels[1] == "new, optimiser adam, trained top k 0.1"
    assert labels[2] == "new, optimiser adam, trained stages layer3 and layer4"
    words = [run.name.rpartition("-")[0] for run in runs(study)]
    assert words[5] == "random-optimiser~sgd-momentum~0.9-stages~layer3_layer4"


def test_what_a_sweep_set_is_read_from_the_names():
    study = build_study({"study": "own", "seed": 26, "arms": {"ne~w": {"epochs": [10, 20]}}})
    assert [swept_values(name) for name in study.arms] == [{"epochs": "10"}, {"epochs": "20"}]
    assert swept_keys(study.arms) == ["epochs"]
    assert swept_values("new~target=~/photos~beta1=0.9") == {"target": "~/photos", "beta1": "0.9"}


def test_a_list_of_lists_sweeps_the_augmentation_and_a_list_is_one():
    turned = {"name": "quarter-turn", "classes": [1, 2]}
    arm = {"augmentation": [[], [turned, "shift"]]}
    study = build_study({"study": "own", "seed": 26, "arms": {"new": arm}})
    assert list(study.arms) == [
        "new~augmentation=none",
        "new~augmentation=quarter-turn-classes-1_2_shift",
    ]
    labels = [arm.label for arm in study.arms.values()]
    assert labels[1] == "new, augmentation quarter-turn classes 1 and 2 + shift"
    one = build_study({"study": "own", "seed": 26, "arms": {"new": {"augmentation": [turned]}}})
    assert list(one.arms) == ["new"]
    assert [own.name for own in one.arms["new"].augmentation] == ["quarter-turn"]
    for built in (study, one):
        for run in runs(built):
            assert re.fullmatch(r"[A-Za-z0-9._~-]+", run.name)
        assert build_study(built.model_dump(mode="json")) == built


def test_other_ways_of_training_are_other_runs_and_the_defaults_are_none():
    usual = find_run(build_study(DEFAULT), "new", 50, 26).name
    defaults = {"augmentation": [], "early_stopping": None, "weight_average": None}
    changes = ({"augmentation": ["shift"]}, {"early_stopping": {}}, {"weight_average": 0.9})
    names = {usual}
    for settings in (defaults, *changes):
        configuration = changed("arms.new", DEFAULT["arms"]["new"] | settings)
        names.add(find_run(build_study(configuration), "new", 50, 26).name)
    assert len(names) == 1 + len(changes)


def test_a_mapping_in_a_list_may_have_lists_too():
    optimisers = [
        {"name": "adam", "learning_rate": [0.001, 0.0003]},
        {"name": "sgd", "momentum": 0.9, "learning_rate": [0.01, 0.03]},
    ]
    configuration = changed("arms.new.optimiser", optimisers)
    study = build_study(configuration)
    rates = {arm: study.arms[arm].optimiser.learning_rate for arm in study.arms if "~" in arm}
    assert list(rates.values()) == [0.001, 0.0003, 0.01, 0.03]
    assert "new~optimiser=adam-learning_rate-0.0003" in rates
    assert not list(Draft202012Validator(configuration_schema()).iter_errors(configuration))
    with pytest.raises(UserError, match="two arms are named"):
        build_study(changed("arms.new.optimiser", [{"learning_rate": ["1e-3", 0.001]}]))


def test_all_stands_for_the_studys_seeds_and_a_wrong_word_is_told_so():
    configuration = changed("curvature.seeds", "all")
    assert build_study(configuration).curvature.seeds == DEFAULT["seed"]
    assert not list(Draft202012Validator(configuration_schema()).iter_errors(configuration))
    with pytest.raises(UserError, match=r"curvature\.seeds: found 'All'; must be a list, or all"):
        build_study(changed("curvature.seeds", "All"))


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


def name_of(arm, **settings):
    """Of the arm's run without its digest, with these settings in place of its own."""
    configuration = changed(f"arms.{arm}", DEFAULT["arms"][arm] | settings)
    name = find_run(build_study(configuration), arm, 50, 26).name
    return re.fullmatch(r"(.*)-[0-9a-f]{10}", name)[1]


def test_a_run_s_name_tells_what_differs_from_the_defaults():
    assert name_of("new") == "random"
    published = "imagenet-drawing~published-normalisation~none-head~softmax"
    assert name_of("pretrained-published") == published
    assert (
        name_of("pretrained", optimiser={"learning_rate": 1e-5}) == "imagenet-learning_rate~1e-05"
    )
    sgd = {"name": "sgd", "momentum": 0.9}
    assert name_of("new", optimiser=sgd) == "random-optimiser~sgd-momentum~0.9"
    assert name_of("new", optimiser={"learning_rate": 1e6}) == "random-learning_rate~1e06"
    assert name_of("new", trained="head") == "random-trained~head"
    stopping = {"augmentation": ["shift"], "early_stopping": {"patience": 3}}
    assert name_of("new", **stopping) == "random-augmentation~shift-patience~3"
    both = {"factor": 0.25, "part": "both"}
    assert name_of("new", rescaling=both) == "random-part~both-factor~0.25"


def test_a_run_s_name_is_short_and_can_name_a_folder():
    many = {"architecture": "resnet101", "image_size": 64, "epochs": 3, "precision": "bfloat16"}
    configuration = changed("arms.new-published", DEFAULT["arms"]["new-published"] | many)
    name = find_run(build_study(configuration), "new-published", 50, 26).name
    assert len(name) <= 100
    assert re.fullmatch(r"[A-Za-z0-9._~-]+", name)  # as in workflow/rules/common.smk
    assert name.startswith("random-architecture~resnet101-drawing~published-image_size~64")


def test_another_name_of_an_arm_is_the_same_run():
    arms = dict(reversed(DEFAULT["arms"].items())) | {"new": None}
    arms["untrained"] = DEFAULT["arms"]["new"]
    study = build_study(changed("arms", arms))
    same = find_run(build_study(DEFAULT), "new", 50, 26).name
    assert find_run(study, "untrained", 50, 26).name == same


def test_other_sources_of_weights_are_other_runs():
    studies = build_study(changed("weights.imagenet", ["he2015"])), build_study(DEFAULT)
    pretrained, new = (
        [find_run(study, arm, 50, 26).name for study in studies] for arm in ("pretrained", "new")
    )
    assert pretrained[0] != pretrained[1]
    assert new[0] != new[1]  # each is built as the weights it stands beside need it


def test_resolved_study_is_read_back_the_same(tmp_path):
    study = build_study(changed("arms.new.epochs", [10, 20]))
    file = tmp_path / "study.json"
    file.write_text(study.model_dump_json())
    again = load_study(file)
    assert again == study
    assert [run.name for run in runs(again)] == [run.name for run in runs(study)]


@pytest.mark.parametrize("place", ["study.json", "settings/0123456789.json"])
@pytest.mark.parametrize("content", [b"{", b'{"study": "a"}'])
def test_a_damaged_study_file_ends_in_a_sentence(tmp_path, place, content):
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_study(file)
    assert caught.value.message.startswith(f"{file}: is no study's configuration (")


def test_a_key_that_stands_twice_is_refused_where_snakemake_takes_the_last(tmp_path):
    file = tmp_path / "twice.yaml"
    file.write_text("study: a\nstudy: b\n")
    with pytest.raises(UserError, match=r"twice\.yaml.*'study' stands there twice"):
        study_of_workflow(DEFAULT, [file], ROOT / "config.yaml")


def test_arms_have_one_order_whoever_merges_the_files(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        "study: o\narms: {other: {epochs: 3}, pretrained: {epochs: 3}, new: {epochs: 3}}"
    )
    files = [ROOT / "config.yaml", overlay]
    merged = read_files(*reversed(files))  # as Snakemake begins with the command line's
    study = study_of_workflow(merged, files, files[0])
    assert list(build_study(merged).arms) != list(study.arms)
    assert list(study.arms) == list(build_study(read_files(*files)).arms)


def test_null_removes_an_arm(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("study: a\narms: {new: null, pretrained: null}")
    study = given_study([ROOT / "config.yaml", overlay])
    assert list(study.arms) == ["new-published", "pretrained-published"]
    overlaid = changed("arms.new", None)  # what Snakemake's own merge leaves
    assert "new" not in build_study(overlaid).arms
    assert not list(Draft202012Validator(configuration_schema()).iter_errors(overlaid))


def test_sources_of_the_command_line_are_told_apart():
    assert parse_source(json.dumps({"file": "a"})).file == Path("a")
    with pytest.raises(UserError) as caught:
        parse_source('{"file": 3, "men": []}')
    assert caught.value.message.splitlines() == [
        "--source.file: found 3; must be a path.",
        "--source.men: unknown key; did you mean 'mean'? allowed are file, mean, std, stride_on.",
    ]
    with pytest.raises(UserError, match="--source: is not JSON"):
        parse_source('{"file')


def test_a_study_is_read_without_torch():
    code = "import sys, tlstudy.config.study; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_numbers_written_as_1e_minus_3_are_numbers():
    study = build_study(changed("arms.new.optimiser", yaml.safe_load("{learning_rate: 1e-3}")))
    assert study.arms["new"].optimiser.learning_rate == 0.001


def test_committed_schema_is_that_of_the_models():
    assert json.loads((ROOT / "tlstudy" / "schema.json").read_text()) == configuration_schema(), (
        "run: tlstudy schema > tlstudy/schema.json"
    )


def test_schema_accepts_the_studies_and_refuses_mistakes():
    validator = Draft202012Validator(configuration_schema())
    assert not list(validator.iter_errors(DEFAULT))
    swept = changed("arms.new.epochs", [10, 20])
    assert not list(validator.iter_errors(swept))
    nested = {"rescaling": {"factor": [0.25, 1]}, "early_stopping": {"patience": [3, 5]}}
    for key, value in nested.items():
        assert not list(validator.iter_errors(changed(f"arms.new.{key}", value)))
    assert list(validator.iter_errors(changed("arms.new.epoch", 3)))
    assert list(validator.iter_errors(changed("arms.new.head", "sigmoid")))
    assert list(validator.iter_errors(changed("arms.new.epochs", [10, 10])))
    assert list(validator.iter_errors(changed("arms.new.label", ["a", "b"])))
