"""One made file for each format and for each habit of writing epochs, read without options."""

import gzip
import json
import math

import numpy as np
import pandas as pd
import pytest
from log_files import (
    ACCURACY,
    EPOCHS,
    LOSS,
    TEST_LOSS,
    read_all,
    read_runs,
    rounded,
    table,
    values,
    written,
)

from tlstudy.audit.own_runs.reading import Options
from tlstudy.storage.errors import UserError


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


KERAS = table("epoch,accuracy,loss,val_loss", EPOCHS, ACCURACY, LOSS, TEST_LOSS)
MMENGINE = [
    row
    for epoch in EPOCHS
    for row in (
        {"lr": 0.1, "grad_norm": 2, "loss": LOSS[epoch] + 0.1, "epoch": epoch + 1, "step": 1},
        {"lr": 0.1, "grad_norm": 3, "loss": LOSS[epoch] - 0.1, "epoch": epoch + 1, "step": 50},
        {"accuracy/top1": 100 * ACCURACY[epoch], "accuracy/top5": 99, "step": epoch + 1},
    )
]
MMCV = [{"env_info": "linux", "seed": 0, "mmcv_version": "1.4.0"}] + [
    row
    for epoch in EPOCHS
    for row in (
        {"mode": "train", "epoch": epoch + 1, "iter": 50, "lr": 0.1, "loss": LOSS[epoch]},
        {"mode": "val", "epoch": epoch + 1, "iter": 7, "accuracy_top-1": 100 * ACCURACY[epoch]},
    )
]
DEIT = [
    {"train_lr": 0.1, "train_loss": LOSS[e], "test_loss": TEST_LOSS[e], "epoch": e}
    | {"test_acc1": 100 * ACCURACY[e], "test_acc5": 99.0, "n_parameters": 5717416}
    for e in EPOCHS
]
HISTORY = {"loss": LOSS, "accuracy": ACCURACY, "val_loss": TEST_LOSS, "lr": [0.1] * 6}
TRAINER = [
    row
    for epoch in EPOCHS
    for row in (
        {"loss": LOSS[epoch] + 0.1, "grad_norm": 2.0, "epoch": epoch + 0.5, "step": 10 * epoch + 5},
        {
            "loss": LOSS[epoch] - 0.1,
            "grad_norm": 3.0,
            "epoch": epoch + 1.0,
            "step": 10 * epoch + 10,
        },
        {"eval_loss": TEST_LOSS[epoch], "eval_accuracy": ACCURACY[epoch], "eval_runtime": 1.0}
        | {"epoch": epoch + 1.0, "step": 10 * epoch + 10},
    )
] + [{"train_loss": 0.4, "train_runtime": 99.0, "total_flos": 1e15, "epoch": 6.0, "step": 60}]
LIGHTNING = "epoch,step,train_acc_epoch,train_loss_epoch,train_loss_step,val_loss\n" + "".join(
    f"{e},{20 * e + 9},,,9,\n{e},{20 * e + 19},,,,{TEST_LOSS[e]}\n"
    f"{e},{20 * e + 19},{ACCURACY[e]},{LOSS[e]},,\n"
    for e in EPOCHS
)
LONG = "epoch,split,metric,value\n" + "".join(
    f"{epoch},{split},{metric},{numbers[epoch]}\n"
    for split, metric, numbers in (
        ("train", "loss", LOSS),
        ("train", "accuracy", ACCURACY),
        ("valid", "loss", TEST_LOSS),
    )
    for epoch in EPOCHS
)
PHASES = "epoch,phase,loss,acc\n" + "".join(
    f"{e},{phase},{loss[e]},{ACCURACY[e]}\n"
    for e in EPOCHS
    for phase, loss in (("train", LOSS), ("val", TEST_LOSS))
)
CLASSES_OF_BOXES = (
    "  epoch,  train/box_loss,  train/cls_loss,  val/box_loss,  val/cls_loss,  x/mAP50(B)"
)

