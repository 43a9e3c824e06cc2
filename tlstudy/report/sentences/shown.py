"""What a figure shows, in a few words, for readers who do not see it."""

from collections.abc import Iterator, Mapping, Sequence

from tlstudy.report.figures.drawn import Panel, Series
from tlstudy.report.figures.meanings import HIGH, LOW, MEANS, of_seed
from tlstudy.report.format import join, number

MOST_PANELS, MOST_LINES = 6, 6
FEW_PLACES = 3  # of a series: more are a curve


def in_words(panels: Sequence[Panel]) -> str:
    """The values of a figure: of curves their ends, of points all of them, of a map its range."""
    told = [_panel(panel) for panel in panels[:MOST_PANELS]]
    more = len(panels) - MOST_PANELS
    rest = [f"{more} more panel{'s' * (more > 1)}."] if more > 0 else []
    return " ".join([*filter(None, told), *rest])


def _panel(panel: Panel) -> str:
    lines = [*_lines(panel)]
    lines = lines[:MOST_LINES] + ["and more"] * (len(lines) > MOST_LINES)
    if not lines:
        return ""
    values = next((grid["of"] for grid in panel["grids"]), "") or _axes(panel)[1]
    title = ", ".join(dict.fromkeys(filter(None, (panel["title"], values)))) or "Values"
    return f"{title}: {'; '.join(lines)}."


def _axes(panel: Panel) -> tuple[str, str]:
    """What the axis of the places and that of the values say."""
    upwards = any(isinstance(value, str) for series in panel["series"] for value in series["y"])
    return (panel["y"], panel["x"]) if upwards else (panel["x"], panel["y"])


def _lines(panel: Panel) -> Iterator[str]:
    across = _axes(panel)[0]
    for name, group in _by_name(panel["series"]).items():
        chosen = [series for series in group if series["mark"] in MEANS] or group
        told = (
            _curves(chosen, across)
            if max(len(series["x"]) for series in chosen) > FEW_PLACES
            else _points(chosen)
        )
        yield f"{name} {told}"
    for grid in panel["grids"]:
        found = [value for row in grid["values"] for value in row if value is not None]
        yield f"from {number(min(found))} to {number(max(found))}" if found else "no values"


def _by_name(series: Sequence[Series]) -> Mapping[str, list[Series]]:
    found: dict[str, list[Series]] = {}
    for item in series:
        mark = item["mark"]
        if mark in (LOW, HIGH, "path"):
            continue
        own = "" if mark in MEANS or mark.startswith(of_seed("")) else mark
        found.setdefault(", ".join(filter(None, (item["name"], own))), []).append(item)
    return found


def _curves(chosen: list[Series], across: str) -> str:
    """From the first to the last value; of several seeds the ranges, of those that go so far."""
    longest = max(chosen, key=_reach)
    whole = [series for series in chosen if series["x"][-1] == longest["x"][-1]]
    first, last = [series["y"][0] for series in chosen], [series["y"][-1] for series in whole]
    if not any(any(series["y"]) for series in chosen):
        return "0 throughout"
    unit = f"{across} " * (across == "epoch")
    lost = len(chosen) - len(whole)
    ended = f" ({lost} of {len(chosen)} ended earlier)" * bool(lost)
    end = f"{unit}{_place(longest['x'][-1])}{ended}"
    return f"from {_range(first, 'between')} to {_range(last, 'between')} at {end}"


def _reach(series: Series) -> float:
    end = series["x"][-1]
    return len(series["x"]) if isinstance(end, str) else end


def _points(chosen: list[Series]) -> str:
    """The values at each place: a mean, or the range of the seeds."""
    places: dict[str, list[float]] = {}
    for series in chosen:
        for x, y in zip(series["x"], series["y"], strict=True):
            place, value = (y, x) if isinstance(y, str) else (x, y)
            places.setdefault(_place(place), []).append(value)
    told = {f" ({place})" * bool(place): values for place, values in places.items()}
    return join(f"{_range(values)}{place}" for place, values in told.items())


def _range(values: Sequence[float], between: str = "") -> str:
    """1 to 2, or where it stands in a range itself between 1 and 2."""
    ends = dict.fromkeys(number(value) for value in (min(values), max(values)))
    return f"{between} {' and '.join(ends)}" if between and len(ends) > 1 else " to ".join(ends)


def _place(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
