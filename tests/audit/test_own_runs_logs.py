"""Public logs: their runs, epochs, columns, units and classes, and the alarms that they raise."""

import json
from pathlib import Path

import pytest
from log_files import read_runs

from tlstudy.audit.own_runs.reading import Options
from tlstudy.audit.sentinels.registry import examine

LOGS = Path(__file__).parent / "logs"
ANSWERS = json.loads((LOGS.parent / "logs_answers.json").read_text())

KERAS = {"train_loss": "loss", "train_accuracy": "accuracy", "epoch": "epoch"}
KERAS |= {"test_loss": "val_loss", "test_accuracy": "val_accuracy"}
ROWS = {name: column for name, column in KERAS.items() if name != "epoch"}
TRAINER = {"train_loss": "loss", "test_loss": "eval_loss", "gradient_norm": "grad_norm"}
TRAINER |= {"learning_rate": "learning_rate", "epoch": "epoch", "step": "step"}


def own(*names: str) -> dict[str, str]:
    return {name: name for name in ("epoch", *names)}


LOSSES = ("train_loss", "test_loss")
CURVES = (*LOSSES, "train_accuracy", "test_accuracy")
# Columns, epochs of each run, and the number of classes that the losses tell.
READ = {
    "r01-keras-csvlogger.csv": (KERAS, [25], None),
    "r02-keras-history-no-epoch.csv": (ROWS, [15], None),
    "r04-keras-csvlogger.log": (KERAS, [17], None),
    "r06-lightning-sparse.csv": (
        {**own("train_loss", "step"), "test_loss": "val_loss", "test_accuracy": "val_accuracy"},
        [6],
        None,
    ),
    "r08-lightning-joined.csv": (own(*LOSSES, "test_accuracy", "test_images"), [5], None),
    "r09-hf-log-history.csv": (TRAINER, [3], None),
    "r11-hf-trainer-state.json": (TRAINER, [3], None),
    "r12-yolo-padded-names.csv": (
        {"epoch": "epoch", "train_loss": "train/loss", "test_loss": "val/loss"}
        | {"test_accuracy": "metrics/accuracy_top1", "learning_rate": "lr/pg0"},
        [20],
        None,
    ),
    "r13-percent.csv": (
        {"train_loss": "train_loss", "test_loss": "val_loss", "learning_rate": "lr"}
        | {"train_accuracy": "train_acc", "test_accuracy": "val_acc"},
        [8],
        None,
    ),
    "r14-tensorboard-scalar.csv": ({"step": "Step", "train_loss": "Value"}, [30] * 3, 10),
    "r16-camelcase-names.csv": (
        {"epoch": "Epoch", "train_loss": "TrainLoss", "test_loss": "ValLoss"}
        | {"learning_rate": "LR"},
        [17],
        None,
    ),
    "s01-softmax-false-alarm.csv": (own("train_loss", "train_accuracy"), [10], None),
    "s02-softmax-missed.csv": (own("train_loss"), [13], None),
    "s03-softmax-in-validation.csv": (own(*LOSSES, "test_accuracy"), [1], None),
    "s05-all-nan.csv": (own(*CURVES), [5], None),
    "s07-val-nan.csv": (own(*CURVES), [6], None),
    "s08-loss-0-grad-nan.csv": (own("train_loss", "gradient_norm"), [12], None),
    "s10-stuck-after-first-epoch.csv": (own(*CURVES), [7], None),
    "s11-constant-accuracy-pixels.csv": (KERAS, [35], None),
    "s12-sorted-split.csv": (own(*CURVES), [6], None),
    "s14-frozen-batchnorm.csv": (own(*CURVES), [2], None),
    "s16-overfitting.csv": (own(*LOSSES), [5], None),
    "s19-regression-accuracy.csv": (own(*CURVES, "test_images"), [10], None),
    "s20-reinforcement.csv": (
        {"step": "time/total_timesteps", "train_loss": "train/loss"}
        | {"learning_rate": "train/learning_rate"},
        [37],  # at the first step nothing of it was logged
        None,
    ),
}


def test_every_log_has_an_answer():
    files = {path.name for path in LOGS.iterdir() if path.suffix != ".md"}
    assert files == set(ANSWERS) == set(READ)


@pytest.mark.parametrize("name", READ)
def test_a_log_is_read_without_options(name):
    columns, epochs, classes = READ[name]
    source = read_runs(LOGS / name)
    assert source.columns == columns
    assert [len(run.metrics) for run in source.runs] == epochs
    assert {run.classes for run in source.runs} == {classes}


@pytest.mark.parametrize("name", READ)
def test_a_log_is_read_with_the_options_that_its_owner_gave(name):
    """They change names that the reader would find, and say the classes."""
    given = ANSWERS[name]["options"]
    pairs = list(zip(given[::2], given[1::2], strict=True))
    renamed = dict(text.split("=") for flag, text in pairs if flag == "--column")
    classes = next((int(text) for flag, text in pairs if flag == "--classes"), None)
    source = read_runs(LOGS / name, Options(renamed, classes))
    assert renamed.items() <= source.columns.items()
    assert all(run.classes == classes for run in source.runs if classes)


def alarms(name: str, options: Options) -> list[str]:
    """Sentinels that raise one at the first run of a log."""
    found = examine(read_runs(LOGS / name, options).runs[0]).findings
    return [finding.sentinel for finding in found if finding.is_alarm]


@pytest.mark.parametrize("name", READ)
def test_a_log_raises_the_right_alarms_and_no_other(name):
    answer = ANSWERS[name]
    assert alarms(name, Options(classes=answer["classes"])) == answer["alarms"]
    without = answer.get("alarms_without_classes", answer["alarms"])
    assert alarms(name, Options()) == without


def run_of(name: str):
    [run] = read_runs(LOGS / name).runs
    return run


def test_units_and_what_rows_count():
    assert run_of("r13-percent.csv").metrics["test_accuracy_running"].max() == pytest.approx(
        0.9479, abs=1e-4
    )
    assert run_of("r16-camelcase-names.csv").classes is None, "a regression"
    rewards = run_of("s20-reinforcement.csv")
    assert rewards.classes is None
    assert rewards.metrics["epoch"].iloc[-1] == 1992832


def test_rows_of_an_epoch_are_joined():
    epochs = run_of("r06-lightning-sparse.csv").metrics.set_index("epoch")
    assert epochs["train_loss"].loc[1] == pytest.approx(
        (0.634955883026123 + 0.09806640446186066) / 2
    )
    assert epochs["test_loss_running"].loc[5] == 0.03915119916200638
    trainer = run_of("r09-hf-log-history.csv").metrics
    assert trainer["test_loss_running"].to_list() == [
        0.3951033353805542,
        0.4154859483242035,
        0.3891691565513611,
    ]
    assert trainer["gradient_norm"].iloc[0] == 2.197850465774536  # of the last step


def test_what_was_logged_as_nan_is_told_from_what_was_not_logged():
    assert run_of("s05-all-nan.csv").not_finite["train_loss"] == [7, 8, 9, 10, 11]
    assert run_of("s07-val-nan.csv").not_finite == {"test_loss_running": [1, 2, 3, 4, 5, 6]}
    assert run_of("s08-loss-0-grad-nan.csv").not_finite["gradient_norm"][-1] == 12
    for name in ("r06-lightning-sparse.csv", "r08-lightning-joined.csv", "r09-hf-log-history.csv"):
        assert run_of(name).not_finite == {}
