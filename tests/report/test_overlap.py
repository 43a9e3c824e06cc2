"""Figure and table of the gap against destroyed local structure."""

import numpy as np
import pytest
from overlap_study import GAPS, SIZE, make_study, make_tables
from reports import inputs_from

from tlstudy.audit.overlap import SCORES
from tlstudy.audit.overlap import overlap_table as values_of_sweeps
from tlstudy.report.figures import draw, style
from tlstudy.report.page.figures import figure
from tlstudy.report.sentences.overlap import overlap_table

MNIST, DIGITS = GAPS


def drawn(study, tables):
    with style.look("overlap"):
        found = draw(study, "overlap", tables, SIZE)
        found.draw_without_rendering()
    return found


@pytest.mark.parametrize("seeds", [1, 6])
def test_a_line_for_each_kind_of_images_and_a_point_for_each_seed(seeds):
    study = make_study(seeds)
    tables = make_tables(study)
    found = drawn(study, tables)
    [ax] = found.axes
    legend = [text.get_text() for text in found.legends[0].get_texts()]
    assert legend == [MNIST, DIGITS]
    assert ax.get_xscale() == "log"
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert ticks == ["1 (intact)", "2", "4", "8", "14", "28"]
    points = [line for line in ax.lines if line.get_marker() == "."]
    heights = np.concatenate([line.get_ydata() for line in points])
    table = values_of_sweeps(study, tables, SIZE)
    np.testing.assert_allclose(np.sort(heights), np.sort(100 * table["gap"]))
    joined = {len(line.get_xdata()) for line in ax.lines if line.get_marker() in ("D", "o")}
    assert joined == ({3, 5} if seeds > 1 else set())


def test_without_a_gap_it_says_so():
    study = make_study()
    tables = make_tables(study)
    tables["runs"] = tables["runs"].assign(status="diverged")
    [ax] = drawn(study, tables).axes
    assert ax.texts[0].get_text() == "no pair of runs has a gap"


def test_the_table_has_gaps_slope_and_correlations():
    study = make_study()
    inputs = make_inputs(study)
    table = overlap_table(inputs, SIZE)
    assert table.heads == ["Measure", MNIST, DIGITS, "All images"]
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["Gap on whole images"][0].startswith("+40.0\u202fpoints (+40.0 to +40.0)")
    assert rows["Gap with 28 x 28 blocks"][1:] == ["\u2013", "\u2013"]
    assert rows["Gap with 8 x 8 blocks"][0] == "\u2013"
    change = rows["Change of the gap with each doubling of the blocks along a side"]
    assert change[0].startswith("\u2212")
    assert change[2] == "\u2013"
    probe = rows["Rank correlation of the gap with: linear probe before training"]
    assert probe == ["1.0 (1.0 to 1.0)"] * 3
    similarity = f"Rank correlation of the gap with: {SCORES['similarity']}"
    assert rows[similarity] == ["without a value"] * 3


def test_the_page_shows_the_figure_with_its_table():
    shown = figure(make_inputs(make_study()), SIZE, "overlap")
    assert shown.numbers.heads[-1] == "All images"
    assert "local structure" in shown.caption


def make_inputs(study):
    tables = make_tables(study)
    tables["layers"] = tables["metrics"]
    return inputs_from(study, {**tables, "landscapes": []})
