"""`tlstudy audit`: tables as programs and people leave them, read as they are meant or refused."""

from pathlib import Path

import pandas as pd
import pytest

from tlstudy.audit.own_runs.reading import read_runs
from tlstudy.storage.errors import UserError

LOSSES = {"epoch": [1, 2, 3], "train_loss": [2.3, 2.0, 1.7], "test_loss": [2.4, 2.2, 2.1]}


def metrics(path: Path, **renamed: str) -> pd.DataFrame:
    [run] = read_runs(path, renamed).runs
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


def test_an_index_that_is_a_column_too(tmp_path):
    path = tmp_path / "runs.parquet"
    pd.DataFrame(LOSSES).set_index("epoch", drop=False).to_parquet(path)
    assert metrics(path)["epoch"].tolist() == [1, 2, 3]


def test_an_index_that_holds_the_epoch(tmp_path):
    path = tmp_path / "runs.parquet"
    pd.DataFrame(LOSSES).set_index("epoch").to_parquet(path)
    assert metrics(path)["train_loss"].tolist() == LOSSES["train_loss"]


def test_a_mistake_is_named_by_its_row_whatever_the_index(tmp_path):
    path = tmp_path / "runs.parquet"
    halves = [pd.DataFrame({"epoch": [1, 2], "train_loss": ["2.3", loss]}) for loss in ("2", "x")]
    pd.concat(halves).to_parquet(path)
    with pytest.raises(UserError, match="train_loss: found 'x' in row 4; must be a number"):
        read_runs(path, {})


def test_a_comma_at_the_end_of_rows_shifts_nothing(tmp_path):
    path = written(tmp_path / "runs.csv", "epoch,train_loss\n1,2.3,\n2,2.0,\n")
    assert metrics(path)["train_loss"].tolist() == [2.3, 2.0]


def test_rows_longer_than_the_header_are_refused_and_not_shifted(tmp_path):
    path = written(tmp_path / "runs.csv", "epoch,train_loss\n1,2.3,7\n2,2.0,7\n")
    with pytest.raises(UserError, match="more fields than the header"):
        read_runs(path, {})


def test_more_test_images_than_there_can_be(tmp_path):
    path = written(tmp_path / "runs.csv", "epoch,train_loss,test_images\n1,2.3,1e20\n")
    with pytest.raises(
        UserError, match=r"test_images: found 1e\+20; must be a whole number from 1"
    ):
        read_runs(path, {})


@pytest.mark.parametrize("text", ["", "epoch,train_loss\n"])
def test_a_table_without_rows(tmp_path, text):
    with pytest.raises(UserError, match=r"runs\.csv: (found no rows|cannot be read)"):
        read_runs(written(tmp_path / "runs.csv", text), {})
