"""YAML files as people mean them: every key once, and no more than can be walked through."""

from pathlib import Path
from typing import Any

import yaml

from tlstudy.storage.errors import UserError

MERGE_TAG = "tag:yaml.org,2002:merge"
# A repeated anchor counts each time: ten lines can stand for more values than there is memory.
MOST_VALUES, MOST_LEVELS = 100_000, 20


class _OnceLoader(yaml.SafeLoader):
    """PyYAML lets the last of a key's values win; here a key that stands twice is a mistake."""

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


def read_mapping(path: Path) -> dict[Any, Any]:
    """A YAML (or JSON) file that holds a mapping.

    Raises:
        UserError: it cannot be read, is no YAML, has a key twice, is too large, or holds
            something else.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _OnceLoader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); must be a file.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no text in UTF-8; must be YAML.") from None
    except RecursionError:
        raise _too_large(path) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        raise UserError(f"{path}{_place(error)}: {_problem(error)}; must be YAML.") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: found {type(content).__name__}; must be a mapping of keys.")
    _check_size(path, content)
    return content


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _problem(error: Exception) -> str:
    """PyYAML's own words, without the file's text, which may be long."""
    parts = getattr(error, "context", None), getattr(error, "problem", None)
    return ": ".join(filter(None, parts)) or " ".join(str(error).split())


def _check_size(path: Path, content: dict[Any, Any]) -> None:
    waiting, count = [(content, 0)], 0
    while waiting:
        value, level = waiting.pop()
        count += 1
        if count > MOST_VALUES or level > MOST_LEVELS:
            raise _too_large(path)
        if isinstance(value, dict | list):
            items = value.values() if isinstance(value, dict) else value
            waiting.extend((item, level + 1) for item in items)


def _too_large(path: Path) -> UserError:
    return UserError(
        f"{path}: found more than {MOST_VALUES} values or {MOST_LEVELS} levels (an anchor counts "
        "each time it is used); a study must have fewer."
    )
