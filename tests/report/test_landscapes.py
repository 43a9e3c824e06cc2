"""What a landscape shows: where it is cut off, and how high its path lies."""

import numpy as np

from tlstudy.report.figures import landscapes


def test_landscapes_are_cut_at_a_multiple_of_guessing():
    axis = np.linspace(-1, 1, 3)
    high = landscapes.Plane(axis, np.array([[1.0, 50, 2], [2, 1, 2], [2, 2, np.nan]]), None, "")
    limits = landscapes.shared_limits([high], np.log(10))
    assert limits == (1.0, landscapes.HIGHEST * np.log(10))
    assert "the largest loss is 50" in landscapes.cut_text([high], limits)
    low = landscapes.Plane(axis, np.full((3, 3), 2.0), None, "")
    assert landscapes.cut_text([low], landscapes.shared_limits([low], np.log(10))) == ""


def test_path_lies_on_the_surface():
    """Rows of the loss are the second direction: a transposed surface would put it elsewhere."""
    axis = np.linspace(-2, 2, 5)
    x, y = np.meshgrid(axis, axis)
    plane = landscapes.Plane(axis, 10 * x + y, np.array([[1.0, 2.0], [-2, 0.5], [9, 9]]), "")
    heights = landscapes.path_heights(plane, plane.loss)
    np.testing.assert_allclose(heights, [12, -19.5, np.nan])
