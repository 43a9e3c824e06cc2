"""Words of a user's go from the configuration to figures and page as they are, or are refused."""

import json

import pytest
import synthetic
from configurations import changed, message
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import make_inputs

from tlstudy.config.fields import UNPRINTABLE
from tlstudy.config.yaml_files import read_content
from tlstudy.report.figures import draw, style
from tlstudy.report.page.render import render
from tlstudy.storage.files import json_bytes

ODD = "x\U0001f600 $a$ 5 $ \\alpha_{1}^2 <b>&amp; `id` $(touch here); \u05d0 %s {{x}} \u200b"
PRINTABLE = st.text(st.characters(blacklist_categories=UNPRINTABLE), max_size=30)


@pytest.fixture(scope="module")
def study():
    arms = synthetic.default_arms()
    arms["new"]["label"] = ODD
    return synthetic.make_study(arms, seeds=6)


@settings(max_examples=60, deadline=None)
@given(PRINTABLE)
def test_settings_of_jobs_are_read_back_as_they_were(tmp_path_factory, words):
    file = tmp_path_factory.mktemp("settings") / "study.json"
    file.write_bytes(json_bytes({"label": words}))
    assert read_content(file).settings["label"] == words
    assert json.loads(file.read_text(encoding="utf-8"))["label"] == words


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\ud800"])
def test_characters_that_no_report_can_hold_are_refused_by_name(character):
    told = message(changed("arms.new.label", f"ab{character}c"))
    assert f"U+{ord(character):04X} at place 3" in told


@pytest.mark.parametrize("name", ["results", "loss-new"])
def test_figures_draw_a_label_as_it_is(study, name):
    tables = synthetic.make_tables(study)
    with style.look(name):
        figure = draw(study, name, tables, study.subset_size[0])
        figure.draw_without_rendering()
    every = figure.findobj(lambda each: hasattr(each, "get_text"))
    shown = "".join(text.get_text().replace("\n", " ") for text in every)
    assert r"\$a\$" in shown  # escaped, which matplotlib draws as dollar signs


def test_the_page_holds_a_label_as_text():
    arms = synthetic.default_arms()
    arms["new"]["label"] = ODD
    page = render(make_inputs(arms=arms))
    assert "&lt;b&gt;&amp;amp; `id`" in page
    assert "<b>&amp; `id`" not in page
