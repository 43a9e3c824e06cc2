"""YAML files in which no key may stand twice."""

from pathlib import Path
from typing import Any

import yaml

from tlstudy.storage.errors import UserError

MERGE_TAG = "tag:yaml.org,2002:merge"


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping; PyYAML would take its last value."""

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
        UserError: it cannot be read, is not YAML, has a key twice, or holds something else.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _OnceLoader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); must be a file.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no text in UTF-8; must be YAML.") from None
    except RecursionError:
        raise UserError(f"{path}: is nested too deeply; must be YAML.") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        raise UserError(f"{path}{_place(error)}: {_problem(error)}; must be YAML.") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: found {type(content).__name__}; must be a mapping of keys.")
    return content


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _problem(error: Exception) -> str:
    """PyYAML's own words, without the file's text, which may be long."""
    parts = getattr(error, "context", None), getattr(error, "problem", None)
    return ": ".join(filter(None, parts)) or " ".join(str(error).split())
