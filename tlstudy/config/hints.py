"""Questions about a name that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, allowed: Iterable[str], least: float = 0.6) -> str:
    """A question with the allowed name that is closest; empty if none is close.

    Args:
        least: how alike they must be, from 0 to 1 (`difflib`).
    """
    allowed = list(allowed)
    # Another letter's case is the closest: AdamW is adamw and not adam.
    same = [each for each in allowed if each.lower() == name.lower()]
    # Then a slip of the pen, then the last of several words: accuracy is balanced_accuracy.
    close = same or get_close_matches(name, allowed, n=1, cutoff=max(least, 0.8))
    close = close or [each for each in allowed if each.endswith(f"_{name.lower()}")]
    close = close or get_close_matches(name, allowed, n=1, cutoff=least)
    return f"did you mean '{close[0]}'? " if close else ""
