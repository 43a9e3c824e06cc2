"""How the study was run: weights, machines, versions, checksums, times and warnings."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import yaml

from tlstudy import __version__
from tlstudy.config.groups import groups_of, is_of_slides
from tlstudy.config.settings import Study
from tlstudy.jobs.graph import PLACES
from tlstudy.report.format import (
    THIN,
    count,
    duration,
    join,
    quoted,
    seeds,
    whole,
)
from tlstudy.report.inputs import Inputs, Json
from tlstudy.report.names import network_name
from tlstudy.report.sentences import series

SAME_FOR_ALL = {
    "device": "devices",
    "precision": "kinds of arithmetic",
    "evaluation_precision": "kinds of arithmetic in evaluations",
    "threads": "numbers of processor threads",
    "torch": "versions of PyTorch",
    # Not the commit: most commits leave this code alone.
    "code": "states of the code that trains",
}
DEVICE_NAMES = {"cpu": "processor (CPU)", "cuda": "GPU"}
OTHER_WEIGHTS = (
    "They are not the weights of the slides (IMAGENET1K_V2 for ResNet-50), so this is not the "
    "slides\u2019 experiment again."
)
STRIDES = "Their blocks stride on the 1 x 1 convolution; those of a new network on the 3 x 3."


def distinct(runs: pd.DataFrame, column: str) -> list[str]:
    """The values that occur, in order of appearance."""
    values = runs[column].dropna() if column in runs else []
    return [str(value) for value in dict.fromkeys(values) if str(value)]


def arithmetic(runs: pd.DataFrame) -> str:
    """Of the training steps and of the evaluations; once if they are the same."""
    steps, tests = (join(distinct(runs, f"{name}precision")) for name in ("", "evaluation_"))
    return steps if tests == steps else f"{steps} in steps, {tests} in evaluations"


def device(runs: pd.DataFrame) -> str:
    """The device or devices that trained."""
    return join(DEVICE_NAMES.get(name, name) for name in distinct(runs, "device")) or "unknown"


def tested_images(runs: pd.DataFrame) -> str:
    """How many test images stand behind the reported values of runs."""
    amounts = sorted({int(amount) for amount in runs["reported_test_images"].dropna()})
    return join((whole(amount) for amount in amounts), "or") or "none"


def short_commit(commit: str) -> str:
    """Twelve digits of a commit, with the mark of modified code in words."""
    digits, plus, _ = commit.partition("+")
    return f"{digits[:12]} (with uncommitted changes)" if plus else digits[:12]


def weights_used(inputs: Inputs) -> list[dict]:
    """The pretrained weights as the first screen names them.

    `statement` says what they are; `other` how they are not what one would expect, or is empty;
    `tried` the result of each source, in the order of trying.
    """
    return [_weights(inputs.study, *key, record) for key, record in inputs.weights.items()]


def _weights(study: Study, architecture: str, name: str, record: Json) -> dict:
    source = str(record.get("source", "unknown"))
    not_slides = (architecture, source) != ("resnet50", "IMAGENET1K_V2")
    other = [OTHER_WEIGHTS] * (not_slides and is_of_slides(study))
    new = [arm for arm in study.arms.values() if arm.initialisation == "random"]
    if record.get("stride_on", "3x3") != "3x3" and new:
        same = all(arm.built_as == name for arm in new if arm.architecture == architecture)
        other += [] if same else [STRIDES]
    # A file of the user's is named without its folder, which may be private.
    file = Path(source).name
    parts = [f"{file} for {network_name(architecture)}", record.get("description", "").rstrip(". ")]
    if record.get("imagenet_top1_percent"):
        parts.append(f"{record['imagenet_top1_percent']:g}{THIN}% top-1 on ImageNet")
    tried = [f"{Path(item['source']).name}: {item['outcome']}" for item in record.get("tried", [])]
    statement = ", ".join(filter(None, parts))
    return {
        "name": name,
        "source": file,
        "statement": statement,
        "other": " ".join(other),
        "tried": tried,
    }


def warnings(inputs: Inputs) -> list[str]:
    """Sentences on everything that makes runs of this study differ from each other."""
    return [
        *unlike(inputs.runs, SAME_FOR_ALL),
        *_several_drawings(inputs.study),
        *modified_code(inputs.runs),
        *_diverged(inputs.runs),
        *untrained(inputs),
        *at_the_edge(inputs),
    ]


def at_the_edge(inputs: Inputs) -> Iterator[str]:
    """Tuned arms whose learning rate is the smallest or largest candidate: a better may lie beyond.

    Yields:
        One sentence for each such arm.
    """
    rates = sorted(inputs.study.tuning.learning_rates)
    for name, arm in inputs.study.arms.items():
        chosen = inputs.runs.loc[inputs.runs["arm"] == name, "learning_rate"].dropna()
        smallest, largest = ((chosen == rate).sum() for rate in (rates[0], rates[-1]))
        if arm.tune_learning_rate and smallest + largest:
            yield (
                f"The learning rate of {inputs.named(name)} is the smallest candidate "
                f"({rates[0]:g}) in {smallest} and the largest ({rates[-1]:g}) in {largest} of "
                f"{count(len(chosen), 'run')}. A better one may lie beyond."
            )


def unlike(runs: pd.DataFrame, same_for_all: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each of the columns that should have one value and has several."""
    for column, words in same_for_all.items():
        values = distinct(runs, column)
        if len(values) > 1:
            yield f"Runs were made with different {words}: {join(values)}."


