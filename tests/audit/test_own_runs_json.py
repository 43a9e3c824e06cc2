"""JSON with bare nan and inf, lines that are damaged, and lists of different lengths."""

import json
import math

import pytest
from log_files import EPOCHS, LOSS, read_runs, values, written

from tlstudy.storage.errors import UserError


@pytest.mark.parametrize(
    ("nan", "inf", "minus"), [("nan", "inf", "-inf"), ("NaN", "Infinity", "-Infinity"),
                              ("-nan(ind)", "INF", "-inf")]
)  # fmt: skip
def test_json_with_bare_nan_and_inf(tmp_path, nan, inf, minus):
    cells = [1.5, nan, inf, minus]
    text = "".join(f'{{"run": "a, nan", "epoch": {e}, "loss": {c}}}\n' for e, c in enumerate(cells))
    for number, content in enumerate((text, f"[{','.join(text.splitlines())}]")):
        [run] = read_runs(written(tmp_path / f"{number}.json", content)).runs
        assert run.arm == "a, nan"
        assert run.metrics["train_loss"].tolist() == pytest.approx(
            [1.5, math.nan, math.inf, -math.inf], nan_ok=True
        )
        assert run.not_finite == {"train_loss": [2]}


def test_a_line_of_json_that_is_cut_off_is_told_at_the_end_and_refused_before(tmp_path):
    text = "".join(json.dumps({"loss": LOSS[epoch], "epoch": epoch}) + "\n" for epoch in EPOCHS)
    cut = read_runs(written(tmp_path / "cut.jsonl", text + '{"epoch": 6, "lo'))
    assert "line 7, the last one, is cut off and left out" in cut.notes
    with pytest.raises(UserError, match="line 3 is no JSON object"):
        read_runs(written(tmp_path / "damaged.jsonl", text.replace('"epoch": 2}', '"epo')))


@pytest.mark.parametrize(
    ("lengths", "number", "told"),
    [
        ({"loss": 30, "val_loss": 29}, 29, "the last value of loss is left out: it has 30"),
        ({"loss": 30, "acc": 30, "val_loss": 29, "val_acc": 29}, 29, "the last value of acc"),
        ({"loss": 31, "lr": 2}, 31, "lr is left out: it has 2 values, others 31"),
        ({"loss": 30, "lr": 2}, 30, "lr is left out: it has 2 values, others 30"),
        ({"loss": 31, "val_loss": 4}, 31, "val_loss is left out: it has 4 values, others 31"),
        ({"loss": 60, "acc": 60, "val_loss": 6}, 6, "joined to 6 epochs"),
        # Which value of a test list is of which epoch is not known: one may be from before.
        ({"loss": 10, "val_loss": 11}, 10, "val_loss is left out: it has 11 values, others 10"),
        ({"loss": 2, "val_loss": 1}, 1, "the last value of loss is left out: it has 2"),
    ],
)
def test_lists_of_different_lengths_leave_the_train_loss(tmp_path, lengths, number, told):
    text = json.dumps({name: list(range(1, 1 + length)) for name, length in lengths.items()})
    source = read_runs(written(tmp_path / "history.json", text))
    assert len(values(source, "train_loss")) == number
    assert any(told in note for note in source.notes)
