"""What programs read: JSON of tables and mappings."""

import json
from pathlib import Path
from typing import Any

from tlstudy.storage.files import without_nan


def as_json_text(data: Any) -> str:
    """JSON with line breaks; a number that is not finite is null, a path is text."""
    return json.dumps(without_nan(data), indent=1, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return value.as_posix()
    return value.item()  # a number of NumPy's
