"""Which definitions of the package a function executes."""

import sys
import threading
from collections.abc import Callable


def traced(function: Callable, names: set[str]) -> Callable:
    """The function, which adds to the names what it executes, as "tlstudy.module:definition"."""

    def note(frame, *_) -> None:
        module = frame.f_globals.get("__name__", "")
        name = frame.f_code.co_qualname.partition(".")[0]
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
