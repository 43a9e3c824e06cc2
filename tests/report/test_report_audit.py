"""The audit's opening: what it says is what the tables of ladder, ledger and findings say."""

import dataclasses
import re

import pytest
from reports import Page, audit_inputs, inputs_of, make_inputs, report_of

from tlstudy.audit.published import findings_on_published
from tlstudy.audit.quantities import values_of
from tlstudy.config.catalogue import base_name, figure_names
from tlstudy.config.settings import Evaluation
from tlstudy.data import published
from tlstudy.report import format
from tlstudy.report.inputs import Inputs
from tlstudy.report.page import content
from tlstudy.report.page.render import render
from tlstudy.report.sentences import (
    alarms,
    experiments,
    how_it_was_run,
    ladder,
    ledger,
    protocol,
    review,
)

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


def test_every_claim_is_in_the_ledger_with_its_verdict():
    inputs, text = inputs_of("audit"), report_of("audit").text
    entries = {entry["name"]: entry for entry in ledger.entries(inputs, 50)}
    assert list(entries) == list(inputs.study.claims)
    for row in inputs.claims.to_dict("records"):
        entry = entries[row["claim"]]
        assert entry["verdict"] == row["verdict"]
        assert row["text"] in text
        factor, unit = (100, "points") if row["unit"] == "share" else (1, row["unit"])
        if row["verdict"] != "open":
            assert (
                format.signed(f"{factor * row['effect']:g}") in entry["decides"]
                or row["effect"] == 0
            )
            assert unit in entry["value"].text
    assert set(inputs.claims["verdict"]) <= set(ledger.SIGNS) == set(ledger.MEANINGS)
    because = " ".join(entries["C1-as-published"]["because"].split())
    # A failed control is told before the value that it voids.
    assert text.index(because) < text.index("Without that control it would read")


def test_claims_link_to_the_figure_that_shows_their_arm():
    inputs = inputs_of("audit")
    rows = {row["claim"]: row for row in inputs.claims.to_dict("records")}
    links = {name: ledger.figure_link(inputs, 50, row) for name, row in rows.items()}
    assert links["C1"] == "n50-figure-balanced-accuracy"
    assert links["C5"] == "n50-figure-gradient-norm-other-rungs"  # its arm is on another rung
    assert links["C6"] == "n50-figure-reuse"
    assert links["C7"] == ""
    bare = dataclasses.replace(inputs, figures={})
    assert ledger.figure_link(bare, 50, rows["C1"]) == ""


@pytest.mark.parametrize("names", [["C1"], ["C1", "C2"]])
def test_verdicts_together_are_told_of_all_tests_at_all_sizes(names):
    """They are judged so, with one claim as well."""
    inputs = audit_inputs(sizes=(50, 100))
    claims = inputs.claims[inputs.claims["claim"].isin(names)]
    # Each holds alone and none with the others: 0.04 times 2 is above 0.05.
    claims = claims.assign(verdict="supported", verdict_by_holm="inconclusive")
    inputs = dataclasses.replace(inputs, claims=claims)
    audits = [content.size_results(inputs, size)["audit"] for size in (50, 100)]
    for audit in audits:
        assert f"the {2 * len(names)} tests (with 2 numbers of training images)" in audit["holm"]
        assert audit["holm"].endswith(f"{2 * len(names)} verdicts would change.")
        assert {entry["holm"] for entry in audit["entries"]} == {
            "Judged together with the other tests (Holm): inconclusive."
        }


def test_the_tally_counts_every_claim():
    claims = inputs_of("audit").claims
    tally = ledger.tally(claims, "here")
    assert tally.startswith(f"{len(claims)} claims here: ")
    for verdict, amount in claims["verdict"].value_counts().items():
        assert f"{amount} {verdict}" in tally


def test_sentinels_on_the_slides_and_on_runs_of_their_protocol_stand_together():
    found = alarms.alarms(inputs_of("audit"))
    published = {alarm["name"]: alarm for alarm in found["published"]}
    names = {name.lower().replace(" ", "-") for name in published}
    assert {finding.sentinel.lower() for finding in findings_on_published()} <= names
    assert [where for where, _ in published["Gradients add up"]["sightings"]] == [
        "Slides, new network",
        "New, as published, 5 of 5 runs, here n = 50, seed 26",
    ]
    order = [alarms.SEVERITIES.index(alarm["severity"]) for alarm in found["published"]]
    assert order == sorted(order)
    assert {alarm["name"] for alarm in found["others"]} == {
        "Test accuracy of guessing",
        "Uneven classes",
    }


def test_false_alarms_are_counted_on_sound_runs_only():
    # Sound are both networks of the last two rungs and the pretrained one beside an untrained new
    # one, five seeds each, which share no runs here; one of them has a warning.
    sentence = alarms.rate_sentence(inputs_of("audit"))
    assert "of 25 runs" in sentence
    assert "test accuracy of guessing (1)" in sentence
    assert "4.0\u202f%" in sentence


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


