"""YAML files in which no key may stand twice."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tlstudy.storage.errors import UserError

ODD_NUMBER = re.compile(r"[-+]?0[0-9_]|.*:")
MERGE_TAG = "tag:yaml.org,2002:merge"


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
        node = self._anchored(super().compose_mapping_node(None), anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE_TAG:
                if (key.tag, key.value) in seen:
                    problem = f"the key '{key.value}' stands there twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add((key.tag, key.value))
        return node

    def compose_sequence_node(self, anchor: str | None) -> yaml.SequenceNode:
        return self._anchored(super().compose_sequence_node(None), anchor)

    def _anchored(self, node: yaml.Node, anchor: str | None) -> yaml.Node:
        """Known by its anchor from its end on: an alias (*) within itself would have no end."""
        if anchor is not None:
            self.anchors[anchor] = node
        return node


def parsed(text: str) -> tuple[Any, yaml.Node | None]:
    """What YAML holds, and its node; None if it holds nothing.

    Raises:
        yaml.YAMLError, ValueError, RecursionError: it is no YAML.
    """
    loader = _OnceLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None
        return loader.construct_document(node), node
    finally:
        loader.dispose()


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
        found = "nothing" if settings is None else repr(settings)[:80]
        raise UserError(f"{path}: found {found}; must be a mapping of keys, such as `study: mine`.")
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
