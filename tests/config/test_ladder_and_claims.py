"""What a ladder and claims may not be: one sentence for each mistake; null removes a claim."""

import copy

import pytest
from configurations import ROOT, changed, message
from jsonschema import Draft202012Validator

from tlstudy.config.given import given_study
from tlstudy.config.schema import configuration_schema
from tlstudy.config.study import build_study

CONTROL = {"quantity": "displacement", "arm": "new", "at_least": 0.1, "says": "it moved"}
CLAIM = {
    "text": "Pretraining helps.",
    "quantity": "balanced_accuracy",
    "arm": "pretrained",
    "against": "new",
    "controls": [CONTROL],
}
ARMS = "new-published, pretrained-published, new, pretrained"


def with_claim(**changes) -> dict:
    return changed("claims", {"C1": {**CLAIM, **changes}})


def with_ladder(*groups: str) -> dict:
    return changed("ladder", [{"group": group} for group in groups])


def test_a_ladder_and_claims_are_read():
    configuration = with_claim(effect=0.1)
    configuration["ladder"] = [{"group": "published"}, {"group": "corrected", "mends": ["F1"]}]
    study = build_study(configuration)
    assert [rung.group for rung in study.ladder] == ["published", "corrected"]
    assert study.claims["C1"].controls[0].at_least == 0.1
    assert build_study(study.model_dump(mode="json")) == study


LADDERS = [
    (
        with_ladder("published", "correct"),
        "ladder.1.group: found 'correct', a group without arms; must be a group of exactly two "
        "arms, one with initialisation random and one with pretrained weights, such as "
        "published, corrected.",
    ),
    (
        with_ladder("corrected", "published", "corrected"),
        "ladder.2.group: found 'corrected', as in ladder.0.group; a group may be on one rung only.",
    ),
    (
        changed("ladder", [{"grup": "published", "group": "published"}]),
        "ladder.0.grup: unknown key; did you mean 'group'? allowed are group, mends, put_back.",
    ),
]


def test_the_encoder_sees_no_more_test_images_than_there_are():
    configuration = changed("encoder", {"seeds": [26], "test_images": 600})
    configuration["evaluation"] = {"epoch_images": 100, "final_images": 500}
    assert message(configuration) == (
        "encoder.test_images: found 600; must be at most evaluation.final_images (500)."
    )


@pytest.mark.parametrize(("configuration", "expected"), LADDERS)
def test_a_wrong_ladder_is_told(configuration, expected):
    assert message(configuration) == expected


@pytest.mark.parametrize(
    ("arm", "settings", "found"),
    [
        ("wide", {}, "with 3 arms: new (random), pretrained (imagenet), wide (random)"),
        ("new", None, "with the arm pretrained (imagenet)"),
        (
            "pretrained",
            {"initialisation": "random"},
            "with 2 arms: new (random), pretrained (random)",
        ),
        (
            "new",
            {"epochs": [10, 20]},
            "with 3 arms: new~epochs=10 (random), new~epochs=20 (random), pretrained (imagenet)",
        ),
    ],
)
def test_a_rung_has_a_new_and_a_pretrained_network(arm, settings, found):
    configuration = with_ladder("corrected")
    arms = configuration["arms"]
    arms[arm] = settings and {**arms.get(arm, {}), **settings, "group": "corrected"}
    if settings == {}:
        arms[arm] = {"group": "corrected"}
    text = message(configuration)
    assert text.startswith(f"ladder.0.group: found 'corrected', a group {found}; must be a group")
    assert len(text.splitlines()) == 1
    assert ("(null, so left out: new)" in text) == (settings is None)


