"""The configuration's reference: whole, and not out of date."""

from study_folder import ROOT

from tlstudy.config.reference import SECTIONS, configuration_reference
from tlstudy.config.schema import configuration_schema


def test_the_reference_is_that_of_the_models():
    assert (ROOT / "config" / "README.md").read_text() == configuration_reference(), (
        "tlstudy schema --markdown > config/README.md"
    )


def test_every_model_of_the_configuration_has_its_table():
    assert set(SECTIONS.values()) == set(configuration_schema()["$defs"])


def test_keys_are_told_with_default_bounds_and_sweeps_left_aside():
    rows = configuration_reference().splitlines()
    assert any(row.startswith("| `epochs` | `30` | whole number ≥ 1 |") for row in rows)
    assert any(row.startswith("| `seed` | - | whole number ≥ 0, <") for row in rows)
    assert any(row.startswith("| `tune_learning_rate` | `false` | boolean |") for row in rows)
