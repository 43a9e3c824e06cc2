"""Log lines on the progress of long loops."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

log = logging.getLogger(__name__)

Step = TypeVar("Step")

SECONDS_BETWEEN_LINES = 10


def with_time_left(steps: Sequence[Step], what: str) -> Iterator[Step]:
    """Pass steps of equal length on; every ten seconds log how many are done and the time left.

    Args:
        what: the kind of step, in the singular.
    """
    began = told = time.monotonic()
    for number, step in enumerate(steps, start=1):
        yield step
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES and number < len(steps):
            left = (now - began) / number * (len(steps) - number)
            log.info("%s %d of %d, about %s left", what, number, len(steps), duration(left))
            told = now


def duration(seconds: float) -> str:
    """Seconds in words: 40 s, 3 min, 2 h 5 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