TEXTS = {
    "tabs.tsv": table("epoch,train loss,val loss", EPOCHS, LOSS, TEST_LOSS, separator="\t"),
    "commas.csv": table("Epoch,TrainLoss,ValLoss", EPOCHS, LOSS, TEST_LOSS, separator=";").replace(
        ".", ","
    ),
    "blanks.txt": table("epoch,train_loss,test_loss", EPOCHS, LOSS, TEST_LOSS, separator="   "),
    "card.md": "| Training Loss | Epoch | Step | Validation Loss |\n|:---:|:---:|:---:|:---:|\n"
    + "".join(f"| {LOSS[e]} | {e + 1}.0 | {50 * e} | {TEST_LOSS[e]} |\n" for e in EPOCHS),
    "numpy.txt": "# " + table("epoch,loss,val_loss", EPOCHS, LOSS, TEST_LOSS, separator=" "),
    "comments.txt": "# one\n\nepoch,tr_loss,va_loss\n# two\n"
    + table("0,1,1.5", EPOCHS[1:], LOSS[1:], TEST_LOSS[1:]),
    "keras.log": KERAS,
    "packed.csv.gz": gzip.compress(KERAS.encode()),
    "mark.csv": KERAS.encode("utf-8-sig"),
    "utf16.csv": KERAS.encode("utf-16"),
    "no-suffix": KERAS,
    "twice.csv": KERAS.replace("1,0.55", "epoch,accuracy,loss,val_loss\n1,0.55"),
    "history.json": json.dumps(HISTORY),
    "history-of-pandas.json": pd.DataFrame(HISTORY).to_json(),
    "history-with-parameters.json": json.dumps({"params": {"epochs": 6}, "history": HISTORY}),
    "with-steps.json": json.dumps(
        {"classes": ["a"] * 99, "train_losses": np.repeat(LOSS, 4).tolist(), "val_loss": TEST_LOSS}
        | {"lr": [0.1] * 7}
    ),
    "parts.json": json.dumps({"train": {"loss": LOSS}, "val": {"loss": TEST_LOSS}}),
    "records.json": json.dumps(
        [{"epoch": e, "train": {"loss": LOSS[e]}, "val": {"loss": TEST_LOSS[e]}} for e in EPOCHS]
    ),
    "by-epoch.json": json.dumps({e: {"loss": LOSS[e], "val_loss": TEST_LOSS[e]} for e in EPOCHS}),
    "trainer_state.json": json.dumps({"epoch": 6.0, "log_history": TRAINER}),
    "history-of-trainer.csv": pd.DataFrame(TRAINER).to_csv(),
    "log.txt": lines(DEIT),
    "cut-off.jsonl": lines(DEIT) + '{"train_lr": 0.1, "trai',
    "lightning.csv": LIGHTNING,
    "fastai.csv": table("epoch,train_loss,valid_loss,time", EPOCHS, LOSS, TEST_LOSS, ["00:10"] * 6),
    "summary.csv": table("epoch,train_loss,eval_loss", EPOCHS, LOSS, TEST_LOSS),
    "boxes.csv": table(CLASSES_OF_BOXES, EPOCHS, [7] * 6, LOSS, [8] * 6, TEST_LOSS, ACCURACY),
    "long.csv": LONG,
    "phases.csv": PHASES,
    "words.csv": table("epoch,loss,val_loss", [f"{e + 1}/6" for e in EPOCHS], LOSS, TEST_LOSS),
    "newest-first.csv": table("epoch,loss,val_loss", EPOCHS[::-1], LOSS[::-1], TEST_LOSS[::-1]),
    "tensors.csv": table(
        "epoch,loss,val_loss",
        EPOCHS,
        [f"\"tensor({loss}, device='cuda:0')\"" for loss in LOSS],
        TEST_LOSS,
    ),
    "footer.csv": table("epoch,loss,val_loss", EPOCHS, LOSS, TEST_LOSS) + "best,0.1,0.1\n",
    "glued.csv": table("trainloss,valloss", LOSS, TEST_LOSS),
    "parts.csv": table("train - loss,val - loss", LOSS, TEST_LOSS),
    "swapped.csv": table("Loss/validation,Loss/train", TEST_LOSS, LOSS),
    "grid.csv": table("run - loss,run - val_loss,run - loss__MIN", LOSS, TEST_LOSS, [0] * 6),
}


