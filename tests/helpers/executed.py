"""Which definitions of the package a function executes."""

import sys
import threading
from collections.abc import Callable
from types import CodeType


def traced(function: Callable, names: set[str]) -> Callable:
    """The function, which adds to the names what it executes, as "tlstudy.module:definition"."""
    seen: set[CodeType] = set()

    def note(frame, *_) -> None:
        code = frame.f_code
        if code in seen:
            return
        seen.add(code)
        module, name = frame.f_globals.get("__name__", ""), code.co_qualname.partition(".")[0]
        if module.startswith("tlstudy.") and not name.startswith(("<", "__")):
            names.add(f"{module}:{name}")

    def tracing(*positional, **named):
        sys.settrace(note)
        threading.settrace(note)
        try:
            return function(*positional, **named)
        finally:
            sys.settrace(None)
            threading.settrace(None)

    return tracing
