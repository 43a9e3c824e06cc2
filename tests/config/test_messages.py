"""What a configuration may not be: each mistake ends in one sentence, and nothing else."""

import copy
import random
from collections.abc import Iterator

import pytest
from configurations import DEFAULT, ROOT, changed, message

from tlstudy.config.study import (
    build_study,
    check_subset,
    read_configuration,
)
from tlstudy.storage.errors import UserError

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


WEIGHTS_FILE = str(ROOT / "config.yaml")  # any file that is there
# Key, value, and the sentence (or its beginning and end) that the mistake ends in.
SENTENCES = [
    ("arms", {}, "arms: found an empty mapping; must have at least 1 entry."),
    ("arms", {"new": None}, "arms: found null for each; must have at least 1 that is not null."),
    ("arms.new", 3, "arms.new: found 3; must be a mapping of keys to values."),
    ("results", 3, "results: found 3; must be a path."),
    ("seed", None, "seed: found nothing (null); must be a valid integer."),
    ("study", "a b", "study: found 'a b'; must hold only the letters a to z * or a digit."),
    ("arms.new.label", None, "arms.new.label: found nothing (null); must be text."),
    ("weights.a b", ["he2015"], "weights.a b: found 'a b'; must hold only the letters *"),
    ("weights.imagenet", [], "weights.imagenet: found an empty list; must have at least 1 entry."),
    (
        "weights.imagenet",
        [3],
        "weights.imagenet.0: found 3; must be the name of weights, or a mapping with the key file.",
    ),
    (
        "weights.imagenet",
        [{"file": WEIGHTS_FILE, "mean": [1, 2]}],
        "weights.imagenet.0.mean: found [1, 2]; must have at least 3 entries.",
    ),
    (
        "weights.imagenet",
        [{"file": WEIGHTS_FILE, "men": [1, 2, 3]}],
        "weights.imagenet.0.men: unknown key; did you mean 'mean'? allowed are file, mean, *",
    ),
    (
        "weights.imagenet",
        [{"file": WEIGHTS_FILE, "std": [0, 1, 1]}],
        "weights.imagenet.0.std.0: found 0; must be greater than 0.",
    ),
    ("weights.imagenet", ["he2015"] * 2, "weights.imagenet: found *listed once only."),
    ("weights.random", ["he2015"], "weights.random: found 'random'; must be another name: *"),
    (
        "arms.new.optimiser",
        {"name": "adamw"},
        "arms.new.optimiser.name: found 'adamw'; must be 'adam' or 'sgd'.",
    ),
    ("arms.new.optimiser", "sgd", "arms.new.optimiser: found 'sgd'; must be a mapping *"),
    (
        "arms.new.optimiser",
        {"name": "sgd", "momentun": 0.9},
        "arms.new.optimiser.momentun: unknown key; did you mean 'momentum'? "
        "allowed are learning_rate, momentum, name, weight_decay.",
    ),
    (
        "arms.new.optimiser",
        {3: [1, 2]},
        "arms.new.optimiser.3: unknown key; allowed are beta1, beta2, learning_rate, name, *",
    ),
    ("arms.adam", {"epoch": 3}, "arms.adam.epoch: unknown key; did you mean 'epochs'? *"),
    ("arms.new.epochs", [], "arms.new.epochs: found an empty list; a sweep must have *"),
    ("arms.new.epochs", [10, 10], "arms.new.epochs: found [10, 10]; *once only."),
    ("arms.new.epochs", [10, 0], "arms.new.epochs: found 0; must be greater than or equal to 1."),
    ("arms.new.label", ["a", "b"], "arms.new.label: found ['a', 'b']; must be text, *"),
    (
        "arms.new.optimiser",
        {"name": []},
        "arms.new.optimiser.name: found an empty list; a sweep must have at least one value.",
    ),
    (
        "arms.new.optimiser",
        {"learning_rate": [0.001, "1e-3"]},
        "arms.new.optimiser.learning_rate: found [0.001, '1e-3']; *once only.",
    ),
    (
        "arms.new.optimiser",
        [{"name": "adam"}, {"name": "sgd"}],
        "arms.new.optimiser: found *; put the list at the value that varies, such as "
        "{learning_rate: [0.01, 0.001]}.",
    ),
    (
        "arms.new.label",
        "Pretrained, corrected",
        "arms.pretrained.label: found 'Pretrained, corrected', as in arms.new; labels must differ.",
    ),
    (
        "arms.new",
        {"image_size": 32, "batch_size": 1},
        "arms.new.batch_size: found 1, so a batch of 50 images at 32 pixels would hold a single *",
    ),
]


