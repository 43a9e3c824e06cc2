"""The study that a user names: files on top of config.yaml, and where a mistake stands."""

import shutil
from pathlib import Path

import pytest
from configurations import ROOT, read_files

from tlstudy.config import given
from tlstudy.config.architectures import allowed_sources
from tlstudy.config.given import given_study, study_of_workflow
from tlstudy.config.study import build_study, load_study, runs
from tlstudy.storage.errors import UserError

QUICK = ROOT / "studies" / "quick.yaml"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str, name: str = "mine.yaml") -> Path:
    Path(name).write_text(text)
    return Path(name)


def told(*files: Path, changes: tuple[str, ...] = ()) -> str:
    with pytest.raises(UserError) as caught:
        given_study(files, changes)
    return caught.value.message


def workflow(*files: Path):
    """The same files as Snakemake reads them."""
    every = [ROOT / "config.yaml", *files]
    return study_of_workflow(read_files(*every), every, ROOT / "config.yaml")


def test_a_study_lies_on_top_of_config_yaml_wherever_it_is(here):
    assert given_study([QUICK]) == build_study(read_files(ROOT / "config.yaml", QUICK))
    assert given_study([ROOT / "config.yaml", QUICK]) == given_study([QUICK])
    assert given_study([]) == build_study(read_files(ROOT / "config.yaml"))
    shutil.copy(ROOT / "config.yaml", "config.yaml")
    assert given_study([write("study: a\nseed: 3\nlandscape: {seeds: []}\n")]).seed == [3]
    write("study: b\nseed: 1\narms: {one: {}}\n", "config.yaml")
    assert list(given_study([]).arms) == ["one"]


def test_a_change_lies_on_top_of_all_files(here):
    study = given_study([QUICK], ["seed=[1, 2]", "arms.new.optimiser.learning_rate=1e-3"])
    assert study.seed == [1, 2]
    assert study.arms["new"].optimiser.learning_rate == 0.001
    assert told(QUICK, changes=("seed",)).startswith("--set seed: must be key=value")
    assert told(QUICK, changes=("arms.new.epochs=0",)).startswith(
        "--set arms.new.epochs=0: arms.new.epochs: found 0; must be"
    )


