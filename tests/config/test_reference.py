"""The configuration's reference: whole, and not out of date."""

from pydantic import create_model
from study_folder import ROOT

from tlstudy.config import schema
from tlstudy.config.fields import Selection
from tlstudy.config.measurements import measurements
from tlstudy.config.models import MODELS
from tlstudy.config.reference import configuration_reference
from tlstudy.config.settings import Study


def test_the_reference_is_that_of_the_models():
    assert (ROOT / "config" / "README.md").read_text() == configuration_reference(), (
        "tlstudy schema --markdown > config/README.md"
    )


def test_every_model_of_the_configuration_has_its_table():
    whole, models = schema.schema_and_models()
    assert {id(each) for each in whole["$defs"].values()} == {id(each) for each in models.values()}


def test_a_measurement_of_another_package_may_have_a_name_that_is_taken(monkeypatch):
    own = create_model("Evaluation", __base__=Selection)
    more = create_model("Study", __base__=Study, size=(own, own()))
    monkeypatch.setattr(schema, "Study", more)
    monkeypatch.setattr(schema, "measurements", lambda: {**measurements(), "size": None})
    monkeypatch.setitem(MODELS, "size", own)
    models = schema.schema_and_models()[1]
    assert "anyOf" in models["size"]["properties"]["seeds"]
    assert "final_images" in models["evaluation"]["properties"]


def test_keys_are_told_with_default_bounds_and_sweeps_left_aside():
    rows = configuration_reference().splitlines()
    assert any(row.startswith("| `epochs` | `30` | whole number ≥ 1 |") for row in rows)
    assert any(row.startswith("| `seed` | - | whole number ≥ 0, <") for row in rows)
    assert any(row.startswith("| `tune_learning_rate` | `false` | boolean |") for row in rows)