@pytest.mark.parametrize(("path", "value", "expected"), SENTENCES)
def test_a_mistake_reads_well(path, value, expected):
    configuration = {**DEFAULT, "arms": value} if path == "arms" else changed(path, value)
    text = message(configuration)
    begin, _, end = expected.partition("*")
    assert len(text.splitlines()) == 1
    assert text.startswith(begin)
    assert text.endswith(end)
    assert "*" in expected or text == expected


def test_a_mistake_in_a_swept_arm_is_told_once():
    configuration = changed("arms.new.epochs", [10, 20])
    configuration["arms"]["new"] |= {"head": "sigmoid", "colour": 3}
    lines = message(configuration).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["arms.new.head", "arms.new.colour"]


@pytest.mark.parametrize("order", [1, -1])
def test_an_arm_may_not_have_the_name_of_a_swept_one(order):
    arms = [("new", {"epochs": [10, 20]}), ("new~epochs=10", {"label": "Other"})]
    text = message({**DEFAULT, "arms": dict(arms[::order])})
    assert "two arms are named 'new~epochs=10'" in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    ("image_size", "batch_size", "size", "refused"),
    [(32, 2, 51, True), (32, 2, 50, False), (32, 3, 10, False), (33, 1, 50, False)],
)
def test_no_batch_may_hold_a_single_value_per_channel(image_size, batch_size, size, refused):
    configuration = changed("subset_size", [100, size])
    configuration["arms"]["new"] |= {"image_size": image_size, "batch_size": batch_size}
    if refused:
        assert f"a batch of {size} images" in message(configuration)
    else:
        build_study(configuration)


def test_a_stride_needs_bottlenecks():
    configuration = changed("weights.imagenet", [{"file": WEIGHTS_FILE, "stride_on": "1x1"}])
    build_study(configuration)
    configuration["arms"]["pretrained"]["architecture"] = "resnet34"
    text = message(configuration)
    assert text.startswith("weights.imagenet: found stride_on 1x1; must be 3x3 for resnet34")


@pytest.mark.parametrize(
    "choice", [("published", 50, 26), ("stratified", -5, 26), ("stratified", 50, -1)]
)
def test_only_the_studys_subsets_are_drawn(choice):
    study = build_study({**DEFAULT, "arms": {"new": {}}})
    check_subset(study, "stratified", 50, 26)
    with pytest.raises(
        UserError, match=r"has the drawings stratified, the sizes \[50\] and the se"
    ):
        check_subset(study, *choice)


VALUES = [None, "", "x", -1, 0, 1e9, 1.5, True, [], {}, [1, 2], float("nan")]


def paths_into(value: object, path: tuple = ()) -> Iterator[tuple]:
    """The paths of all keys and list items, at every depth."""
    items = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else items:
        yield (*path, key)
        yield from paths_into(item, (*path, key))


def mutated(path: tuple, generator: random.Random) -> dict:
    """The default configuration with the key at the path deleted, renamed or set."""
    configuration = copy.deepcopy(DEFAULT)
    target = configuration
    for part in path[:-1]:
        target = target[part]
    value = target.pop(path[-1])
    kind = generator.choice(["delete", "rename", "replace", "replace", "replace"])
    new = value if kind == "rename" else copy.deepcopy(generator.choice(VALUES))
    if isinstance(target, list) and kind != "delete":
        target.insert(path[-1], new)
    elif kind != "delete":
        target[generator.choice([f"{path[-1]}s", "", 3]) if kind == "rename" else path[-1]] = new
    return configuration


def test_every_mutation_builds_a_study_or_ends_in_sentences():
    generator = random.Random(26)
    built, messages = 0, []
    for path in list(paths_into(DEFAULT)) * 10:
        try:
            build_study(mutated(path, generator))
            built += 1
        except UserError as error:
            messages.append(error.message)
    assert built + len(messages) >= 200
    assert built > 20
    assert len(messages) > 100
    for line in "\n".join(messages).split("\n"):
        assert ": " in line
        assert line.endswith(".")
        assert not any(word in line for word in ("Traceback", "pydantic", "<class"))


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
    date = tmp_path / "date.yaml"
    date.write_text("study: 2026-13-01")
    for file in (tmp_path / "none.yaml", broken, listing, date):
        with pytest.raises(UserError, match=file.name):
            read_configuration([file])


def test_a_study_file_alone_says_what_comes_first():
    assert "--config config.yaml comes first" in message({"study": "quick", "seed": 26})
