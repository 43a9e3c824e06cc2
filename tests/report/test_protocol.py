"""Ways of training in the report's tables of arms."""

import pytest
from reports import make_inputs

from tlstudy.config.study import build_study
from tlstudy.report.page.render import render
from tlstudy.report.sentences.protocol import differences, shared


def study(**arms):
    return build_study({"study": "own", "seed": 26, "arms": arms})


def test_ways_of_training_stand_in_the_table_of_differences():
    table = differences(
        study(
            usual={},
            other={
                "optimiser": {"name": "adamw", "learning_rate": 0.01},
                "schedule": {"name": "step", "every": 5, "warm_up": 1},
                "gradient_clip": 2,
                "label_smoothing": 0.1,
                "weight_average": 0.99,
                "augmentation": ["rotation", {"name": "quarter-turn", "classes": [0, 3]}],
                "early_stopping": {"patience": 3},
            },
        )
    )
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows == {
        "Optimiser": ["Adam, learning rate 0.001", "AdamW, learning rate 0.01"],
        "Schedule": [
            "the same at every step",
            "times 0.1 every 5 epochs, after a rise over 1 epoch",
        ],
        "Gradient norm, at most": ["any", "2"],
        "Label smoothing": ["0", "0.1"],
        "Weights tested": [
            "those of the last step",
            "exponential averages over the steps, decay 0.99",
        ],
        "Training images changed": [
            "no",
            "rotation, degrees 15; quarter turn, angles 0 or 90 or 180 or 270, classes 0 and 3 "
            "only",
        ],
        "Training images held out": [
            "none",
            "20.0\u202f%, until 3 epochs without a lower loss",
        ],
        "Epoch reported": ["last", "best on held-out training images"],
    }


def test_what_no_arm_changes_is_not_told():
    told = dict(shared(study(usual={})))
    assert "Label smoothing" not in told
    assert told["Optimiser"] == "Adam, learning rate 0.001"
    assert dict(shared(study(one={"label_smoothing": 0.1})))["Label smoothing"] == "0.1"


@pytest.mark.parametrize("trained", ["all", "head"])
def test_the_page_says_that_no_layer_is_held_only_where_none_is(trained):
    inputs = make_inputs(arms={"usual": {}, "other": {"trained": trained}})
    assert ("No layer is held fixed" in render(inputs)) == (trained == "all")


def test_one_epoch_is_not_written_in_the_plural():
    one = {"name": "step", "every": 1, "factor": 0.5, "warm_up": 1}
    arm = {"schedule": one, "early_stopping": {"patience": 1}}
    told = dict(shared(study(one=arm)))
    assert told["Schedule"] == "times 0.5 every epoch, after a rise over 1 epoch"
    assert told["Training images held out"].endswith("until 1 epoch without a lower loss")
