"""Wrong configurations: each is refused in sentences, or is a study that is what it says."""

import contextlib
import copy
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from faults.case import Case, Ending, Surroundings, assert_clear_sentence, assert_told_by_snakemake
from faults.process import ROOT, Running, finished, snakemake
from tlstudy.config.study import build_study, read_configuration, runs

STUDIES = {
    "default": ["config.yaml"],
    "quick": ["config.yaml", "studies/quick.yaml"],
    "audit": ["config.yaml", "studies/audit.yaml"],
    "theory": ["config.yaml", "studies/theory.yaml"],
}
EACH = 25
VALUES = (None, "", "x", -1, 0, 1e9, 1.5, True, [], {}, [1, 2], {"name": "x"}, [[]], "1e-3")
NUMBERS = (-(10**30), -1, 0, 10**30, 1e308, 5e-324, 2**63)
# Mappings whose keys the user chooses.
NAMED = {"arms", "weights", "claims"}

Tree = dict[str, Any]


class Mutant(NamedTuple):
    """A configuration file with a mistake in it.

    Attributes:
        told: what the sentence has to name, one of them; the file's own name always does.
        wrong: it must be refused; else it may also be a study that somebody could want.
    """

    text: bytes
    told: tuple[str, ...]
    wrong: bool


def paths_into(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all keys and list items, at every depth."""
    items = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else items:
        yield (*path, key)
        yield from paths_into(item, (*path, key))


def value_at(tree: Any, path: tuple) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _anywhere(tree: Tree, path: tuple) -> bool:
    return True


def _at_a_number(tree: Tree, path: tuple) -> bool:
    return type(value_at(tree, path)) in (int, float)


def _at_a_key(tree: Tree, path: tuple) -> bool:
    """The configuration's own key, and no name of the user's."""
    return isinstance(path[-1], str) and not (len(path) == 2 and path[0] in NAMED)


def _misspelt(word: str, dice: random.Random) -> str:
    place = dice.randrange(len(word))
    kinds = (
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[:place] + "x" + word[place + 1 :],
        word.upper(),
        f"{word} ",
        f"{word}s",
    )
    return dice.choice([kind for kind in kinds if kind and kind != word])


# Mistakes in the tree, by name: where, what becomes of key and value, and whether it is wrong.
OF_TREE: dict[str, tuple[Callable, Callable, bool]] = {
    "wrong type": (_anywhere, lambda key, value, dice: {key: dice.choice(VALUES)}, False),
    "out of range": (_at_a_number, lambda key, value, dice: {key: dice.choice(NUMBERS)}, False),
    "not finite": (
        _at_a_key,
        lambda key, value, dice: {key: dice.choice((math.nan, math.inf, -math.inf))},
        True,
    ),
    "list for value": (
        _anywhere,
        lambda key, value, dice: {key: dice.choice(([value] * 2, [value], [[value]], []))},
        False,
    ),
    "deleted key": (_anywhere, lambda key, value, dice: {}, False),
    "misspelt key": (_at_a_key, lambda key, value, dice: {_misspelt(key, dice): value}, True),
    "unknown key": (
        _at_a_key,
        lambda key, value, dice: {key: value, dice.choice(("colour", "3", "__class__", "")): 3},
        True,
    ),
}


def mutant_of_tree(kind: str, tree: Tree, dice: random.Random) -> Mutant:
    """The configuration with one mistake of a kind of `OF_TREE`."""
    fits, change, wrong = OF_TREE[kind]
    tree = copy.deepcopy(tree)
    *parents, key = dice.choice([path for path in paths_into(tree) if fits(tree, path)])
    parent = value_at(tree, parents)
    changed = copy.deepcopy(change(key, parent.pop(key), dice))
    if isinstance(parent, list):
        parent[key:key] = changed.values()
    else:
        parent.update(changed)
    told = [part for part in (*parents, *changed, key) if isinstance(part, str)]
    if not changed:
        told += ["arms", "seed", "study"]
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    return Mutant(text.encode(), tuple(told), wrong)


def cut_off(text: str, dice: random.Random) -> Mutant:
    return Mutant(text[: dice.randrange(1, len(text))].encode(), ("arms", "seed"), False)


def changed_character(text: str, dice: random.Random) -> Mutant:
    place = dice.randrange(len(text))
    line = text[:place].count("\n")
    near = " ".join(text.splitlines()[line : line + 1]).replace(":", " ").split()
    changed = text[:place] + dice.choice("\t:{}[]&*!|>'\"%@`#-,? ") + text[place + 1 :]
    # A wrong indentation moves what follows elsewhere: the parents may be what is told.
    return Mutant(changed.encode(), (*near, "arms", "weights", "claims", "unknown key"), False)


def doubled_line(text: str, dice: random.Random) -> Mutant:
    """A key that stands twice, one after the other."""
    lines = text.splitlines()
    simple = [
        index
        for index, line in enumerate(lines)
        if line.count(":") == 1
        and ": " in line
        and not line.strip().startswith(("-", "#", "<<"))
        and not line.rstrip().endswith(tuple("{[,|>"))
        and "&" not in line
    ]
    index = dice.choice(simple)
    key = lines[index].strip().partition(":")[0]
    return Mutant("\n".join([*lines[:index], lines[index], *lines[index:]]).encode(), (key,), True)


OF_TEXT: dict[str, Callable[[str, random.Random], Mutant]] = {
    "cut off": cut_off,
    "changed character": changed_character,
    "doubled line": doubled_line,
}
# Whole files: content, and what the sentence names beside the file.
FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty": (b"", ()),
    "only a comment": (b"# nothing\n", ()),
    "a word": (b"study\n", ()),
    "a list": (b"- study\n- seed\n", ()),
    "binary": (bytes(range(256)) * 20, ()),
    "UTF-16": ("study: a\nseed: 1\n".encode("utf-16"), ()),
    "Latin-1": ("study: caf\xe9\n".encode("latin-1"), ()),
    "two documents": (b"study: a\n---\nstudy: b\n", ()),
    "unknown anchor": (b"study: *nobody\n", ()),
    "code": (b"study: !!python/object/apply:os.system ['touch executed']\n", ()),
    "date": (b"study: 2026-11-24\nseed: 1\narms: {new: {}}\n", ("study",)),
    "key that is true": (b"study: a\nseed: 1\narms: {new: {}}\non: x\n", ("True", "on")),
    "arm that is a number": (b"study: a\nseed: 1\narms: {3: {epoch: 3}}\n", ("epoch",)),
    "tab": (b"study: a\narms:\n\tnew: {}\n", ()),
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
    files = [ROOT / name for name in STUDIES[study]]
    if kind in OF_TREE:
        mutant = mutant_of_tree(kind, read_configuration(files), at.generator)
    else:
        mutant = OF_TEXT[kind](files[-1].read_text(encoding="utf-8"), at.generator)
    return _judge(mutant, at.folder / "mutant.yaml")


def _whole_file(at: Surroundings, name: str) -> Ending:
    return _judge(Mutant(*FILES[name], wrong=True), at.folder / "mutant.yaml")


def _through_snakemake(at: Surroundings, kind: str) -> Ending:
    mutant = mutant_of_tree(kind, at.tiny.configuration(at.folder / "results"), at.generator)
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