@pytest.mark.parametrize("name", TEXTS)
def test_losses_of_train_and_validation(tmp_path, name):
    source = read_runs(written(tmp_path / name, TEXTS[name]))
    assert len(source.runs) == 1
    assert values(source, "epoch") == list(range(1, 7))
    assert values(source, "train_loss") == rounded(LOSS)
    assert values(source, "test_loss") == rounded(TEST_LOSS)


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("keras.log", "train_accuracy", "accuracy"),
        ("lightning.csv", "train_accuracy", "train_acc_epoch"),
        ("log.txt", "test_accuracy", "test_acc1"),
        ("phases.csv", "test_accuracy", "val/acc"),
        ("long.csv", "train_accuracy", "train/accuracy"),
        ("trainer_state.json", "test_accuracy", "eval_accuracy"),
    ],
)
def test_accuracies(tmp_path, name, ours, theirs):
    source = read_runs(written(tmp_path / name, TEXTS[name]))
    assert source.columns[ours] == theirs
    assert values(source, ours) == rounded(ACCURACY)


@pytest.mark.parametrize(("name", "rows"), [("scalars.json", MMENGINE), ("x.log.json", MMCV)])
def test_validation_rows_between_those_of_the_training(tmp_path, name, rows):
    source = read_runs(written(tmp_path / name, lines(rows)))
    assert values(source, "train_loss") == rounded(LOSS)
    assert values(source, "test_accuracy") == rounded(ACCURACY)


def test_steps_take_the_place_of_epochs(tmp_path):
    rows = []
    for step in range(1, 61):
        rows.append(
            {"iteration": 20 * step - 1, "total_loss": 1 / step, "loss_cls": 0.1, "lr": 0.1}
        )
        if step % 10 == 0:
            rows.append({"iteration": 20 * step - 1, "validation_loss": 2 / step, "bbox/AP": 1})
    source = read_runs(written(tmp_path / "metrics.json", lines(rows)))
    assert values(source, "epoch") == [200 * epoch - 1 for epoch in range(1, 7)]
    means = [np.mean([1 / step for step in range(10 * e + 1, 10 * e + 11)]) for e in EPOCHS]
    assert values(source, "train_loss") == rounded(means)
    assert values(source, "test_loss") == rounded([0.2 / (epoch + 1) for epoch in EPOCHS])


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        (table("epoch,loss", [1, 2, 3, 1, 2], [3, 2, 1, 3, 2]), {"x #1": 3, "x #2": 2}),
        (table("model,epoch,loss", ["a", "b"] * 3, [1, 1, 2, 2, 3, 3], [1] * 6), {"a": 3, "b": 3}),
        (table("fold,epoch,loss", [0, 0, 1, 1], [1, 2, 1, 2], [1] * 4), {"fold 0": 2, "fold 1": 2}),
        (
            table(
                '"Step","a-1 - loss","a-1 - loss__MAX","b - loss"',
                [0, 9, 18],
                *[[3, 2, 1]] * 2,
                [3, 2, ""],
            ),
            {"a-1": 3, "b": 2},
        ),
        (json.dumps({"one": {"loss": LOSS}, "two": {"loss": LOSS[:4]}}), {"one": 6, "two": 4}),
        (table("seed,epoch,loss", [1, 1, 2], [1, 2, 1], [1] * 3), {"x, seed 1": 2, "x, seed 2": 1}),
        (json.dumps([{"loss": LOSS}, {"loss": LOSS[:4]}]), {"x 1": 6, "x 2": 4}),
        (
            table(
                "loss,accuracy,training_iteration,trial_id,config/lr",
                *[[0.5, 0.7]] * 2,
                [1, 2],
                ["t_0"] * 2,
                [1, 1],
            ),
            {"t_0": 2},
        ),
    ],
)
def test_runs_of_one_file(tmp_path, text, lengths):
    source = read_runs(written(tmp_path / "x.csv", text))
    assert {run.name: len(run.metrics) for run in source.runs} == lengths


