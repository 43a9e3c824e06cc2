"""The ladder and the ledger as tables in a folder, and as the command prints them."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from known import accuracies, make_study
from made_results import filled

from tlstudy.cli import main
from tlstudy.config.tables import AGGREGATED_TABLES, ALL_TABLES
from tlstudy.jobs import paths
from tlstudy.steps.claims import make_claims
from tlstudy.storage.columns import CLAIM_VALUES, CLAIMS, LADDER, schema
from tlstudy.storage.errors import UserError
from tlstudy.storage.files import write_json_atomically
from tlstudy.storage.table_files import write_table

GAPS = 0.3 + np.array([-0.02, 0.01, 0.03, -0.01, 0.0, -0.01])
COMPARED = {"quantity": "balanced_accuracy", "arm": "pretrained-first", "against": "new-first"}
CLAIMED = {
    "C1": {"text": "Pretraining helps.", "effect": 0.1, **COMPARED},
    "C2": {"text": "Later.", "open": "No experiment yet."},
}


@pytest.fixture
def written(tmp_path):
    """A study with its tables on disk, as the step `aggregate` leaves them."""
    study = make_study(CLAIMED, groups=("first",), results=str(tmp_path / "results"))
    found = {"new-first": [0.3] * 6, "pretrained-first": 0.3 + GAPS}
    tables = {
        name: schema(ALL_TABLES[name]).empty_table().to_pandas() for name in AGGREGATED_TABLES
    }
    for name, table in {**tables, "runs": accuracies(study, found)}.items():
        file = paths.tables_folder(study) / f"{name}.parquet"
        write_table(file, schema(ALL_TABLES[name]), filled(table, ALL_TABLES[name]))
    return study


@pytest.mark.parametrize("empty", [False, True])
def test_the_step_writes_tables_of_their_schema(written, empty):
    make_claims(written.model_copy(update={"ladder": [], "claims": {}} if empty else {}))
    tables = [
        pd.read_parquet(paths.tables_folder(written) / f"{name}.parquet")
        for name in ("ladder", "claims", "claim-values")
    ]
    for table, specified in zip(tables, (LADDER, CLAIMS, CLAIM_VALUES), strict=True):
        assert list(table.columns) == list(specified)
        assert table.empty == empty
    if not empty:
        np.testing.assert_allclose(tables[-1]["value"], GAPS)


def test_the_command_prints_the_ladder_and_the_ledger(written, tmp_path):
    configuration = tmp_path / "study.json"
    write_json_atomically(configuration, written.model_dump(mode="json"))
    result = CliRunner().invoke(main, ["claims", "--config", str(configuration)])
    assert result.exit_code == 0
    rung, first, text, because, last, other, why = result.stdout.splitlines()
    assert rung.startswith("first, 50 images: gap +30.0 points")
    assert first.startswith("C1, 50 images: supported, 30 points (95\u202f% interval 28")
    assert first.endswith("6 seeds), claimed: above 10")
    assert [line.strip() for line in (text, other)] == [
        written.claims[name].text for name in ("C1", "C2")
    ]
    assert because.strip() == "The interval lies wholly above the effect size."
    assert (last, why.strip()) == ("C2, 50 images: open", "No experiment yet.")


def test_the_command_lists_quantities_without_a_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["claims", "--quantities"])
    assert result.exit_code == 0
    assert "balanced_accuracy: share" in result.stdout


def test_missing_tables_are_told(written):
    (paths.tables_folder(written) / "encoder.parquet").unlink()
    with pytest.raises(UserError, match=r"encoder.parquet: missing; run `tlstudy aggregate .+`\."):
        make_claims(written)
