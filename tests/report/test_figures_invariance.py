"""Figures and table of invariance: what they show is what the tables say."""

from functools import cache

import invariance_study
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from reports import inputs_from

from tlstudy.audit.quantities import values_of
from tlstudy.audit.transfer_index import transfer_index
from tlstudy.config.architectures import RESNET_STAGES
from tlstudy.config.catalogue import figure_names
from tlstudy.config.exposures import exposed_arms
from tlstudy.report.figures import draw, invariance, style
from tlstudy.report.figures.drawn import panels_of
from tlstudy.report.format import number, percent
from tlstudy.report.sentences.invariance import about_index, invariance_table


@cache
def study_and_tables(seeds: int = 5):
    study = invariance_study.make_study(seeds)
    return study, invariance_study.make_tables(study)


def drawn(name: str, seeds: int = 5):
    study, tables = study_and_tables(seeds)
    with style.look(name):
        figure = draw(study, name, tables, 50)
        figure.draw_without_rendering()
    return figure


def values(name: str, arm: str) -> np.ndarray:
    return values_of(study_and_tables()[1], name)[arm].to_numpy()


def test_the_study_has_both_networks_with_every_exposure():
    study, _ = study_and_tables()
    assert exposed_arms(study) == [
        {exposure: f"{kind}-{exposure}" for exposure in ("none", "half", "all")}
        for kind in ("new", "pretrained")
    ]
    assert {"invariance-transfer", "invariance-stages"} <= set(figure_names(study))
    fewer = {name: arm for name, arm in study.arms.items() if not name.endswith("-half")}
    names = figure_names(study.model_copy(update={"arms": fewer}))
    assert "invariance-transfer" not in names
    assert "invariance-stages" in names


def test_accuracy_on_turned_images_by_what_was_shown():
    panels = drawn("invariance-transfer").axes
    for ax, which in zip(panels, ("unseen", "seen"), strict=True):
        for kind, colour in (("new", style.NEW), ("pretrained", style.PRETRAINED)):
            (line,) = [
                line
                for line in ax.lines
                if to_hex(line.get_color()) == colour and len(line.get_xdata()) == 3
            ]
            arms = (f"{kind}-{exposure}" for exposure in ("none", "half", "all"))
            expected = [100 * values(f"accuracy_turned.{which}", arm).mean() for arm in arms]
            assert line.get_ydata() == pytest.approx(expected)
    assert "turns of\nother classes" in [text.get_text() for text in panels[0].get_xticklabels()]


def test_sensitivity_by_stage_before_and_after():
    _, tables = study_and_tables()
    figure = drawn("invariance-stages")
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    assert len(titles) == len(invariance.GROUPS) == 7
    assert "Turn by right angles (not in ImageNet)" in titles
    rows = tables["invariance"].query(
        "measure == 'sensitivity' and arm == 'pretrained-none' and group == 'shift'"
    )
    ax = figure.axes[titles.index("Shift (in ImageNet)")]
    lines = {
        line.get_linestyle(): line.get_ydata()
        for line in ax.lines
        if to_hex(line.get_color()) == style.PRETRAINED
    }
    for point, look in (("start", "--"), ("end", "-")):
        means = rows[rows["point"] == point].groupby("stage", sort=False)["value"].mean()
        assert list(means.index) == list(RESNET_STAGES)
        assert lines[look] == pytest.approx(means.to_numpy())


def test_few_seeds_are_lines_of_their_own_and_nothing_measured_is_said():
    figure = drawn("invariance-stages", seeds=3)
    assert len([ln for ln in figure.axes[0].lines if to_hex(ln.get_color()) == style.NEW]) == 6
    study, tables = study_and_tables()
    empty = tables | {"invariance": tables["invariance"][:0]}
    for name in ("invariance-transfer", "invariance-stages"):
        words = " ".join(text.get_text() for text in draw(study, name, empty, 50).findobj(Text))
        assert "measured" in words


def test_the_table_has_the_transfer_index_of_each_network():
    study, tables = study_and_tables()
    inputs = inputs_from(study, tables)
    table = invariance_table(inputs, 50)
    rows = {row[0]: row[1:] for row in table.rows}
    assert len(rows) == 8 + 2
    upright = values("accuracy_upright", "pretrained-half").mean()
    assert rows["Pretrained, half turned"][0].startswith(percent(upright))
    for kind in ("new", "pretrained"):
        arms = (f"{kind}-{exposure}" for exposure in ("none", "half", "all"))
        found = transfer_index(*(values("accuracy_turned.unseen", arm) for arm in arms))
        (told,) = rows[f"Transfer index: {kind.capitalize()}, half turned"]
        assert told.startswith(f"{number(found.value, 2)} (95")
        assert f"{number(found.low, 2)} to {number(found.high, 2)} over 5 seeds" in told
        # Of made-up values it is known.
        assert found.value == pytest.approx(invariance_study.INDEX[kind == "new"], abs=0.05)
    assert "Fieller" in about_index(inputs, 50)


def test_a_gain_too_small_is_said_in_the_table():
    study, tables = study_and_tables()
    turned = tables["invariance"]
    nothing = turned.assign(value=turned["value"].where(turned["measure"] != "accuracy", 0.5))
    table = invariance_table(inputs_from(study, tables | {"invariance": nothing}), 50)
    assert all(row[1].startswith("Not testable: turning all classes") for row in table.rows[-2:])
    assert invariance_table(inputs_from(study, tables | {"invariance": turned[:0]}), 50) is None


def test_claims_are_judged_from_these_tables():
    claims = study_and_tables()[1]["claims"].set_index("claim")
    assert claims.loc["I1-new", "verdict"] == "contradicted"
    assert claims.loc["I1-pretrained", "mean"] == pytest.approx(0.14, abs=0.02)
    assert not claims["verdict"].eq("not testable").any()
    assert pd.notna(claims["mean"]).all()


def test_several_networks_of_a_kind_have_their_own_names():
    study, tables = study_and_tables()
    tables, arms = dict(tables), dict(study.arms)
    for name, arm in study.arms.items():
        if name.startswith("new-"):
            settings = {"architecture": "resnet18", "label": f"Small, {name}"}
            arms[f"small-{name}"] = arm.model_copy(update=settings)
            for key in ("invariance", "runs"):
                rows = tables[key].query("arm == @name").assign(arm=f"small-{name}")
                tables[key] = pd.concat([tables[key], rows])
    study = study.model_copy(update={"arms": arms})
    with style.look("invariance-transfer"):
        figure = draw(study, "invariance-transfer", tables, 50)
        figure.draw_without_rendering()
        panels = panels_of(figure)
    assert {series["name"] for series in panels[0]["series"]} >= {
        study.arms["new-none"].label,
        "Small, new-none",
        "pretrained",
    }