def test_an_empty_cell_is_no_nan(tmp_path):
    nan, inf = float("nan"), float("inf")
    rows = [
        {"epoch": 1, "loss": 1.0, "val_loss": nan},
        {"epoch": 2, "loss": nan, "val_loss": None},
        {"epoch": 3, "loss": inf},
    ]
    texts = {
        "a.csv": "epoch,loss,val_loss\n1,1.0,NaN\n2,nan,\n3,inf,NA\n",
        "a.jsonl": lines(rows),
        "a.json": json.dumps({"loss": [1.0, nan, inf], "val_loss": [nan, None, None]}),
    }
    pd.DataFrame(
        {"epoch": [1, 2, 3], "val_loss": pd.array([0.5, None, None], "Float64")}
    ).to_parquet(tmp_path / "a.parquet")
    for name, text in texts.items():
        [run] = read_runs(written(tmp_path / name, text)).runs
        assert run.not_finite == {"train_loss": [2], "test_loss_running": [1]}, name
        assert math.isinf(run.metrics["train_loss"].iloc[2])
    assert read_runs(tmp_path / "a.parquet").runs[0].not_finite == {}


@pytest.mark.parametrize("cells", [["61.5", "80"], ["61.5%", "80 %"], ["0.615", "0.8"]])
def test_per_cent(tmp_path, cells):
    source = read_runs(written(tmp_path / "x.csv", table("epoch,val_acc", [1, 2], cells)))
    assert values(source, "test_accuracy") == [0.615, 0.8]
    assert any("per cent" in note for note in source.notes) == (cells[0] != "0.615")


def test_what_is_no_accuracy_is_left_out(tmp_path):
    path = written(tmp_path / "x.csv", table("loss,acc", LOSS, [7, 150, 9, 8, 7, 7]))
    source = read_runs(path)
    assert "train_accuracy" not in source.columns
    assert any("acc is left out: found 150" in note for note in source.notes)


def test_an_accuracy_without_a_part_is_of_the_loss_that_it_is_logged_with(tmp_path):
    text = table("epoch,train_loss,valid_loss,accuracy", EPOCHS, LOSS, TEST_LOSS, ACCURACY)
    assert read_runs(written(tmp_path / "a.csv", text)).columns["test_accuracy"] == "accuracy"
    rates = read_runs(written(tmp_path / "b.csv", text.replace("accuracy", "error_rate")))
    assert values(rates, "test_accuracy") == rounded([1 - share for share in ACCURACY])
    lightning = table("train_loss_epoch,acc_epoch", LOSS, ACCURACY)
    assert (
        read_runs(written(tmp_path / "d.csv", lightning)).columns["train_accuracy"] == "acc_epoch"
    )
    keras = table("loss,accuracy,val_loss", LOSS, ACCURACY, TEST_LOSS)
    assert read_runs(written(tmp_path / "e.csv", keras)).columns["train_accuracy"] == "accuracy"
    both = table("loss,accuracy,val_accuracy", LOSS, ACCURACY, ACCURACY)
    assert read_runs(written(tmp_path / "c.csv", both)).columns["train_accuracy"] == "accuracy"


def test_other_quantities_are_named_and_left_alone(tmp_path):
    names = "epoch,loss,val_f1,best_val_acc,loss_scale,val_top5,d_loss,val_mAP"
    source = read_runs(written(tmp_path / "x.csv", table(names, EPOCHS, LOSS, *[ACCURACY] * 6)))
    assert source.columns == {"epoch": "epoch", "train_loss": "loss"}
    assert source.unread == names.split(",")[2:]


