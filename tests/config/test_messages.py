"""What a configuration may not be: each mistake ends in one sentence, and nothing else."""

import copy
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from configurations import DEFAULT, ROOT, changed, message

from tlstudy.config.named_runs import check_subset
from tlstudy.config.study import build_study
from tlstudy.config.yaml_files import read_content
from tlstudy.storage.errors import UserError

WEIGHTS_FILE = str(ROOT / "config.yaml")  # any file that is there
# Key, value, and the beginning of the sentence that the mistake ends in.
MISTAKES = [
    ("colour", "blue", "colour: unknown key; allowed are arms, "),
    ("results", 3, "results: found 3; must be a path."),
    ("device", "gpu", "device: found 'gpu'; must be 'auto', 'cpu' or 'cuda'."),
    ("study", "../else", "study: found '../else'; must hold only the letters a to z"),
    ("subset_size", [50, 50], "subset_size: found [50, 50]; a value may be listed once only."),
    ("seed", None, "seed: found nothing (null); must be a valid integer."),
    ("seed", "26,27", "seed: found '26,27'; must be a whole number, or a list of them"),
    ("seed", True, "seed: found True; must be a valid integer."),
    ("landscape.grid", 20, "landscape.grid: found 20; must be odd"),
    ("landscape.seeds", [1], "landscape.seeds: found 1; must be among the study's seeds [26"),
    ("evaluation.final_images", 20, "evaluation: final_images (20) must be at least epoch_images"),
    ("arms", {}, "arms: found an empty mapping; must have at least 1 entry."),
    ("arms", {"new": None}, "arms: found null for each; must have at least 1 that is not null."),
    ("arms.new", 3, "arms.new: found 3; must be a mapping of keys to values."),
    ("arms.new.epoch", 3, "arms.new.epoch: unknown key; did you mean 'epochs'? allowed are "),
    ("arms.new.epochs", [], "arms.new.epochs: found an empty list; must be a valid integer."),
    (
        "arms.new.epochs",
        [10, 10],
        "arms.new: two arms are named 'new~epochs=10'",
    ),
    ("arms.new.epochs", [10, 0], "arms.new.epochs: found 0; must be greater than or equal to 1."),
    ("arms.new.label", ["a", "b"], "arms.new.label: found ['a', 'b']; must be text."),
    ("arms.new.head", "sigmoid", "arms.new.head: found 'sigmoid'; must be 'logits' or 'softmax'."),
    ("arms.new.initialisation", "imagnet", "arms.new.initialisation: found 'imagnet'; did you me"),
    ("arms.new.normalisation", "weights", "arms.new: normalisation: weights needs an initialisat"),
    ("arms.new.optimiser", "sgd", "arms.new.optimiser: found 'sgd'; must be a mapping of keys to"),
    (
        "arms.new.optimiser",
        {"name": "lion"},
        "arms.new.optimiser.name: found 'lion'; must be 'adam' or 'adamw' or 'sgd'.",
    ),
    (
        "arms.new.optimiser",
        {"name": "AdamW"},
        "arms.new.optimiser.name: found 'AdamW'; did you mean 'adamw'? must be 'adam' or 'adamw'",
    ),
    ("arms.new.augmentation", "shift", "arms.new.augmentation: found 'shift'; must be a list."),
    (
        "arms.new.target",
        "fashion",
        "arms.new.target.name: found 'fashion'; did you mean 'fashion-mnist'? must be 'mnist', ",
    ),
    (
        "arms.new.optimiser",
        {"name": "sgd", "momentun": 0.9},
        "arms.new.optimiser.momentun: unknown key; did you mean 'momentum'? "
        "allowed are learning_rate, momentum, name, nesterov, weight_decay.",
    ),
    (
        "arms.new.optimiser",
        {"name": "sgd", "nesterov": True},
        "arms.new.optimiser: nesterov: true needs a momentum above 0, such as momentum: 0.9.",
    ),
    (
        "arms.new.schedule",
        "cosin",
        "arms.new.schedule.name: found 'cosin'; did you mean 'cosine'? must be 'constant' or ",
    ),
    ("arms.new.schedule", {"warm_up": 2}, "arms.new.schedule.name: missing; it must be given."),
    (
        "arms.new.schedule",
        {"name": "step", "evry": 3},
        "arms.new.schedule.evry: unknown key; did you mean 'every'? allowed are every, factor, ",
    ),
    (
        "arms.new.schedule",
        {"name": "cosine", "warm_up": 1000},
        "arms.new: schedule.warm_up must end before the training: found 1000, allowed is less",
    ),
    ("arms.new.trained", "heads", "arms.new.trained.part: found 'heads'; did you mean 'head'? "),
    (
        "arms.new.trained",
        {"stages": ["layer5"]},
        "arms.new.trained.stages.0: found 'layer5'; did you mean 'layer4'? stages of resnet50 are "
        "stem, layer1, ",
    ),
    (
        "arms.new",
        {"architecture": "alexnet", "image_size": 64, "trained": "batchnorm"},
        "arms.new.trained: found batchnorm; must be another part for alexnet, which has no Batch",
    ),
    (
        "arms.new",
        {"architecture": "mobilenet_v3_small", "trained": {"stages": ["layer4"]}},
        "arms.new.trained.stages.0: found 'layer4'; stages of mobilenet_v3_small are features.0, ",
    ),
    (
        "arms.new.trained",
        {"top_k": 0.1, "random": 0.1},
        "arms.new.trained: found top_k and random; one of them is allowed.",
    ),
    ("arms.new.trained", {"top_k": 0}, "arms.new.trained.top_k: found 0; must be greater than 0."),
    ("arms.new.trained", {"topk": 0.1}, "arms.new.trained.topk: unknown key; did you mean 'top_k'"),
    (
        "arms.new",
        {"trained": "head", "l2_sp": 0.1},
        "arms.new: l2_sp pulls no weight where `trained: head`; leave one of them out",
    ),
    ("arms.new.gradient_clip", 0, "arms.new.gradient_clip: found 0; must be greater than 0."),
    ("arms.new.label_smoothing", 1, "arms.new.label_smoothing: found 1; must be less than 1."),
    (
        "arms.new",
        {"initialisation": "random", "optimiser_holds": "another-network", "gradient_clip": 1},
        "arms.new: gradient_clip needs an optimiser that holds the network; leave it out or take",
    ),
    (
        "arms.new.optimiser",
        {3: [1, 2]},
        "arms.new.optimiser.3: unknown key; allowed are beta1, beta2, learning_rate, name, ",
    ),
    (
        "arms.new.optimiser",
        {"learning_rate": [0.001, "1e-3"]},
        "arms.new: two arms are named 'new~learning_rate=0.001'; names must differ",
    ),
    (
        "arms.new.augmentation",
        ["rotate"],
        "arms.new.augmentation.0.name: found 'rotate'; did you mean 'rotation'? must be 'rotatio",
    ),
    (
        "arms.new.augmentation",
        [{"name": "rotation", "degree": 3}],
        "arms.new.augmentation.0.degree: unknown key; did you mean 'degrees'? allowed are classes,",
    ),
    (
        "arms.new.augmentation",
        ["shift", {"name": "rotation", "classes": [3, 10]}],
        "arms.new.augmentation.1.classes.1: found 10; must be a class from 0 to 9.",
    ),
    (
        "arms.new.augmentation",
        [{"name": "rotation", "classes": [-1]}],
        "arms.new.augmentation.0.classes.0: found -1; must be greater than or equal to 0.",
    ),
    (
        "arms.new.augmentation",
        [{"name": "rotation", "classes": "halve"}],
        "arms.new.augmentation.0.classes: found 'halve'; must be 'half'.",
    ),
    (
        "arms.new.early_stopping",
        {"patients": 3},
        "arms.new.early_stopping.patients: unknown key; did you mean 'patience'? allowed are ",
    ),
    (
        "arms.new",
        {"drawing": "published", "early_stopping": {}},
        "arms.new: early_stopping needs `drawing: stratified`, so that no image is held out and ",
    ),
    ("arms.new.weight_average", 1, "arms.new.weight_average: found 1; must be less than 1."),
    (
        "arms.new.label",
        "Pretrained, corrected",
        "arms.pretrained.label: found 'Pretrained, corrected', as in arms.new.label; ",
    ),
    ("weights.a b", ["he2015"], "weights.a b: found 'a b'; must hold only the letters a to z"),
    ("weights.random", ["he2015"], "weights.random: found 'random'; must be another name: "),
    ("weights.imagenet", ["he2015"] * 2, "weights.imagenet: found ['he2015', 'he2015']; a value"),
    ("weights.imagenet", ["V9"], "weights.imagenet: found 'V9'; allowed for resnet50 are IMAGENE"),
    ("weights.imagenet", [3], "weights.imagenet.0: found 3; must be the name of weights, or a ma"),
    ("weights.imagenet", [{"file": "no.pth"}], "weights.imagenet: found 'no.pth'; no such file."),
    (
        "weights.imagenet",
        [{"file": WEIGHTS_FILE, "mean": [1, 2]}],
        "weights.imagenet.0.mean: found [1, 2]; must have at least 3 entries.",
    ),
    (
        "weights.imagenet",
        [{"file": WEIGHTS_FILE, "men": [1, 2, 3]}],
        "weights.imagenet.0.men: unknown key; did you mean 'mean'? allowed are file, mean, ",
    ),
]