def test_encoder_and_curvature_are_told_with_their_numbers():
    inputs = inputs_of("audit")
    table = inputs.encoder.set_index(["arm", "measure", "stage"])["test_balanced_accuracy"]
    mean = table.loc["pretrained-final", "probe", "layer4"].mean()
    shown = experiments.encoder_table(inputs, 50)
    assert len(shown.rows) == 5 + 5 + 1 + 7
    assert any(format.percent(mean) in cell for row in shown.rows for cell in row)
    [eigenvalues, rises, _] = experiments.curvature_table(inputs, 50).rows
    assert "5 seeds" in eigenvalues[1]
    assert "range of 4 seeds" in rises[2]
    empty = make_inputs()
    assert experiments.encoder_table(empty, 50) is None
    assert experiments.curvature_table(empty, 50) is None
    assert experiments.convergence(empty, 50) == ""
    assert "not tested" not in " ".join(review.review(inputs, 50)[1][1])
    assert "not tested" in " ".join(review.review(empty, 50)[1][1])


def test_reuse_is_told_with_its_numbers():
    inputs = inputs_of("audit")
    table = experiments.reuse_table(inputs, 50)
    new, pretrained = zip(*(row[1:] for row in table.rows), strict=True)
    assert pretrained[0].startswith("0.9")
    assert pretrained[1] == "0.9200"
    for place, way in ((4, "training"), (5, "gradient-descent")):
        quantity = f"log2_drift_excess.{way}"
        values = values_of({"runs": inputs.runs, "reuse": inputs.reuse}, quantity)
        factor = 2 ** values["pretrained-final"].mean()
        assert pretrained[place].startswith(f"{format.number(factor, 2)} (95\u202f% interval")
    assert new[6] == "0 of 5"
    assert "in 30 steps" in table.rows[6][0]
    assert new[7] == "30.0\u202f% to 30.0\u202f%"
    assert experiments.reuse_table(make_inputs(), 50) is None
    assert experiments.about_reuse(make_inputs(), 50) == ""
    lost = inputs.reuse["measure"].str.contains("gradient|explicit")
    lost &= (inputs.reuse["arm"] == "new-final") & (inputs.reuse["seed"] > 26)
    fewer = experiments.reuse_table(dataclasses.replace(inputs, reuse=inputs.reuse[~lost]), 50)
    assert fewer.rows[6][1] == "4 of 5"


def test_eigenvalues_that_did_not_converge_are_told():
    inputs = inputs_of("audit")
    curvature = inputs.curvature.assign(residual=0.005, normalised_residual=0.005)
    curvature.loc[curvature.index[0], "residual"] = 0.25
    text = experiments.convergence(dataclasses.replace(inputs, curvature=curvature), 50)
    assert f"in {2 * len(curvature) - 1} of {2 * len(curvature)} cases" in text
    assert format.percent(0.25) in text


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


def test_verdicts_say_what_they_leave_open():
    inputs = inputs_of("audit")
    raw = inputs.study.claims["C4"].model_copy(update={"quantity": "log2_hessian_eigenvalue.final"})
    study = inputs.study.model_copy(update={"claims": inputs.study.claims | {"C4": raw}})
    found = ledger.entries(dataclasses.replace(inputs, study=study), 50)
    entries = {entry["name"]: entry["because"] for entry in found}
    for name, because in entries.items():
        assert ("raw eigenvalue" in because) == (name == "C4"), name
        assert ("A probe of the pixels" in because) == (name == "C2"), name


def test_curvature_at_the_end_is_told_with_its_train_losses():
    inputs = inputs_of("audit")
    table = inputs.curvature.copy()
    table.loc[table["arm"] == "pretrained-final", "train_loss"] /= 8
    inputs = dataclasses.replace(inputs, curvature=table)
    ends = inputs.curvature.query("point == 'final' and subset_size == 50").groupby("arm")
    losses = ends["train_loss"].mean()
    told = " and ".join(format.number(losses[arm], 2) for arm in ("pretrained-final", "new-final"))
    for entry in ledger.entries(inputs, 50):
        assert (f"({told} nats on average)" in entry["because"]) == (entry["name"] == "C4")


def test_curvature_at_the_end_names_only_a_claim_that_is_there():
    inputs = inputs_of("audit")
    final = inputs.study.claims["C4"]
    matched = {"quantity": final.quantity.replace("final", "matched")}
    others = {"C4": final, "same": final.model_copy(update=matched)}
    for claims, there in (({"C4": final}, False), (others, True)):
        study = inputs.study.model_copy(update={"claims": claims})
        table = inputs.claims[inputs.claims["claim"] == "C4"]
        found = dataclasses.replace(inputs, study=study, claims=table)
        [entry] = ledger.entries(found, 50)
        assert ("see the claim at the same train loss" in entry["because"]) == there
    alike = dataclasses.replace(found, curvature=inputs.curvature.assign(train_loss=0.1))
    assert "these end at 0.10 nats on average: see" in ledger.entries(alike, 50)[0]["because"]
