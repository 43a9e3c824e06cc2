"""Tables are read for the settings that they were made with."""

import json

import pytest

from tlstudy.config.ledger import Claim
from tlstudy.config.settings import Evaluation, Laboratory
from tlstudy.config.study import finished_study
from tlstudy.jobs import paths
from tlstudy.jobs.study_files import keep_study
from tlstudy.jobs.tables import read_table
from tlstudy.storage.errors import UserError


def with_arm(study, **changes):
    arm = study.arms["new"].model_copy(update=changes)
    return {"arms": {**study.arms, "new": arm}}


CHANGES = {
    "arms.new.epochs was 2 and is 60": lambda study: with_arm(study, epochs=60),
    "arms.new was set and is not there": lambda study: {"arms": {"pretrained": study.arms["new"]}},
    "seed was [26] and is [26, 27]": lambda _: {"seed": [26, 27]},
    "subset_size was [10] and is [20]": lambda _: {"subset_size": [20]},
    "evaluation.final_images was 10 and is 20": lambda _: {
        "evaluation": Evaluation(epoch_images=10, final_images=20)
    },
    'laboratory.experiments was [] and is ["relu"]': lambda _: {
        "laboratory": Laboratory(experiments=["relu"])
    },
}


@pytest.mark.parametrize("told", CHANGES)
def test_tables_of_other_settings_are_refused(moved, told):
    made = finished_study(moved)
    study = made.model_copy(update=CHANGES[told](made))
    with pytest.raises(UserError) as caught:
        read_table(study, "runs")
    assert f"({told}); go on with `snakemake" in caught.value.message
    assert f"or give {moved} in place of the study file" in caught.value.message
    keep_study(study)  # as a call of Snakemake that was stopped leaves it
    with pytest.raises(UserError) as caught:
        read_table(finished_study(moved), "runs")
    assert f"({told})" in caught.value.message
    assert "in place of the study file" not in caught.value.message


def test_other_weights_and_claims_are_told(moved):
    made = finished_study(moved)
    name = next(arm.initialisation for arm in made.arms.values() if arm.initialisation != "random")
    study = made.model_copy(update={"weights": {**made.weights, name: ["IMAGENET1K_V1"]}})
    with pytest.raises(UserError, match="weights was"):
        read_table(study, "runs")
    assert len(read_table(made, "claims")) == len(made.claims)
    claim = Claim(text="Another", open="no arm")
    with pytest.raises(UserError, match="claim another was judged as another one, or not at all"):
        read_table(made.model_copy(update={"claims": {"another": claim}}), "claims")


def test_names_for_readers_and_the_order_of_lists_may_differ(moved):
    made = finished_study(moved)
    named = {"title": "Another", "claims": {}, **with_arm(made, label="Another", group="another")}
    assert len(read_table(made.model_copy(update=named), "runs")) == 2


def test_tables_of_versions_that_left_no_settings_are_read(moved):
    made = finished_study(moved)
    file = paths.provenance_file(made, "aggregate")
    record = json.loads(file.read_text())
    del record["study"]
    file.write_text(json.dumps(record))
    assert len(read_table(made.model_copy(update={"seed": [1]}), "runs")) == 2