# Changes of the claim, and the beginning of the sentence without "claims.C1.".
CLAIMS = [
    ({"quantity": ""}, "quantity: missing; a claim needs it unless `open` says why it has none."),
    ({"arm": "old"}, f"arm: found 'old'; must be among the study's arms {ARMS}."),
    ({"quantity": "probe.layer9"}, "quantity: found 'probe.layer9'; did you mean 'probe.layer4'?"),
    ({"quantity": "zzz"}, "quantity: found 'zzz'; allowed are balanced_accuracy, "),
    (
        {"against_quantity": "loss"},
        "against_quantity: found 'loss' in nats; must have the unit of 'balanced_accuracy', share.",
    ),
    (
        {"against": "", "against_quantity": "fine-tuned"},
        "against_quantity: found 'fine-tuned'; needs `against` too.",
    ),
    ({"above": 0.5}, "above: found 0.5 beside `against`; must be left out"),
    ({"margin": 0.1, "effect": 0.2}, "margin: found 0.1 beside an effect of 0.2; must be left "),
    ({"against": "pretrained"}, "against: found 'pretrained', the claim's own arm; must be ano"),
    (
        {"quantity": "loss", "against": "new-published"},
        "against: found 'new-published' with head softmax beside 'pretrained' with head logits; ",
    ),
    (
        {"minus": {"arm": "new-published", "against": "old"}},
        f"minus.against: found 'old'; must be among the study's arms {ARMS}.",
    ),
    (
        {"minus": {"arm": "pretrained", "against": "new"}},
        "minus: found the claim's own arms; must be two others.",
    ),
    (
        {"minus": {"arm": "new-published", "against": "new-published"}},
        "minus.against: found 'new-published'; must be another arm.",
    ),
    (
        {"against": "", "minus": {"arm": "pretrained-published", "against": "new-published"}},
        "minus: needs `against` and no `against_quantity`, as one difference between two arms",
    ),
    (
        {"quantity": "loss", "minus": {"arm": "pretrained-published", "against": "new"}},
        "minus.against: found 'new' with head logits beside 'pretrained-published' with head soft",
    ),
    (
        {"minus": {"arm": "new", "against": "new", "agains": ""}},
        "minus.agains: unknown key; did you mean 'against'? allowed are against, arm.",
    ),
    ({"figure": "lader"}, "figure: found 'lader'; allowed are ladder, "),
    ({"txt": ""}, "txt: unknown key; did you mean 'text'? allowed are above, "),
    ({"controls": [CONTROL | {"arm": "old"}]}, "controls.0.arm: found 'old'; must be among "),
    ({"controls": [CONTROL | {"sais": "a"}]}, "controls.0.sais: unknown key; did you mean 'says'"),
]


@pytest.mark.parametrize(("changes", "beginning"), CLAIMS)
def test_a_wrong_claim_is_told(changes, beginning):
    text = message(with_claim(**changes))
    assert text.startswith(f"claims.C1.{beginning}")
    assert len(text.splitlines()) == 1


def test_a_claim_on_a_frozen_stage_needs_the_stage_to_be_measured():
    configuration = with_claim(quantity="frozen.stem")
    configuration["encoder"] = {"frozen_stages": ["layer3", "layer4"]}
    assert message(configuration) == (
        "claims.C1.quantity: found 'frozen.stem'; must be a stage of encoder.frozen_stages "
        "(layer3, layer4)."
    )


def test_a_claim_names_the_arms_of_a_sweep():
    configuration = with_claim(against="new~epochs=10", controls=[])
    configuration["arms"]["new"]["epochs"] = [10, 20]
    assert build_study(configuration).claims["C1"].against == "new~epochs=10"
    configuration["claims"]["C1"]["against"] = "new"
    assert message(configuration) == (
        "claims.C1.against: found 'new', which is a sweep; must be one of its arms "
        "new~epochs=10, new~epochs=20."
    )


def test_an_arm_that_a_later_file_leaves_out_is_told(tmp_path):
    configuration = with_claim()
    configuration["arms"]["new"] = None
    arms = "new-published, pretrained-published, pretrained"
    assert message(configuration).splitlines() == [
        f"claims.C1.{place}: found 'new', which is set to null; must be among the study's arms "
        f"{arms}, or the claim be set to null too."
        for place in ("against", "controls.0.arm")
    ]


def test_null_removes_a_claim(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("claims: {C1: null}")
    files = [ROOT / "config.yaml", ROOT / "studies" / "audit.yaml"]
    whole, less = given_study(files), given_study([*files, overlay])
    assert [*less.claims] == [name for name in whole.claims if name != "C1"]
    configuration = with_claim()
    configuration["claims"]["C2"] = None
    assert [*build_study(configuration).claims] == ["C1"]
    assert not list(Draft202012Validator(configuration_schema()).iter_errors(configuration))
    wrong = copy.deepcopy(configuration)
    wrong["claims"]["C1"]["txt"] = ""
    assert list(Draft202012Validator(configuration_schema()).iter_errors(wrong))