@pytest.mark.parametrize(("path", "value", "beginning"), MISTAKES)
def test_a_mistake_gets_one_sentence(path, value, beginning):
    configuration = {**DEFAULT, "arms": value} if path == "arms" else changed(path, value)
    text = message(configuration)
    assert text.startswith(beginning)
    assert text.endswith(".")
    assert len(text.splitlines()) == 1


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
    check_subset(study, "mnist", "stratified", 50, 26)
    with pytest.raises(
        UserError, match=r"has the drawings mnist stratified, the sizes \[50\] and the se"
    ):
        check_subset(study, "mnist", *choice)


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


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "file.yaml: cannot be read (No such file or directory); must be a file."),
        ("a: [1,", "file.yaml, line 1, column 7: "),
        ("a: 1\nb: 2\na: 3", "file.yaml, line 3, column 1: the key 'a' stands there twice"),
        ("a: {b: 1, b: 2}", "file.yaml, line 1, column 11: the key 'b' stands there twice"),
        ("- a", "file.yaml: found ['a']; must be a mapping of keys"),
        ("study: 2026-13-01", "file.yaml: month must be in 1..12"),
        ("[" * 100_000, "file.yaml: is nested too deeply"),
        (b"\xff", "file.yaml: byte 0 is no text in UTF-8"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, monkeypatch, content, told):
    monkeypatch.chdir(tmp_path)
    file = Path("file.yaml")
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error:
        read_content(file)
    assert error.value.message.startswith(told)


def test_a_study_file_alone_says_what_comes_first():
    assert "a study's file lies on top of it" in message({"study": "quick", "seed": 26})
