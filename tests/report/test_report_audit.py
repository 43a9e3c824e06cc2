"""The audit's opening: what it says is what the tables of ladder and findings say."""

import dataclasses
import re

import pytest
from reports import Page, audit_inputs, inputs_of, report_of

from tlstudy.config.catalogue import base_name, figure_names
from tlstudy.config.settings import Evaluation
from tlstudy.data import published
from tlstudy.report import format
from tlstudy.report.inputs import Inputs
from tlstudy.report.page import content
from tlstudy.report.page.render import render
from tlstudy.report.sentences import alarms, how_it_was_run, ladder, protocol, review

PUBLISHED_GAP = 0.6169 - 0.1105


def ladder_of(inputs: Inputs):
    table = inputs.ladder.query("quantity == 'balanced_accuracy' and subset_size == 50")
    return table.set_index(["group", "part"])


def test_the_page_opens_with_what_is_left():
    text = report_of("audit").text
    titles = ["fix by fix", "Verdicts on", "Findings of", "Contradictions in", "The problem"]
    places = [text.index(title, 400) for title in titles]
    assert places == sorted(places)
    first_screen = text[: places[0]]
    assert "a gap of 50.6 points" in first_screen
    assert "31 claims" in first_screen


def test_a_learning_rate_at_the_edge_of_the_candidates_is_told():
    inputs = inputs_of("audit")
    runs = inputs.runs.copy()
    tuned = runs["arm"] == "new-tuned"
    runs.loc[runs["arm"].str.endswith("-tuned"), "learning_rate"] = 0.001
    inside = dataclasses.replace(inputs, runs=runs.copy())
    assert not [text for text in how_it_was_run.warnings(inside) if "candidate" in text]
    runs.loc[tuned & (runs["seed"] < 28), "learning_rate"] = 0.01
    edge = dataclasses.replace(inputs, runs=runs)
    [text] = [text for text in how_it_was_run.warnings(edge) if "candidate" in text]
    assert "New, tuned" in text
    assert "the largest (0.01) in 2 of 5 runs" in text


def test_headlines_are_the_ladder_s_numbers():
    inputs = inputs_of("audit")
    rows = ladder_of(inputs)
    text = " ".join(ladder.headlines(inputs, 50))
    for group in ("published", "recalibrated", "stratified-final", "tuned"):
        gap = rows.loc[(group, "gap")]
        assert format.points(gap["mean"]) in text
        assert f"{format.bare_points(gap['low'])} to {format.bare_points(gap['high'])}" in text
    share = rows.loc[("recalibrated", "gap"), "mean"] / PUBLISHED_GAP
    assert "With 5 flaws mended (\u201crecalibrated\u201d)" in text
    assert f"{100 * share:.0f}\u202f% of the published gap" in text
    assert ladder.published_gap() == pytest.approx(PUBLISHED_GAP)


def test_the_fix_that_changed_the_gap_most_is_named():
    inputs = inputs_of("audit")
    steps = ladder_of(inputs).xs("step", level="part")
    largest = steps["mean"].abs().idxmax()
    rung = next(rung for rung in inputs.study.ladder if rung.group == largest)
    [line] = [line for line in ladder.headlines(inputs, 50) if line.startswith("Largest")]
    assert f"by {', '.join(rung.mends)}:" in line
    assert format.points(steps.loc[largest, "mean"]) in line


def with_gap(inputs: Inputs, group: str, low: float, high: float) -> Inputs:
    table = inputs.ladder.copy()
    rows = (table["group"] == group) & (table["part"] == "gap")
    table.loc[rows, ["mean", "low", "high"]] = [(low + high) / 2, low, high]
    return dataclasses.replace(inputs, ladder=table)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.2, "lies above zero"),
        (-0.2, -0.1, "lies below zero"),
        (-0.1, 0.2, "contains zero"),
    ],
)
def test_what_pretraining_is_worth_follows_from_the_last_interval(low, high, expected):
    inputs = with_gap(inputs_of("audit"), "tuned", low, high)
    assert expected in " ".join(ladder.headlines(inputs, 50))


def test_one_seed_has_no_interval_and_says_so():
    text = " ".join(ladder.headlines(inputs_of("audit, one seed, two sizes"), 50))
    assert "An interval needs 5 seeds" in text
    for absent in ("bootstrap interval", "of the published gap"):
        assert absent not in text


def shown_rungs(inputs: Inputs) -> dict[str, list]:
    """Rows of the ladder's table by group, without the slides'."""
    rows = ladder.ladder_table(inputs, 50).rows[1:]
    return dict(zip((rung.group for rung in inputs.study.ladder), rows, strict=True))


def test_what_running_statistics_hide_is_told():
    inputs = inputs_of("audit")
    last = inputs.metrics.query("epoch == epoch.max() and subset_size == 50").set_index("arm")
    column = last["test_balanced_accuracy_recalibrated"]
    rows = shown_rungs(inputs)
    for group in ("trained", "logits", "normalised"):
        assert f"{format.percent(column[f'new-{group}'].mean())} (" in rows[group][3].last
    assert rows["published"][3].last == ""  # never trained: there is nothing to hide
    assert rows["tuned"][3].last == ""
    few = shown_rungs(inputs_of("audit, one seed, two sizes"))
    assert not any(row[3].last for row in few.values())


