"""A study that is not about the slides: what is told of it, and what is left out."""

import dataclasses

import numpy as np
import pytest
import synthetic
from reports import Page, audit_inputs, inputs_of, make_inputs

from tlstudy.audit.alarms import RUN
from tlstudy.config.settings import Arm
from tlstudy.report.figures import captions, curves
from tlstudy.report.inputs import Inputs
from tlstudy.report.page import content, sheets
from tlstudy.report.page.render import render
from tlstudy.report.sentences import alarms, protocol

PAIR = {
    name: arm | {"target": "digits"}
    for name, arm in synthetic.default_arms().items()
    if arm["group"] != "published"
}


def own(**more) -> Inputs:
    inputs = make_inputs(arms=more.pop("arms", PAIR), **more)
    return dataclasses.replace(inputs, contact_sheets=[], landscapes=[])


def with_alarms(inputs: Inputs, runs: int) -> Inputs:
    found = audit_inputs(seeds=1, epochs=2).findings.query("severity == 'warning'").iloc[[0] * runs]
    return dataclasses.replace(
        inputs, findings=found.assign(**{key: inputs.runs[key].to_numpy()[:runs] for key in RUN})
    )


def test_alarms_are_counted_and_not_called_false():
    inputs = with_alarms(own(seeds=3), 2)
    assert alarms.alarms(inputs)["rate"].startswith("2 of 6 runs raised an alarm")
    text = Page(render(inputs)).text
    assert "False alarms" not in text
    assert "other runs" not in text
    assert "False alarms" in alarms.alarms(inputs_of("one seed"))["rate"]


def test_what_the_study_has_not_is_not_explained():
    text = Page(render(own())).text
    for absent in (
        "Ours",
        "softmax",
        "Explained variance",
        "no landscape",
        "never cleared",
        "Hessian",
    ):
        assert absent not in text, absent
    assert "Does a pretrained network learn" in text
    new = {"new": PAIR["new"]}
    text = Page(render(own(arms=new))).text
    for absent in ("Does a pretrained", "no record", "where they differ", "by itself"):
        assert absent not in text, absent


@pytest.mark.parametrize("name", ["results", "loss-new", "gradient-norm"])
def test_an_explanation_says_more_where_there_is_more(name):
    slides, digits = inputs_of("one seed").study, own().study
    assert captions.explained(slides, name).startswith(captions.explained(digits, name))
    assert captions.explained(slides, name) != captions.explained(digits, name)
    assert ("1.461 and 2.461" in captions.explained(slides, name)) == (name == "results")


def test_the_table_of_results_stands_before_the_verdicts():
    inputs = inputs_of("audit")
    study = inputs.study.model_copy(update={"ladder": []})
    text = Page(render(dataclasses.replace(inputs, study=study))).text
    assert text.index("Reported values of networks trained on 50 images") < text.index("31 claims")


@pytest.mark.parametrize(("arms", "shown"), [(PAIR, True), (None, False)])
def test_short_tables_of_all_numbers_of_images_stand_on_top(arms, shown):
    inputs = make_inputs(seeds=2, sizes=(50, 100), arms=arms)
    text = Page(render(inputs)).text
    place = text.index("With 50 training images")
    assert place < text.index("Set-up", place)
    assert ("The same with 100 training images" in text) == shown
    assert [content.size_results(inputs, size)["on_top"] for size in (50, 100)] == [True, shown]


def test_tests_are_on_no_more_images_than_there_are():
    evaluation = {"epoch_images": 100, "final_images": 2000}
    study = own().study
    changed = study.evaluation.model_copy(update=evaluation)
    told = protocol.tests(study.model_copy(update={"evaluation": changed}))
    assert "100 images" in told
    assert "500 images" in told
    assert "2000" not in told


def test_what_is_trained_is_told_of_each_way():
    ways = ["all", "head", "batchnorm", "bias", {"stages": ["layer4"]}]
    ways += [{name: 0.1} for name in ("top_k", "random", "shuffled_top_k")]
    arm = next(iter(own().study.arms.values()))
    told = [
        protocol.trained(Arm.model_validate(arm.model_dump() | {"trained": way})) for way in ways
    ]
    assert len(set(told)) == len(ways)
    assert all("last layer" in words for words in told[1:])


def test_points_are_explained_only_where_there_are_points():
    study = own().study
    metrics = synthetic.make_tables(study)["metrics"]
    every, few = metrics.copy(), metrics.copy()
    every["test_loss_running"] = every["test_loss_recalibrated"] = 1.0
    few["test_loss_recalibrated"] = 1.0
    last = few["epoch"] == few["epoch"].max()
    few["test_loss_running"] = np.where(last, 1.0, np.nan)
    assert curves.single_points_text(study, every) == ""
    assert curves.single_points_text(study, few, list(study.arms)) == ""
    assert "not reported" in curves.single_points_text(study, few)


def test_images_drawn_once_are_not_counted():
    inputs = inputs_of("one seed")
    [sheet, _] = inputs.contact_sheets
    assert "more than once" not in sheets.sheet(inputs.study, sheet).caption
    twice = dataclasses.replace(sheet, subset={**sheet.subset, "duplicates": 2})
    assert "2 images were drawn more than once" in sheets.sheet(inputs.study, twice).caption
