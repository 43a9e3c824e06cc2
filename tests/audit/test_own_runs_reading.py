"""`tlstudy audit`: tables as programs and people leave them, read as they are meant or refused."""

from pathlib import Path

import pandas as pd
import pytest

from tlstudy.audit.own_runs.reading import Options, read_runs
from tlstudy.storage.errors import UserError

LOSSES = {"epoch": [1, 2, 3], "train_loss": [2.3, 2.0, 1.7], "test_loss": [2.4, 2.2, 2.1]}


def metrics(path: Path, **renamed: str) -> pd.DataFrame:
    [run] = read_runs(path, Options(renamed)).runs
    return run.metrics


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_can_change_places(tmp_path):
    path = tmp_path / "runs.csv"
    pd.DataFrame(LOSSES).to_csv(path, index=False)
    frame = metrics(path, train_loss="test_loss", test_loss="train_loss")
    assert frame["train_loss"].tolist() == LOSSES["test_loss"]
    assert frame["test_loss_running"].tolist() == LOSSES["train_loss"]


def test_a_column_that_is_another_here_gives_way(tmp_path):
    path = tmp_path / "runs.csv"
    steps = {"epoch": [64, 128, 192], "step": [1, 2, 3], "train_loss": [2.3, 2.0, 1.7]}
    pd.DataFrame(steps).to_csv(path, index=False)
    assert metrics(path, epoch="step")["epoch"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("drop", [True, False])
def test_an_index_that_holds_the_epoch(tmp_path, drop):
    path = tmp_path / "runs.parquet"
    pd.DataFrame(LOSSES).set_index("epoch", drop=drop).to_parquet(path)
    assert metrics(path)["epoch"].tolist() == [1, 2, 3]
    assert metrics(path)["train_loss"].tolist() == LOSSES["train_loss"]


@pytest.mark.parametrize(
    ("losses", "found"), [(["2.3", "2", "2.3", "x"], "'x' in row 4"), ([[1.0, 2.0]], "row 1")]
)
def test_a_mistake_is_named_by_its_row_whatever_the_index(tmp_path, losses, found):
    path = tmp_path / "runs.parquet"
    frame = pd.DataFrame({"epoch": range(1, len(losses) + 1), "train_loss": losses})
    frame.set_axis([0, 1] * (len(losses) // 2) or [0]).to_parquet(path)
    with pytest.raises(UserError, match=f"train_loss: found .*{found}; must be a number"):
        read_runs(path)


def test_a_comma_at_the_end_of_rows_shifts_nothing(tmp_path):
    path = written(tmp_path / "runs.csv", "epoch,train_loss\n1,2.3,\n2,2.0,\n")
    assert metrics(path)["train_loss"].tolist() == [2.3, 2.0]
