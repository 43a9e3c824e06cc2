"""Numbers, lists and means with their intervals in words."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imports SciPy's statistics, for which no call of Snakemake should wait
    from tlstudy.audit.statistics import Summary

MINUS = "\u2212"
THIN = "\u202f"  # narrow no-break space: a number and its unit stay on one line
MISSING = "\u2013"
POINTS = f"{THIN}points"
SUPERSCRIPTS = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)


def is_number(value: object) -> bool:
    """True for finite numbers; anything else is shown as a dash."""
    return isinstance(value, int | float) and math.isfinite(value)


def signed(text: str) -> str:
    """A formatted number with a true minus sign."""
    return text.replace("-", MINUS)


def percent(share: float) -> str:
    """0.61694 becomes 61.7 %."""
    return signed(f"{100 * share:.1f}{THIN}%") if is_number(share) else MISSING


def points(difference: float) -> str:
    """A difference of two shares in percentage points, always with its sign."""
    return bare_points(difference) + (POINTS if is_number(difference) else "")


def degrees(angle: float) -> str:
    """4.49\u00b0."""
    return f"{number(angle)}\u00b0"


def bare_points(difference: float) -> str:
    """A difference of two shares in percentage points, without the unit.

    One that would be written as 0 has a digit more, so that it can be seen on which side it lies.
    """
    if not is_number(difference):
        return MISSING
    text = f"{100 * difference:+.1f}"
    if difference and not float(text):
        text = f"{100 * difference:+.2f}"
    return signed(text) if float(text) else "0.0"


def loss(value: float, sign: bool = False) -> str:
    """Four significant digits from 1 up, three below: 1.835, 0.703, 0.00301."""
    return number(value, 4 if is_number(value) and abs(value) >= 1 else 3, sign)


def number(value: float, digits: int = 3, sign: bool = False) -> str:
    """Significant digits; powers of ten below a thousandth and from a hundred thousand."""
    if not is_number(value):
        return MISSING
    plus = "+" if sign and value > 0 else ""
    if value == 0:
        return "0"
    # Rounding first: 9.9999 has two digits before the point.
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if -4 < exponent < 5:
        decimals = max(digits - 1 - exponent, 0)
        return plus + signed(f"{value:.{decimals}f}")
    mantissa = value / 10.0**exponent
    power = str(exponent).translate(SUPERSCRIPTS)
    return plus + signed(f"{mantissa:.{digits - 1}f}") + f"{THIN}\u00d7{THIN}10{power}"


def whole(value: float) -> str:
    """A count with thin spaces between the thousands from 10,000 on."""
    count = int(value)
    return f"{count:,}".replace(",", THIN) if abs(count) >= 10_000 else str(count)


def duration(seconds: float) -> str:
    """3.2 s, 2 min 22 s, 12 min or 1 h 47 min."""
    if not is_number(seconds):
        return MISSING
    if seconds < 60:
        return f"{seconds:.{0 if seconds >= 10 else 1}f}{THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 10:
        return f"{minutes}{THIN}min" + (f" {rest}{THIN}s" if rest else "")
    minutes = round(seconds / 60)
    return (
        f"{minutes}{THIN}min" if minutes < 60 else f"{minutes // 60}{THIN}h {minutes % 60}{THIN}min"
    )


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """1 seed, 10 seeds."""
    return f"{whole(amount)} {noun if amount == 1 else plural or noun + 's'}"


def join(items: Iterable[str], last: str = "and") -> str:
    """a, b and c."""
    parts = list(items)
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def quoted(text: str) -> str:
    """The text in quotation marks."""
    return f"\u201c{text}\u201d"


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def seeds(values: Sequence[int]) -> str:
    """26, or 26 to 35 for an unbroken row."""
    ordered = sorted(values)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]} to {ordered[-1]}"
    return join(str(seed) for seed in ordered)


@dataclass(frozen=True)
class Cell:
    """A value with what stands under it in small print.

    Attributes:
        last: a second line of small print.
    """

    text: str
    note: str = ""
    last: str = ""


def place(item: "Summary", value: float = 0) -> str:
    """Where an interval lies beside a value."""
    if item.low > value:
        return "lies above"
    return "lies below" if item.high < value else "contains"


def summary_cell(item: "Summary", shown: Callable[[float], str], unit: str = "") -> Cell:
    """A value with its interval and number of seeds below it: as much as the seeds allow."""
    if item.n == 0:
        return Cell(MISSING, "no value")
    value, interval, seeds = item.parts(shown, unit)
    return Cell(value, "; ".join(filter(None, (interval, seeds))))
