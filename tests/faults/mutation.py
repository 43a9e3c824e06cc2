"""Mistakes put into a configuration at random: first into its tree, then into its text.

Each takes the configuration and a generator of random numbers, and returns a `Mutant`.
"""

import copy
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Mutant:
    """A configuration file with a mistake in it.

    Attributes:
        told: what the sentence has to name, one of them; the file's own name always does.
        wrong: it must be refused; else it may also be a study that somebody could want.
    """

    text: bytes
    told: tuple[str, ...]
    wrong: bool


Tree = dict[str, Any]
VALUES = (None, "", "x", -1, 0, 1e9, 1.5, True, [], {}, [1, 2], {"name": "x"}, [[]], "1e-3")
# Mappings whose keys the user chooses.
NAMED = {"arms", "weights", "claims"}
UNICODE = ("épochs", "٣", "\u202eseed", "new\u200b", "🙂", "study\u0131", "e\u0301", "日本語")
NUMBERS = (-(10**30), -1, 0, 10**30, 1e308, 5e-324, 2**63)
NEVER_FINITE = (math.nan, math.inf, -math.inf)


def paths_into(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all keys and list items, at every depth."""
    items = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else items:
        yield (*path, key)
        yield from paths_into(item, (*path, key))


def at(tree: Any, path: tuple) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _written(tree: Tree, path: tuple, wrong: bool, *also: str) -> Mutant:
    told = tuple(str(part) for part in path if not isinstance(part, int)) + also
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    return Mutant(text.encode(), told, wrong)


def _replaced(tree: Tree, path: tuple, value: Any, wrong: bool) -> Mutant:
    tree = copy.deepcopy(tree)
    at(tree, path[:-1])[path[-1]] = value
    return _written(tree, path, wrong)


def _any_path(tree: Tree, generator: random.Random) -> tuple:
    return generator.choice(list(paths_into(tree)))


def _key_path(tree: Tree, generator: random.Random) -> tuple:
    """Path of a key that is the configuration's own, and no name of the user's."""
    own = [
        path
        for path in paths_into(tree)
        if isinstance(path[-1], str) and not (len(path) == 2 and path[0] in NAMED)
    ]
    return generator.choice(own)


def _number_path(tree: Tree, generator: random.Random) -> tuple:
    numbers = [path for path in paths_into(tree) if type(at(tree, path)) in (int, float)]
    return generator.choice(numbers)


def wrong_type(tree: Tree, generator: random.Random) -> Mutant:
    value = copy.deepcopy(generator.choice(VALUES))
    return _replaced(tree, _any_path(tree, generator), value, wrong=False)


def out_of_range(tree: Tree, generator: random.Random) -> Mutant:
    return _replaced(tree, _number_path(tree, generator), generator.choice(NUMBERS), wrong=False)


def not_finite(tree: Tree, generator: random.Random) -> Mutant:
    path, value = _key_path(tree, generator), generator.choice(NEVER_FINITE)
    return _replaced(tree, path, value, wrong=True)


def deleted_key(tree: Tree, generator: random.Random) -> Mutant:
    tree, path = copy.deepcopy(tree), _any_path(tree, generator)
    del at(tree, path[:-1])[path[-1]]
    return _written(tree, path, False, "arms", "seed", "study")


def _misspelt(word: str, generator: random.Random) -> str:
    place = generator.randrange(len(word))
    kinds = (
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[:place] + "x" + word[place + 1 :],
        word.upper(),
        f"{word} ",
        f"{word}s",
    )
    return generator.choice([kind for kind in kinds if kind and kind != word])


def misspelt_key(tree: Tree, generator: random.Random) -> Mutant:
    tree, path = copy.deepcopy(tree), _key_path(tree, generator)
    parent, misspelt = at(tree, path[:-1]), _misspelt(path[-1], generator)
    parent[misspelt] = parent.pop(path[-1])
    return _written(tree, (*path[:-1], misspelt), True)


def unknown_key(tree: Tree, generator: random.Random) -> Mutant:
    mappings = [(), *(path for path in paths_into(tree) if isinstance(at(tree, path), dict))]
    path = (*generator.choice(mappings), generator.choice(("colour", "3", "__class__", "")))
    return _replaced(tree, path, 3, wrong=True)


def strange_letters(tree: Tree, generator: random.Random) -> Mutant:
    path, word = _any_path(tree, generator), generator.choice(UNICODE)
    if isinstance(path[-1], int) or generator.random() < 0.5:
        return _replaced(tree, path, word, wrong=False)
    tree = copy.deepcopy(tree)
    parent = at(tree, path[:-1])
    parent[word] = parent.pop(path[-1])
    return _written(tree, path, False, word, repr(word))


def list_for_value(tree: Tree, generator: random.Random) -> Mutant:
    path = _any_path(tree, generator)
    value = at(tree, path)
    lists = ([value, value], [value], [[value]], [value] * 100, [])
    return _replaced(tree, path, copy.deepcopy(generator.choice(lists)), wrong=False)


def nested_deep(tree: Tree, generator: random.Random) -> Mutant:
    text = yaml.safe_dump(tree, sort_keys=False)
    depth, (left, right) = generator.choice((50, 500, 5000)), generator.choice(("[]", "{}"))
    middle = f"{left}a: " if left == "{" else left
    key = generator.choice(("arms", "study", "seed", "deep"))
    without = "".join(f"{line}\n" for line in text.splitlines() if not line.startswith(f"{key}:"))
    nested = f"{key}: {middle * depth}{right * depth}\n"
    return Mutant((nested + without).encode(), (key,), key != "arms")


OF_TREE: dict[str, Callable[[Tree, random.Random], Mutant]] = {
    "wrong type": wrong_type,
    "out of range": out_of_range,
    "not finite": not_finite,
    "deleted key": deleted_key,
    "misspelt key": misspelt_key,
    "unknown key": unknown_key,
    "strange letters": strange_letters,
    "list for value": list_for_value,
    "nested deep": nested_deep,
}


def cut_off(text: str, generator: random.Random) -> Mutant:
    return Mutant(text[: generator.randrange(1, len(text))].encode(), ("arms", "seed"), False)


def changed_character(text: str, generator: random.Random) -> Mutant:
    place = generator.randrange(len(text))
    line = text[:place].count("\n")
    near = " ".join(text.splitlines()[line : line + 1]).replace(":", " ").split()
    changed = text[:place] + generator.choice("\t:{}[]&*!|>'\"%@`#-,? ") + text[place + 1 :]
    # A wrong indentation moves what follows elsewhere: the parents may be what is told.
    return Mutant(changed.encode(), (*near, "arms", "weights", "claims", "unknown key"), False)


def changed_byte(text: str, generator: random.Random) -> Mutant:
    content = bytearray(text.encode())
    content[generator.randrange(len(content))] = generator.choice((0, 0x1B, 0x80, 0xFF, 0xC0))
    return Mutant(bytes(content), (), True)


def doubled_line(text: str, generator: random.Random) -> Mutant:
    """A key that stands twice, one after the other."""
    lines = text.splitlines()
    keys = [
        index
        for index, line in enumerate(lines)
        if ": " in line
        and not line.strip().startswith(("-", "#"))
        and not line.endswith("{")
        and not line.strip().startswith("<<")
        and line.count(":") == 1
        and "&" not in line
        and line.rstrip()[-1] not in "[,|>"
    ]
    index = generator.choice(keys)
    key = lines[index].strip().partition(":")[0]
    return Mutant("\n".join([*lines[:index], lines[index], *lines[index:]]).encode(), (key,), True)


OF_TEXT: dict[str, Callable[[str, random.Random], Mutant]] = {
    "cut off": cut_off,
    "changed character": changed_character,
    "changed byte": changed_byte,
    "doubled line": doubled_line,
}
