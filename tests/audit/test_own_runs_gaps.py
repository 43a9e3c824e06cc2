"""Cells that programs filled, and text that older programs wrote."""

import pytest
from log_files import read_runs, values, written


@pytest.mark.parametrize("filled", ["NaN", "nan", ""])
def test_gaps_filled_with_nan_are_gaps(tmp_path, filled):
    """Rows of steps, of validation and of the epoch, as Lightning has them, through pandas."""
    rows = []
    for epoch in range(5):
        for step in range(3):
            rows.append((epoch, 3 * epoch + step, 2 - 0.3 * epoch, "", "", ""))
        rows.append((epoch, 3 * epoch + 2, "", "", 2.1 - 0.2 * epoch, 0.1 * epoch))
        rows.append((epoch, 3 * epoch + 2, "", 2 - 0.3 * epoch, "", ""))
    names = ["epoch", "step", "train_loss_step", "train_loss_epoch", "val_loss", "val_acc"]
    lines = [",".join(str(cell) if cell != "" else filled for cell in row) for row in rows]
    source = read_runs(written(tmp_path / "metrics.csv", "\n".join([",".join(names), *lines])))
    [run] = source.runs
    assert run.not_finite == {}
    assert values(source, "train_loss") == pytest.approx([2 - 0.3 * epoch for epoch in range(5)])
    assert values(source, "test_loss") == pytest.approx([2.1 - 0.2 * epoch for epoch in range(5)])


def test_a_loss_that_is_nan_to_the_end_of_its_last_epoch_diverged(tmp_path):
    rows = [f"{step // 4},{step},{'nan' if step >= 18 else 2 - step / 20}" for step in range(20)]
    [run] = read_runs(written(tmp_path / "steps.csv", "\n".join(["epoch,step,loss", *rows]))).runs
    assert run.not_finite == {"train_loss": [5]}


def test_windows_encoding_and_decimal_commas_with_per_cent(tmp_path):
    text = "Epoche;loss;Prüf_acc;val_acc\n0;2,1;x;10,2 %\n1;1,9;x;20,4 %\n2;1,5;x;30,6 %\n"
    source = read_runs(written(tmp_path / "german.csv", text.encode("cp1252")))
    assert values(source, "train_loss") == [2.1, 1.9, 1.5]
    assert values(source, "test_accuracy") == pytest.approx([0.102, 0.204, 0.306])
    assert any("Windows-1252" in note for note in source.notes)


@pytest.mark.parametrize("layout", ["train_acc", "lr", "grad_norm"])
def test_other_values_in_rows_of_their_own_leave_gaps_too(tmp_path, layout):
    rows = [
        row
        for epoch in range(4)
        for row in (f"{epoch},NaN,0.{epoch + 1}", f"{epoch},{2 - 0.3 * epoch},NaN")
    ]
    text = "\n".join([f"epoch,train_loss,{layout}", *rows])
    [run] = read_runs(written(tmp_path / "metrics.csv", text)).runs
    assert run.not_finite == {}
    assert run.metrics["train_loss"].notna().all()


def test_a_loss_that_turns_to_nan_beside_an_accuracy_diverged(tmp_path):
    """One epoch, evaluated often: accuracies are finite to the end."""
    rows = [f"1,{100 * i},{'nan' if i > 2 else 2.3 - i / 10},0.{i}" for i in range(1, 9)]
    text = "\n".join(["epoch,step,train_loss,val_acc", *rows])
    [run] = read_runs(written(tmp_path / "metrics.csv", text)).runs
    assert len(run.not_finite["train_loss"]) == 6