def _several_drawings(study: Study) -> Iterator[str]:
    for group, arms in groups_of(study).items():
        if len({study.arms[arm].drawing for arm in arms}) > 1:
            yield (
                f"Arms of the group {quoted(group)} draw their training images in different "
                "ways. A difference between them is one of images as well."
            )


def modified_code(runs: pd.DataFrame) -> Iterator[str]:
    """A sentence if runs were made with code that was in no commit."""
    if any(commit.endswith("+changes") for commit in distinct(runs, "commit")):
        yield "Some runs were made with uncommitted code: the commit does not reproduce them."


def _diverged(runs: pd.DataFrame) -> Iterator[str]:
    lost = runs[runs["status"] != "finished"]
    if lost.empty:
        return
    parts = [
        f"{quoted(label)} with {size} images, seed {seeds(rows['seed'].tolist())}"
        for (label, size), rows in lost.groupby(["label", "subset_size"], sort=False)
    ]
    yield (
        f"{len(lost)} of {count(len(runs), 'run')} diverged (the loss was not finite): "
        f"{'; '.join(parts)}. Reported values are from the other runs. Curves of a diverged run "
        "end where it stopped."
    )


def untrained(inputs: Inputs) -> Iterator[str]:
    """A sentence for each arm whose weights never moved at a subset size."""
    for arm in inputs.study.arms:
        if any(series.never_moved(inputs, arm, size) for size in inputs.study.subset_size):
            yield (
                f"The weights of {inputs.named(arm)} did not move. A comparison with it is no "
                "evidence on pretraining."
            )


def configuration(study: Study) -> str:
    """The study with sweeps expanded and defaults filled in, as YAML; without its folders."""
    data = study.model_dump(mode="json", exclude=PLACES)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=90)


def machine(inputs: Inputs) -> list[tuple[str, str]]:
    """What the runs were made with, one fact a row."""
    runs = inputs.runs
    return [
        ("Device", device(runs)),
        ("Arithmetic", arithmetic(runs)),
        ("Processor threads", join(distinct(runs, "threads"))),
        ("PyTorch", join(distinct(runs, "torch"))),
        *code_and_time(
            runs.drop_duplicates("run"),
            "All runs from start to end, added up",
        ),
    ]


def code_and_time(runs: pd.DataFrame, title: str) -> list[tuple[str, str]]:
    """Version and commits, and the time of all these runs one after the other."""
    return [
        ("tlstudy", __version__),
        ("Commit", join(short_commit(value) for value in distinct(runs, "commit"))),
        (title, duration(float(runs["seconds"].sum()))),
    ]


def checksums(inputs: Inputs) -> list[tuple[str, str]]:
    """Files that results rest on, with their SHA-256."""
    rows = [
        (f"{name} ({architecture}), {words}", str(record[key]))
        for (architecture, name), record in inputs.weights.items()
        for key, words in (("origin_sha256", "as received"), ("sha256", "as used"))
        if record.get(key)
    ]
    return rows + sorted(
        (file if len(inputs.images) == 1 else f"{origin['dataset']}: {file}", digest)
        for origin in inputs.images
        for file, digest in origin.get("files", {}).items()
    )
