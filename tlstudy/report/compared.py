"""A comparison of two arms, or of two studies arm by arm, in words."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tlstudy.audit.compared import (
    FIRST,
    SECOND,
    Row,
    Side,
    compare_arms,
    differing_settings,
    reservations,
)
from tlstudy.audit.statistics import Summary
from tlstudy.config.fields import MINIMUM_SEEDS
from tlstudy.report.format import MISSING, THIN, count, join, number
from tlstudy.report.sentences import results

SEEDS_IN_A_LINE = 8
Write = tuple[Callable[[float], str], str]  # how a number is written, and the unit after it
NATS = f"{THIN}nats"
# As in the table of results; here a loss has its unit after it.
VALUES: dict[str, Write] = {
    name: (write, NATS * (name == "loss")) for name, write in results.VALUES.items()
}
DIFFERENCES: dict[str, Write] = {
    name: (write, unit or NATS) for name, (write, unit) in results.DIFFERENCES.items()
}


def comparison_data(one: Side, other: Side, quantities: tuple[str, ...]) -> dict[str, Any]:
    """A comparison for programs."""
    return {
        FIRST: _named(one),
        SECOND: _named(other),
        "settings": {
            key: {FIRST: first, SECOND: second}
            for key, (first, second) in differing_settings(one, other).items()
        },
        "reservations": reservations(one, other),
        "results": [row.data() for row in compare_arms(one, other, quantities)],
    }


def comparison_text(one: Side, other: Side, quantities: tuple[str, ...]) -> str:
    """A comparison for a terminal: settings that differ, values, and differences by seed."""
    lines = [f"{FIRST}: {_title(one)}", f"{SECOND}: {_title(other)}", "", "Settings that differ:"]
    lines += list(_setting_lines(differing_settings(one, other))) or ["    none"]
    lines += [f"Note: {sentence}" for sentence in reservations(one, other)]
    rows = compare_arms(one, other, quantities)
    if not rows:
        sizes = " and ".join(str(side.study.subset_size) for side in (one, other))
        return "\n".join([*lines, "", f"No number of training images is in both: {sizes}."])
    size = None
    for row in rows:
        if row.subset_size != size:
            size = row.subset_size
            lines += ["", f"{count(size, 'training image')}:"]
        lines += _row_lines(row)
    lines += list(_missing_sizes(one, other))
    return "\n".join(lines)


def _missing_sizes(one: Side, other: Side) -> Iterator[str]:
    for name, side, beside in ((FIRST, one, other), (SECOND, other, one)):
        sizes = [size for size in side.study.subset_size if size not in beside.study.subset_size]
        if sizes:
            yield f"\nOnly in {name}: {join(map(str, sizes))} training images"


def missing_arms(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """A line for each side that has arms which the other has not."""
    for name, arms, others in ((FIRST, one, other), (SECOND, other, one)):
        if lacking := [arm for arm in arms if arm not in others]:
            yield f"Only in {name}: {', '.join(lacking)}"


def _setting_lines(settings: Mapping[str, tuple[Any, Any]]) -> Iterator[str]:
    width = max(map(len, settings), default=0)
    shown = {key: tuple(map(_shown, values)) for key, values in settings.items()}
    wide = max((len(first) for first, _ in shown.values()), default=0)
    if settings:
        yield f"    {'':{width}}  {FIRST:{wide}}  {SECOND}"
    for key, (first, second) in shown.items():
        yield f"    {key:{width}}  {first:{wide}}  {second}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _row_lines(row: Row) -> Iterator[str]:
    plain: Write = (number, f"{THIN}{row.unit}")
    signed: Write = (partial(number, sign=True), f"{THIN}{row.unit}")
    values = VALUES.get(row.quantity, plain)
    yield f"    {row.quantity.replace('_', ' ')}"
    differences = DIFFERENCES.get(row.quantity, signed)
    named = {
        f"{FIRST}       ": values,
        f"{SECOND}       ": values,
        f"{SECOND} less {FIRST}": differences,
    }
    summaries = row.summaries.values()
    for (name, (write, unit)), summary in zip(named.items(), summaries, strict=True):
        few = summary.mean is None and summary.n > 1
        yield f"        {name}     {summary.text(write, unit)}" + (
            f"; mean {write(summary.plain_mean)}{unit}" if few else ""
        )
    if row.difference.n:
        yield f"        {_against_zero(row.difference)}"
    yield from _values_by_seed(row, values[0])


def _values_by_seed(row: Row, write: Callable[[float], str]) -> Iterator[str]:
    """Each seed's values, the seeds side by side."""
    shown = [
        (str(seed), *(MISSING if value is None else write(value) for value in values))
        for seed, values in row.values.items()
    ]
    for start in range(0, len(shown), SEEDS_IN_A_LINE):
        block = shown[start : start + SEEDS_IN_A_LINE]
        for name, cells in zip(("seed", FIRST, SECOND), zip(*block, strict=True), strict=True):
            widths = [max(map(len, column)) for column in block]
            yield f"        {name:13}" + "  ".join(map(str.rjust, cells, widths))


def _against_zero(difference: Summary) -> str:
    """What a difference over seeds tells of its side, in words."""
    if difference.low is None:
        return f"Whether it is chance is open: an interval needs {MINIMUM_SEEDS} seeds."
    if difference.low <= 0 <= difference.high:
        return f"The 95{THIN}% interval contains zero: either may be better."
    return f"The 95{THIN}% interval leaves zero out."


def _title(side: Side) -> str:
    label = side.settings.label
    named = f", {label}" if label else ""
    return f"{side.arm}{named} (study {side.study.study}, {count(len(side.study.seed), 'seed')})"


def _named(side: Side) -> dict[str, Any]:
    return {"study": side.study.study, "arm": side.arm, "label": side.settings.label}