def test_the_test_images_of_the_rungs_are_told_and_compared_on_the_same_ones():
    inputs, few, many = inputs_of("audit"), 100, 500
    final = inputs.runs["reported_epoch"] == "final"
    runs = inputs.runs.assign(reported_test_images=final.map({True: many, False: few}))
    inputs = dataclasses.replace(inputs, runs=runs)
    rows = shown_rungs(inputs)
    assert "; 100 test images" in rows["published"][0].note
    assert "; 500 test images" in rows["tuned"][0].note
    last = inputs.metrics.query("epoch == epoch.max() and subset_size == 50").set_index("arm")
    column = last["test_balanced_accuracy_recalibrated"]
    gap = column["pretrained-final"].mean() - column["new-final"].mean()
    first = rows["stratified-final"][1].last
    assert first.startswith(f"on the first 100 test images: {format.bare_points(gap)}")
    assert rows["published"][1].last == ""
    deviation = 100 * (0.6 * 0.4 / few) ** 0.5
    assert f"{few} test images would move" in ladder.spread_of_images(inputs, 50)
    assert f"by {deviation:.1f}\u202fpoints" in ladder.spread_of_images(inputs, 50)


def test_a_rung_without_a_common_seed_has_no_gap():
    inputs = audit_inputs(seeds=1, diverged={("new-tuned", 26)}, epochs=2)
    assert "no seed in which both networks finished" in " ".join(ladder.headlines(inputs, 50))
    assert Page(render(inputs)).errors == []


def test_the_ladder_s_table_holds_the_table_of_the_ladder():
    inputs = inputs_of("audit")
    rows = ladder_of(inputs)
    slides = [cell.text for cell in ladder.ladder_table(inputs, 50).rows[0]]
    assert slides[:5] == ["Slides", "+50.6", "", "11.05\u202f%", "61.69\u202f%"]
    for rung in inputs.study.ladder:
        head, gap, step, new, pretrained = shown_rungs(inputs)[rung.group]
        assert gap.text == format.bare_points(rows.loc[(rung.group, "gap"), "mean"])
        assert new.text == format.percent(rows.loc[(rung.group, "new"), "mean"])
        assert pretrained.text == format.percent(rows.loc[(rung.group, "pretrained"), "mean"])
        assert "5 seeds" in gap.note
        assert all(flaw in head.note for flaw in rung.mends if flaw.startswith("F"))
        if rung.mends:
            assert step.text == format.bare_points(rows.loc[(rung.group, "step"), "mean"])
            assert step.text in report_of("audit").text


def test_studies_without_ladder_and_claims_keep_their_opening():
    text = report_of("one seed").text
    assert text.index("Balanced accuracy") < text.index("The problem")
    for absent in ("fix by fix", "Contradictions in the published", "Slides, new network"):
        assert absent not in text
    # Findings of runs are shown without the slides' too.
    table = audit_inputs(seeds=1, epochs=2).findings
    names = {"new-final": "new", "new-trained": "new"}
    inputs = dataclasses.replace(inputs_of("one seed"), findings=table.replace({"arm": names}))
    shown = alarms.alarms(inputs)
    assert len(shown["others"]) == 2
    assert ("New, as published, 1 of 1 run, here n = 50, seed 26") in (
        where for alarm in shown["published"] for where, _ in alarm["sightings"]
    )


def test_the_review_keeps_to_the_rungs_that_figures_show():
    inputs = inputs_of("audit")
    text = " ".join(answer for _, answers in review.review(inputs, 50) for answer in answers)
    assert "\u201cNew, as published\u201d" in text
    assert "\u201cNew, normalised\u201d" not in text
    table = content.size_results(inputs, 50)["seed_table"]
    assert table.heads[0] == "Arm"
    assert len(table.rows) == len(inputs.study.arms)


def test_figures_of_the_other_rungs_are_folded_in_under_theirs():
    ids = [attributes.get("id") for _, attributes in report_of("audit").elements]
    others = [name for name in figure_names(inputs_of("audit").study) if name != base_name(name)]
    assert others
    for name in others:
        assert ids.index(f"n50-figure-{name}") > ids.index(f"n50-figure-{base_name(name)}")


def test_values_after_the_last_epoch_only_are_not_said_to_be_of_every_epoch():
    text = report_of("audit").text
    assert re.search(r"After the last epoch the network is tested on 10\s000 images, with", text)
    assert "After each epoch the network is tested on" in report_of("one seed").text


def test_tests_are_said_to_be_with_the_statistics_that_are_evaluated():
    study = inputs_of("one seed").study
    evaluation = Evaluation(epoch_images=100, final_images=10_000)
    study = study.model_copy(update={"evaluation": evaluation})
    told = protocol.tests(study)
    assert "100 images, with the BatchNorm statistics that its arm reports" in told
    assert "twice" not in told
    assert "100 images are tested with the other statistics too" in told
    evaluation = evaluation.model_copy(update={"statistics": "both"})
    both = protocol.tests(study.model_copy(update={"evaluation": evaluation}))
    assert "twice" in both
    assert "the other statistics" not in both


def test_contradictions_are_computed_from_the_published_series():
    text = report_of("audit").text
    curve = published.balanced_accuracy().query("model == 'pretrained' and split == 'test'")
    for shown in (
        f"{100 * curve['balanced_accuracy'].max():.2f} %",
        "65.54 %",
        "3.85 points",
        "log-log slope 0.995",
        "29.98",
        "4 zeros among the 29 angles",
        "4.48\u00b0",
    ):
        assert shown in text, shown
