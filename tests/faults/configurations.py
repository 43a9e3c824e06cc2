"""Mutated configurations: each is refused in sentences, or is a study that is what it says."""

import contextlib
import random
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from faults.case import Case, Ending, Surroundings, assert_clear_sentence, assert_told_by_snakemake
from faults.mutation import OF_TEXT, OF_TREE, Mutant
from faults.process import ROOT, Running, finished, snakemake
from tlstudy.config.study import build_study, read_configuration, runs

STUDIES = {
    "default": ["config.yaml"],
    "quick": ["config.yaml", "studies/quick.yaml"],
    "audit": ["config.yaml", "studies/audit.yaml"],
    "theory": ["config.yaml", "studies/theory.yaml"],
}
EACH = 25


@cache
def _tree(study: str) -> dict[str, Any]:
    return read_configuration([ROOT / name for name in STUDIES[study]])


@cache
def _text(study: str) -> str:
    return (ROOT / STUDIES[study][-1]).read_text(encoding="utf-8")


# Whole files: content, and what the sentence names beside the file.
FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty": (b"", ()),
    "only a comment": (b"# nothing\n", ()),
    "a word": (b"study\n", ()),
    "a list": (b"- study\n- seed\n", ()),
    "null": (b"null\n", ()),
    "binary": (bytes(range(256)) * 20, ()),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), ()),
    "UTF-16": ("study: a\nseed: 1\n".encode("utf-16"), ()),
    "Latin-1": ("study: caf\xe9\n".encode("latin-1"), ()),
    "two documents": (b"study: a\n---\nstudy: b\n", ()),
    "unknown anchor": (b"study: *nobody\n", ()),
    "anchor of itself": (b"study: &a [*a]\n", ("study",)),
    "merge of a list": (b"arms: {new: {<<: [1, 2]}}\n", ()),
    "code": (b"study: !!python/object/apply:os.system ['touch executed']\n", ()),
    "code of a name": (b"study: !!python/name:os.system\n", ()),
    "set": (b"study: a\nseed: !!set {1, 2}\narms: {new: {}}\n", ("seed",)),
    "bytes": (b"study: !!binary aGVsbG8=\nseed: 1\narms: {new: {}}\n", ("study",)),
    "date": (b"study: 2026-11-24\nseed: 1\narms: {new: {}}\n", ("study",)),
    "key that is a list": (b"? [a, b]\n: 3\n", ()),
    "key that is a number": (b"study: a\nseed: 1\narms: {new: {}}\n3: x\n", ("3",)),
    "key that is true": (b"study: a\nseed: 1\narms: {new: {}}\non: x\n", ("True", "on")),
    "key that is null": (b"study: a\nseed: 1\narms: {new: {}}\n~: x\n", ("None", "null")),
    "arm that is a number": (b"study: a\nseed: 1\narms: {3: {epoch: 3}}\n", ("epoch",)),
    "tab": (b"study: a\narms:\n\tnew: {}\n", ()),
    "long text": (b"study: " + b"a" * 10**6 + b"\nseed: 1\narms: {new: {}}\n", ("study",)),
    "long number": (b"study: a\nseed: " + b"9" * 10**4 + b"\narms: {new: {}}\n", ("seed",)),
}


def _judge(mutant: Mutant, file: Path) -> Ending:
    """Ask `tlstudy runs` about a file, and hold what it says against the mutation."""
    file.write_bytes(mutant.text)
    with contextlib.chdir(file.parent):
        asked = Running(["runs", "--config", file.name], file.with_suffix(".log"))
    ended = asked.wait()
    assert not (file.parent / "executed").exists(), "the configuration's code was executed"
    if ended.status != 0:
        return assert_clear_sentence(ended, (*mutant.told, file.name))
    assert not mutant.wrong, f"accepted:\n{mutant.text[:3000]!r}"
    _assert_valid(file, ended.text)
    return Ending.RESULT


def _assert_valid(file: Path, listing: str) -> None:
    """The listed runs are those of a study that is the same if it is read from its own record."""
    study = build_study(read_configuration([file]))
    again = build_study(yaml.safe_load(yaml.safe_dump(study.model_dump(mode="json"))))
    assert again == study
    expected = [(run.arm, str(run.subset_size), str(run.seed)) for run in runs(study)]
    assert [tuple(line.split("\t")[:3]) for line in listing.splitlines()] == expected
    assert len(set(expected)) == len(expected)


def _mutated(at: Surroundings, kind: str, study: str) -> Ending:
    if kind in OF_TREE:
        mutant = OF_TREE[kind](_tree(study), at.generator)
    else:
        mutant = OF_TEXT[kind](_text(study), at.generator)
    return _judge(mutant, at.folder / "mutant.yaml")


def _whole_file(at: Surroundings, name: str) -> Ending:
    content, told = FILES[name]
    wrong = name != "bytes"  # they are text, written in another way
    return _judge(Mutant(content, told, wrong), at.folder / "mutant.yaml")


def _through_snakemake(at: Surroundings, kind: str) -> Ending:
    mutant = OF_TREE[kind](at.tiny.configuration(at.folder / "results"), at.generator)
    (at.folder / "config.yaml").write_bytes(mutant.text)
    ended = finished(snakemake(at.folder, "--dry-run"))
    assert not (at.folder / "results").exists(), "a dry run wrote results"
    if ended.status != 0:
        return assert_told_by_snakemake(ended, mutant.told)
    assert not mutant.wrong, f"accepted:\n{mutant.text!r}"
    build_study(read_configuration([at.folder / "config.yaml"]))
    return Ending.RESULT


CASES = []
for mutation in (*OF_TREE, *OF_TEXT):
    for number in range(EACH):
        mutated = random.Random(number).choice(list(STUDIES))
        name = f"{mutation} {number + 1} in {mutated}"
        CASES.append(Case(name, _mutated, (mutation, mutated), slow=number >= 3))
CASES += [Case(f"file: {name}", _whole_file, (name,), slow=False) for name in FILES]
CASES += [
    Case(f"snakemake --dry-run: {kind}", _through_snakemake, (kind,))
    for kind in ("wrong type", "misspelt key", "unknown key", "not finite", "deleted key")
]