def test_a_column_that_is_named_by_the_user_comes_first(tmp_path):
    path = written(tmp_path / "x.csv", table("epoch,loss,objective", EPOCHS, LOSS, TEST_LOSS))
    assert values(read_runs(path, Options({"train_loss": "objective"})), "train_loss") == rounded(
        TEST_LOSS
    )
    assert read_runs(path, Options({}, test_images=50)).runs[0].metrics["test_images"].eq(50).all()


@pytest.mark.parametrize(
    ("columns", "classes"),
    [
        ({"train_loss": [2.301, 2.299, 1.9]}, 10),
        ({"train_loss": [2.301, 1.9]}, None),  # one loss on its way down tells nothing
        ({"train_loss": [2.301, 1.9], "train_accuracy": [0.11, 0.3]}, 10),
        ({"train_loss": [1.1, 0.9], "train_accuracy": [0.6, 0.7]}, None),
        ({"train_loss": [4.605, 4.605]}, None),  # 99, 100 and 101 are as near
        # ln 2 is a loss like any other, and two that are near each other are of a smooth curve.
        ({"train_loss": [0.6935, 0.6931], "test_loss": [0.6931, 0.6931]}, None),
        ({"train_loss": [0.6935, 0.69], "train_accuracy": [0.52, 0.55]}, 2),
        ({"train_loss": [1.383, 1.382, 1.3], "test_loss": [1.384, 1.384, 1.3]}, None),
        # Known accuracies contradict it.
        ({"train_loss": [2.302, 2.301, 1.9], "test_accuracy": [0.5, 0.5, 0.6]}, None),
        ({"train_loss": [2.302, 1.9], "train_accuracy": [0.1, 0.3], "val_acc": [0.9, 0.9]}, None),
        ({"train_loss": [1.387, 1.385], "val_rmse": [1.0, 0.9]}, None),  # a regression
        ({"box_loss": [2.301, 2.299]}, None),  # a part of a loss
    ],
)
def test_classes_where_the_losses_tell(tmp_path, columns, classes):
    path = written(tmp_path / "x.csv", pd.DataFrame(columns).to_csv(index_label="epoch"))
    source = read_runs(path)
    assert source.runs[0].classes == classes
    assert any("--classes" in note for note in source.notes) == (classes is None)
    assert read_runs(path, Options(classes=7)).runs[0].classes == 7


def test_a_folder_is_read_as_far_as_it_can_be(tmp_path):
    written(tmp_path / "metrics.csv", KERAS)
    written(tmp_path / "notes.txt", "nothing of interest, at all\nhere, or there, or anywhere\n")
    written(tmp_path / "picture.png", b"\x89PNG")
    [source] = read_all([tmp_path], Options())
    assert source.path.name == "metrics.csv"
    assert "1 other file" in source.notes[-1]
    (tmp_path / "metrics.csv").unlink()
    with pytest.raises(UserError, match=r"found no run\.json, no events of TensorBoard"):
        read_all([tmp_path], Options())


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_name_with_what_python_takes_for_an_end_of_a_line_is_one_name(tmp_path, odd, suffix):
    rows = [(f"a{odd}b", epoch, 2.0 / epoch, 0.2 * epoch) for epoch in range(1, 5)]
    names = ("run", "epoch", "train_loss", "train_accuracy")
    file = tmp_path / f"log{suffix}"
    if suffix == ".csv":
        lines = [",".join(map(str, row)) for row in (names, *rows)]
    else:
        objects = [dict(zip(names, row, strict=True)) for row in rows]
        lines = [json.dumps(each, ensure_ascii=False) for each in objects]
    file.write_text("\n".join(lines), encoding="utf-8", newline="")
    [run] = read_runs(file).runs
    assert run.arm == f"a{odd}b"
    assert run.metrics["epoch"].tolist() == [1, 2, 3, 4]
