"""TensorBoard: CSV of its curves, and its event files."""

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


def curve(numbers: list[float]) -> str:
    return table("Wall time,Step,Value", [1e9] * 6, EPOCHS, numbers)


def test_curves_of_tensorboard_are_joined(tmp_path):
    names = ("run-train-tag-epoch_loss.csv", "run-validation-tag-epoch_loss.csv")
    files = [
        written(tmp_path / name, curve(c)) for name, c in zip(names, (LOSS, TEST_LOSS), strict=True)
    ]
    for paths in (files, [tmp_path]):
        [source] = read_all(paths, Options())
        assert values(source, "train_loss") == rounded(LOSS)
        assert values(source, "test_loss") == rounded(TEST_LOSS)
    nameless = read_runs(written(tmp_path / "x.csv", curve(LOSS)))
    assert nameless.columns["train_loss"] == "Value"
    with pytest.raises(UserError, match="--column train_loss='Value'"):
        read_runs(written(tmp_path / "x.csv", curve(ACCURACY)))


@pytest.fixture
def writer():
    pytest.importorskip("tensorboard")
    return pytest.importorskip("torch.utils.tensorboard").SummaryWriter


def test_scalars_as_keras_writes_them(tmp_path, writer):
    """They are tensors of a plugin."""
    from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

    with writer(tmp_path) as events:
        for epoch in EPOCHS:
            for tag, number in (("epoch_loss", LOSS[epoch]), ("evaluation_loss", TEST_LOSS[epoch])):
                tensor = tensor_pb2.TensorProto(
                    dtype=types_pb2.DT_FLOAT,
                    tensor_shape=tensor_shape_pb2.TensorShapeProto(),
                    float_val=[number],
                )
                value = summary_pb2.Summary.Value(tag=tag, tensor=tensor)
                value.metadata.plugin_data.plugin_name = "scalars"
                events._get_file_writer().add_summary(summary_pb2.Summary(value=[value]), epoch)
    [source] = read_all([tmp_path], Options())
    assert values(source, "train_loss") == rounded(LOSS)
    assert values(source, "test_loss") == rounded(TEST_LOSS)


def test_events_of_tensorboard(tmp_path, writer):
    for run in ("first", "second"):
        with writer(tmp_path / "runs" / run) as events:
            for epoch in EPOCHS:
                for step in range(4):
                    events.add_scalar("Loss/train", LOSS[epoch], 4 * epoch + step)
                events.add_scalar("Loss/validation", TEST_LOSS[epoch], 4 * epoch + 3)
    sources = read_all([tmp_path / "runs"], Options())
    runs = [run for source in sources for run in source.runs]
    assert sorted(run.name for run in runs) == ["first", "second"]
    assert runs[0].metrics["train_loss"].round(6).to_list() == rounded(LOSS)
    assert runs[1].metrics["test_loss_running"].round(6).to_list() == rounded(TEST_LOSS)
    [file] = (tmp_path / "runs" / "first").iterdir()
    assert values(read_runs(file), "train_loss") == rounded(LOSS)
    file.write_bytes(file.read_bytes()[:-30])  # the last record is cut off
    assert values(read_runs(file), "train_loss") == rounded(LOSS)


def test_events_without_scalars_hide_no_others(tmp_path, writer):
    for run in ("good", "text"):
        with writer(tmp_path / run) as events:
            events.add_text("note", "begun")
            for epoch in EPOCHS if run == "good" else []:
                events.add_scalar("Loss/train", LOSS[epoch], epoch)
    sources = read_all([tmp_path], Options())
    assert [run.name for source in sources for run in source.runs] == ["good"]
    assert any("1 other files" in note for source in sources for note in source.notes)


@pytest.mark.parametrize(("first", "second"), [("train", "validation"), ("Loss_train", "Loss_val")])
def test_parts_of_a_run_in_folders_of_their_own(tmp_path, writer, first, second):
    tag = "epoch_loss" if first == "train" else "Loss"
    for part, numbers in ((first, LOSS), (second, TEST_LOSS)):
        with writer(tmp_path / part) as events:
            for epoch, number in enumerate(numbers):
                events.add_scalar(tag, number, epoch)
    [source] = read_all([tmp_path], Options())
    assert values(source, "train_loss") == rounded(LOSS)
    assert values(source, "test_loss") == rounded(TEST_LOSS)
