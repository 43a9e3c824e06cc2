"""Figure and table of features: every arm and stage, with the means of the table of features."""

from functools import cache

import features_study
import numpy as np
from reports import inputs_from

from tlstudy.config.catalogue import figure_names
from tlstudy.config.groups import label_of
from tlstudy.report.figures import draw, style
from tlstudy.report.figures.features import PANELS
from tlstudy.report.format import number
from tlstudy.report.sentences.experiments import FEATURES, features_table


@cache
def study_and_tables():
    study = features_study.make_study()
    return study, features_study.make_tables(study)


def means(arm: str, measure: str) -> np.ndarray:
    rows = study_and_tables()[1]["features"]
    rows = rows[(rows["arm"] == arm) & (rows["measure"] == measure)]
    return rows.groupby("stage", sort=False)["value"].mean().to_numpy()


def test_a_line_for_each_arm_and_measure_by_stage():
    study, tables = study_and_tables()
    assert "features" in figure_names(study)
    with style.look("features"):
        figure = draw(study, "features", tables, 50)
    drawn = [ax for ax in figure.axes if ax.axison]
    for ax, (title, _, lines) in zip(drawn, PANELS, strict=True):
        assert ax.get_title(loc="left").replace("\n", " ") == title
        found = np.array([line.get_ydata() for line in ax.lines])
        expected = np.array([means(arm, measure) for arm in study.arms for measure in lines])
        np.testing.assert_allclose(found, expected)
    colours = {line.get_color() for line in drawn[0].lines}
    assert len(colours) == len(study.arms)


def test_the_table_has_every_measure_arm_and_stage():
    study, tables = study_and_tables()
    table = features_table(inputs_from(study, tables), 50)
    assert len(table.heads) == 1 + len(features_study.STAGES)
    rows = iter(table.rows)
    for measure, title in FEATURES.items():
        assert next(rows) == [title]
        for arm in study.arms:
            label, *cells = next(rows)
            assert label == label_of(study, arm)
            for cell, mean in zip(cells, means(arm, measure), strict=True):
                assert cell.startswith(number(mean, 3))
    assert next(rows, None) is None
