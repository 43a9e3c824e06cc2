"""Numbers in words."""

import pytest

from tlstudy.report import format


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format.percent(0.61694), "61.7\u202f%"),
        (format.percent(float("nan")), "\u2013"),
        (format.points(-0.034), "\u22123.4\u202fpoints"),
        (format.loss(2.30251), "2.303"),
        (format.loss(0.0030141), "0.00301"),
        (format.number(3.6e-7), "3.60\u202f\u00d7\u202f10\u207b\u2077"),
        (format.number(9.9999), "10.0"),
        (format.number(0), "0"),
        (format.duration(6420), "1\u202fh 47\u202fmin"),
        (format.duration(3599.9), "1\u202fh 0\u202fmin"),
        (format.duration(142), "2\u202fmin 22\u202fs"),
        (format.duration(3.21), "3.2\u202fs"),
        (format.join(["a", "b", "c"]), "a, b and c"),
        (format.seeds([26, 27, 28]), "26 to 28"),
        (format.seeds([26, 28]), "26 and 28"),
        (format.whole(60000), "60\u202f000"),
        (format.count(1, "seed"), "1 seed"),
    ],
)
def test_numbers_read_well(text, expected):
    assert text == expected


@pytest.mark.parametrize(
    ("difference", "told"),
    [(0.0004, "+0.04"), (-0.0004, "\u22120.04"), (-1e-6, "0.0"), (0, "0.0"), (0.0006, "+0.1")],
)
def test_an_end_beside_zero_is_seen_to_lie_there(difference, told):
    assert format.bare_points(difference) == told