MISTAKES = {
    "study: a\narms:\n  new:\n    epochs: 0\n": "mine.yaml, line 4: arms.new.epochs: found 0; must",
    "study: a\narms:\n  new: {epoch: 3}\n": "mine.yaml, line 3: arms.new.epoch: unknown key; did",
    "study: a\narms:\n  x: &y {epochs: 0}\n  z:\n    <<: *y\n": "mine.yaml, line 3: arms.x.epochs",
    "study: a\narms:\n  z: null\n": "mine.yaml, line 3: arms.z: found null, and there is no arm",
    "study: a\nclaims:\n  C1: null\n": "mine.yaml, line 3: claims.C1: found null",
    "study: a\narms:\n  my-pretrained: {}\n": "mine.yaml, line 3: arms.my-pretrained.initialisat",
    "seed: 3\n": "mine.yaml: has no `study`, so its results would be mixed with those of",
    "study: a\narms:\n   new:\n     epochs: 3\n    label: a\n": "mine.yaml, line 5, column 5: ",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_file_and_line(here, text):
    file = write(text)
    assert told(file).startswith(MISTAKES[text])
    assert len({line.partition(": ")[0] for line in told(file).splitlines()}) == 1
    with pytest.raises(UserError) as caught:
        workflow(file)
    assert caught.value.message == told(file)


def test_of_two_files_the_one_that_is_wrong_is_named(here):
    one, two = write("study: a\nsubset_size: 50\n"), write("arms: {new: {epochs: 0}}\n", "two.yaml")
    assert told(one, two).startswith("two.yaml, line 1: arms.new.epochs: found 0")


def test_a_wrong_default_says_where_it_may_be_given(here):
    message = told(write("study: a\narms: {new: {initialisation: of-mine}}\n"))
    assert message.startswith("mine.yaml, line 2: arms.new.initialisation")
    file = write("study: a\narms: {new: {drawing: stratified, target: digits}}\nsubset_size: 5000")
    assert told(file).startswith("mine.yaml, line 3: subset_size: found 5000")
    base = write("study: b\nsubset_size: 5000\nseed: 1\narms: {}\n", "config.yaml")
    assert base.name in told(write("study: a\narms: {new: {target: digits}}\n"))
    assert told(Path("mine.yaml")).endswith("Give another one in mine.yaml.")


def test_a_change_of_an_arm_or_claim_that_is_not_there_is_refused(here):
    message = told(QUICK, changes=("arms.nwe.epochs=3",))
    assert message.startswith("--set arms.nwe.epochs=3: there is no arms.nwe to change; did you me")
    assert "there is no claims.C1" in told(QUICK, changes=("claims.C1.effect=0.1",))
    without = write("study: a\narms: {new-published: null}\n")
    change = "arms.new-published.epochs=3"
    assert "there is no arms.new-published" in told(without, changes=(change,))
    study = given_study([QUICK], ["arms.more={epochs: 2}", "arms.more.epochs=3"])
    assert study.arms["more"].epochs == 3


def test_a_study_in_a_file_named_config_yaml_is_told_what_it_is_taken_for(here):
    Path("one").mkdir()
    file = write("study: a\nseed: 1\narms: {new: {initialisation: imagenet}}\n", "one/config.yaml")
    assert told(file).endswith(
        "one/config.yaml: a file named config.yaml is taken for the one below all studies; a study "
        "of your own needs another file name."
    )


def test_no_name_is_advised_that_is_taken(here):
    assert "such as `study: mine`" in told(write("seed: 3\n", "slides.yaml"))


def test_places_may_be_changed_without_a_name(here):
    assert given_study([write("results: elsewhere\ncache: c\n")]).results == Path("elsewhere")


def test_a_missing_file_says_which_there_are(here):
    Path("studies").mkdir()
    write("study: mine\n", "studies/mine.yaml")
    message = told(Path("studies/min.yaml"))
    assert message.startswith("studies/min.yaml: cannot be read (no such file or folder); did you")
    assert "'studies/mine.yaml'" in message


def test_a_folder_of_results_stands_alone(here, small_results):
    assert given_study([small_results.folder]) == load_study(small_results.folder)
    assert "cannot change" in told(small_results.folder, QUICK)
    assert "cannot change" in told(small_results.folder, changes=("seed=1",))


@pytest.mark.parametrize("read", [lambda file: given_study([file]), workflow])
def test_landscapes_are_of_the_first_seed_unless_theirs_are_written(here, read):
    assert read(write("study: a\nseed: [1, 2]\n")).landscape.seeds == [1]
    assert read(write("study: a\nseed: [1, 26]\n")).landscape.seeds == [26]
    assert read(write("study: a\nseed: [1, 2]\nlandscape: {seeds: []}\n")).landscape.seeds == []
    with pytest.raises(UserError, match=r"landscape\.seeds: found 26; must be among"):
        read(write("study: a\nseed: [1, 2]\nlandscape: {seeds: [26]}\n"))


@pytest.mark.parametrize("read", [lambda file: given_study([file]), workflow])
def test_baselines_are_of_all_seeds_and_of_arms_that_there_are(here, read):
    def baselines(text: str):
        found = read(write(f"study: a\nseed: [1, 2]\nlandscape: {{seeds: []}}\n{text}")).baselines
        return found.seeds, found.arms

    assert baselines("") == ([1, 2], ["new"])
    assert baselines("arms: {new: null}") == ([], [])
    assert baselines("arms: {new: null}\nbaselines: {seeds: [2]}") == ([2], [])
    assert baselines("baselines: {arms: [pretrained]}") == ([1, 2], ["pretrained"])
    with pytest.raises(UserError, match=r"baselines\.arms: found 'new'; must be among"):
        baselines("arms: {new: null}\nbaselines: {arms: [new]}")


@pytest.mark.parametrize("read", [lambda file: given_study([file]), workflow])
def test_another_network_takes_weights_that_exist_for_it(here, read):
    study = read(write("study: a\narms: {pretrained: {architecture: [resnet18, resnet50]}}\n"))
    sources = {run.settings.architecture: run.sources for run in runs(study) if run.sources}
    assert sources == {
        "resnet18": ("IMAGENET1K_V1",),
        "resnet50": ("IMAGENET1K_V2", "he2015"),
    }
    plain = given_study([write("study: a\n")])
    names = {run.name for run in runs(plain)}
    assert {run.name for run in runs(study) if run.settings.architecture == "resnet50"} <= names
    assert build_again(study) == study
    with pytest.raises(UserError, match=r"allowed for resnet18 are IMAGENET1K_V1"):
        read(
            write(
                "study: a\nweights: {imagenet: [IMAGENET1K_V2]}\n"
                "arms: {pretrained: {architecture: resnet18}}\n"
            )
        )


@pytest.mark.parametrize(
    ("architecture", "source"),
    [
        ("mobilenet_v3_small", "IMAGENET1K_V1"),
        ("resnet101", "IMAGENET1K_V2"),
        ("regnet_y_128gf", "IMAGENET1K_SWAG_LINEAR_V1"),
    ],
)
def test_the_newest_weights_of_imagenet_are_taken(architecture, source):
    assert given._usual(allowed_sources(architecture)) == [source]


def build_again(study):
    Path("study.json").write_text(study.model_dump_json())
    return load_study(Path("study.json"))
