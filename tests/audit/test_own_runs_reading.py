"""`tlstudy audit`: tables as programs and people leave them, read as they are meant or refused."""

from pathlib import Path

import pandas as pd
import pytest
from log_files import read_runs

from tlstudy.audit.own_runs.reading import Options
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


def test_model_and_fold_together_tell_runs_apart(tmp_path):
    rows = [
        f"{model},{fold},{epoch},{2 / epoch}"
        for model in ("small", "large")
        for fold in (0, 1, 2)
        for epoch in (1, 2, 3)
    ]
    path = written(tmp_path / "runs.csv", "\n".join(["model,fold,epoch,loss", *rows]))
    source = read_runs(path)
    assert [run.arm for run in source.runs][:2] == ["small, fold 0", "small, fold 1"]
    assert [len(run.metrics) for run in source.runs] == [3] * 6
    assert source.columns["run"] == "model + fold"
    assert source.unread == []
    path = written(tmp_path / "seeds.csv", path.read_text().replace("fold", "seed"))
    assert {(run.arm, run.seed) for run in read_runs(path).runs} >= {("small", 0), ("large", 2)}


def test_a_run_has_its_seeds_apart(tmp_path):
    rows = [f"resnet,{seed},{epoch},{seed + 2 / epoch}" for seed in (1, 2) for epoch in (1, 2, 3)]
    path = written(tmp_path / "runs.csv", "\n".join(["run,seed,epoch,train_loss", *rows]))
    assert [(run.arm, run.seed, len(run.metrics)) for run in read_runs(path).runs] == [
        ("resnet", 1, 3),
        ("resnet", 2, 3),
    ]
    for seeds in (["s1"] * 3, ["1", "2", "3"]):  # a name; another for each epoch
        rows = [f"resnet,{seed},{epoch},1.5" for epoch, seed in enumerate(seeds, 1)]
        path.write_text("\n".join(["run,seed,epoch,train_loss", *rows]))
        assert [(run.arm, len(run.metrics)) for run in read_runs(path).runs] == [("resnet", 3)]


@pytest.mark.parametrize("scale", [1, 100])
def test_an_accuracy_that_was_rounded_above_all_is_all(tmp_path, scale):
    cells = [scale * value for value in (0.9, 1.0000001192, 1.0)]
    rows = [f"{epoch},{2 - epoch / 3},{cell}" for epoch, cell in enumerate(cells, 1)]
    path = written(tmp_path / "runs.csv", "\n".join(["epoch,train_loss,train_accuracy", *rows]))
    assert metrics(path)["train_accuracy"].tolist() == [0.9, 1.0, 1.0]


def test_an_error_is_1_less_the_accuracy(tmp_path):
    path = written(tmp_path / "x.csv", "epoch,loss,val_err\n1,2,0.5\n2,1,0.25\n")
    assert metrics(path)["test_accuracy_running"].tolist() == [0.5, 0.75]
