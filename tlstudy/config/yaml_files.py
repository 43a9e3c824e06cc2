"""YAML files in which no key may stand twice."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tlstudy.storage.errors import UserError

ODD_NUMBER = re.compile(r"[-+]?0[0-9_]|.*:")
MERGE_TAG = "tag:yaml.org,2002:merge"
# Values, each alias (*name) counted as all that it stands for. Ten lines can stand for thousands of
# millions of them, and no study has so many.
MOST_VALUES = 100_000


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping; PyYAML would take its last value.

    And whole numbers that YAML takes for others: 050 for 40, 1:30 for 90.
    """

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        number = super().construct_yaml_int(node)
        if ODD_NUMBER.match(node.value):
            problem = f"found {node.value}, which YAML takes for {number}; write {number}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return number

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        # Before merges (<<) are resolved: what they bring may be overridden.
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE_TAG:
                if (key.tag, key.value) in seen:
                    problem = f"the key '{key.value}' stands there twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add((key.tag, key.value))
        return node


def parsed(text: str) -> tuple[Any, yaml.Node | None]:
    """What YAML holds, and its node; None if it holds nothing.

    Raises:
        yaml.YAMLError, ValueError, RecursionError: it is no YAML, or stands for too much.
    """
    loader = _OnceLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None
        _check_values(node, {})
        return loader.construct_document(node), node
    finally:
        loader.dispose()


def _check_values(node: yaml.Node, known: dict[int, int | None]) -> int:
    """How many values a node stands for.

    Args:
        known: of nodes that were met; None while what is in them is counted.

    Raises:
        yaml.YAMLError: they are too many, or without end.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = None
        pairs = isinstance(node, yaml.MappingNode)
        inner = [part for pair in node.value for part in pair] if pairs else node.value
        known[id(node)] = 1 + sum(_check_values(part, known) for part in inner)
    count = known[id(node)]
    if count is None or count > MOST_VALUES:
        found = "an alias (*) stands for what it is in"
        if count is not None:
            found = f"it stands for more than {MOST_VALUES:,} values, with those of its aliases (*)"
        raise yaml.constructor.ConstructorError(None, None, found, node.start_mark)
    return count


_OnceLoader.add_constructor("tag:yaml.org,2002:int", _OnceLoader.construct_yaml_int)


@dataclass(frozen=True)
class Content:
    """A mapping, and the nodes of its text, which know their lines."""

    settings: dict[Any, Any]
    node: yaml.Node


def read_content(path: Path) -> Content:
    """A YAML (or JSON) file that holds a mapping.

    Raises:
        UserError: it cannot be read, is not YAML, has a key twice, or holds something else.
    """
    try:
        settings, node = parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); must be a file.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no text in UTF-8; must be YAML.") from None
    except RecursionError:
        raise UserError(f"{path}: is nested too deeply; must be YAML.") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        raise UserError(f"{path}{_place(error)}: {_problem(error)}; {_allowed(error)}.") from None
    if not isinstance(settings, dict):
        raise UserError(f"{path}: found {type(settings).__name__}; must be a mapping of keys.")
    return Content(settings, node)


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _problem(error: Exception) -> str:
    """PyYAML's own words, without the file's text, which may be long."""
    parts = getattr(error, "context", None), getattr(error, "problem", None)
    return ": ".join(filter(None, parts)) or " ".join(str(error).split())


def _allowed(error: Exception) -> str:
    if not isinstance(error, yaml.parser.ParserError | yaml.scanner.ScannerError):
        return "must be YAML"
    return (
        "must be YAML, in which keys of one mapping begin in the same column, after spaces and not "
        "tabs, and brackets and quotation marks are closed"
    )


def line_of(content: Content, key: str) -> tuple[int, int]:
    """How many characters of a dotted key a mapping has, and the line of the last of them.

    Returns:
        (0, 0) where it has none. Names may have dots in them: the longest that fits is taken.
    """
    node, done, line = content.node, 0, 0
    while done < len(key):
        rest = key[done:]
        fitting = [
            (text, mark.line + 1, value)
            for text, mark, value in _entries(node)
            if rest == text or rest.startswith(f"{text}.")
        ]
        if not fitting:
            break
        # Of keys that stand twice, as after a merge (<<), the last one counts.
        text, line, node = max(reversed(fitting), key=lambda entry: len(entry[0]))
        done += len(text) + 1
    return done, line


def _entries(node: yaml.Node) -> list[tuple[str, yaml.Mark, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [
            (key.value, key.start_mark, value)
            for key, value in node.value
            if isinstance(key, yaml.ScalarNode)
        ]
    if isinstance(node, yaml.SequenceNode):
        return [(str(place), item.start_mark, item) for place, item in enumerate(node.value)]
    return []
