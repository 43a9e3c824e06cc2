"""Which arms of a study are compared."""

from synthetic import make_study, sweep_arms

from tlstudy.config.groups import pairs_of, reference_arms
from tlstudy.config.study import build_study


def test_pairs_are_of_groups_with_one_new_and_one_pretrained_arm():
    study = make_study()
    pairs = {
        "published": ("new-published", "pretrained-published"),
        "corrected": ("new", "pretrained"),
    }
    assert pairs_of(study, study.arms) == pairs
    assert pairs_of(study, [*pairs["corrected"], "new-published"]) == {
        "corrected": pairs["corrected"]
    }
    turned = study.model_copy(update={"arms": dict(reversed(study.arms.items()))})
    assert pairs_of(turned, study.arms) == pairs
    swept = make_study(arms=sweep_arms())
    assert pairs_of(swept, swept.arms) == {}


def test_references_are_the_groups_first_arms():
    assert reference_arms(make_study()) == {
        "pretrained-published": "new-published",
        "pretrained": "new",
    }


def test_swept_arms_are_compared_with_the_arm_swept_to_the_same_values():
    rates = {"optimiser": {"learning_rate": [0.001, 0.01]}}
    configuration = {
        "study": "swept",
        "seed": 1,
        "weights": {"imagenet": ["he2015"]},
        "arms": {
            "new": {"initialisation": "random", **rates},
            "pretrained": {"initialisation": "imagenet", **rates},
            "wide": {"initialisation": "random", "image_size": [96, 160]},
        },
    }
    assert reference_arms(build_study(configuration)) == {
        "pretrained~learning_rate=0.001": "new~learning_rate=0.001",
        "pretrained~learning_rate=0.01": "new~learning_rate=0.01",
        "wide~image_size=96": "new~learning_rate=0.001",
        "wide~image_size=160": "new~learning_rate=0.001",
    }
