"""The audit's ledger, findings and measurements: what is told is what their tables say."""

import dataclasses

import pytest
from reports import audit_inputs, inputs_of, make_inputs, report_of

from tlstudy.audit.published import findings_on_published
from tlstudy.audit.quantities import values_of
from tlstudy.report import format
from tlstudy.report.page import content
from tlstudy.report.sentences import alarms, experiments, ledger, review


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
