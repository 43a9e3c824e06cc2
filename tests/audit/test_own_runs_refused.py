"""`tlstudy audit`: what cannot be read is named, with what would help."""

import json
import os

import pytest
from audited import audit

CSV = "epoch,train_loss\n1,2.3\n2,2.1\n"


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("", (), "runs.csv: cannot be read"),
        ("epoch,train_loss\n", (), "found no rows"),
        ("epoch,map50\n1,2\n", (), "found the columns epoch, map50"),
        ("epoch,map50\n1,2\n", (), "--column train_loss='map50'"),
        ("epoch,time,kl_loss,note\n1,2,3,a\n2,4,5,b\n", (), "train_loss='kl_loss'"),
        ("epoch,note\n1,a\n2,b\n", (), "must have a loss, an accuracy or a gradient norm."),
        ("epoch,train_loss\n1,2.3\n2,lots\n", (), "column train_loss: found 'lots' in row 2"),
        ("epoch,train_loss\n-1,2.3\n", (), "column epoch: found '-1'"),
        ("epoch,train_loss\nfirst,2.3\n", (), "column epoch: found 'first' in row 1"),
        ("epoch,test_accuracy\n1,617\n", (), "column test_accuracy ('test_accuracy'): found 617"),
        ("epoch,train_loss,test_images\n1,2,0.5\n", (), "column test_images: found 0.5"),
        ("epoch,train_loss,test_images\n1,2.3,1e20\n", (), "test_images: found 1e+20"),
        ("epoch,train_loss\n1,2.3,7\n2,2.0,7\n", (), "more fields than the header"),
        ("run,epoch,train_loss\n,1,2\n", (), "column run: found an empty cell"),
        ("arm,seed,epoch,train_loss\na,x,1,2\n", (), "column seed: found 'x'"),
        (
            "epoch,loss\n1,two\n2,one\n",
            (),
            "column loss: found 'two' in row 1; must have a number.",
        ),
        (CSV, ("--column", "train_loss=loss"), "found no column 'loss' (--column train_loss=loss)"),
        (CSV, ("--column", "loss=train_loss"), "--column: found 'loss'; must be one of run, arm"),
        (CSV, ("--column", "train_loss"), "--column: found 'train_loss'; must be NAME=THEIRS."),
        (CSV, ("--column", "run=epoch", "--column", "arm=epoch"), "may be named once"),
        (CSV, ("--classes", "1"), "Invalid value for '--classes'"),
        (CSV, ("--fail-on", "note"), "Invalid value for '--fail-on'"),
    ],
)
def test_mistakes_end_in_a_sentence_and_status_2(tmp_path, text, options, expected):
    file = tmp_path / "runs.csv"
    file.write_text(text)
    result = audit(file, *options)
    assert result.exit_code == 2
    assert expected in result.output
    assert "Traceback" not in result.output


def test_files_that_are_none(tmp_path):
    for name, content, told in (
        ("nowhere.csv", None, "no such file or folder"),
        ("runs.xlsx", b"x", "runs.xlsx: found no rows"),
        ("broken.parquet", b"x", "broken.parquet: cannot be read"),
        ("bytes.csv", b"epoch,train_loss\n1,\x81\n", "bytes.csv: cannot be read"),
        ("deep.json", b"[" * 100_000, "nested too deeply"),
        ("numbers.json", b"[1, 2, 3]", "found JSON without a series of numbers"),
        ("cut.json", b'{"loss": [1,', "is no JSON"),
        ("cut.csv.gz", b"\x1f\x8b\x08", "cut.csv.gz: cannot be read"),
        ("long.txt", b"x" * 1_000_000, "found no rows"),
        ("bar.log", b"Epoch 1/3\n63/63 [=====] - 2s 9ms/step - loss: 0.6 - acc: 0.7\n", "progress"),
        ("lines.txt", b"Epoch 1 loss 0.5, acc 0.7\nEpoch 2 loss 0.4, acc 0.8\n", "printed"),
        ("tqdm.txt", b"Epoch 1:  30%|###   | 30/100 [00:01<00:02, loss=0.5]\r", "progress"),
        ("repr.txt", b"{'loss': [0.5, 0.4], 'val_loss': [0.6, 0.5]}", "json.dump"),
        ("rows.txt", b"{'loss': 0.5, 'epoch': 1.0}\n{'loss': 0.4, 'epoch': 2.0}", "json.dump"),
        ("a.ipynb", b'{"cells": [], "metadata": {}, "nbformat": 4}', "notebook"),
        ("prose.txt", b'A, b\nc, d\n"e, f\ng\n', "found text that is no table"),
        ("numbers.csv", b"1,2.3\n2,2.1\n", "found numbers in the first line"),
        ("gan.csv", b"epoch,d_loss,g_loss\n1,2,3\n", "--column train_loss='d_loss'"),
        ("table.csv", b"Name,loss\na,1\nb,2\n", "found one row for each Name"),
        ("order.csv", b"step,loss\n" + b"0,1\n1,1\n" * 2000, "falls back 1999 times"),
        ("events.1", b"\x18" + b"\0" * 16 + b"brain.Event:2", "TensorBoard"),
        ("", None, "found no run.json"),
    ):
        if content:
            (tmp_path / name).write_bytes(content)
        result = audit(tmp_path / name)
        assert told in result.output
        assert result.exit_code == 2
        assert len(result.output.splitlines()) == 1
    os.mkfifo(tmp_path / "pipe")
    result = audit(tmp_path / "pipe")
    assert "pipe: is neither a file nor a folder" in result.output
    assert result.exit_code == 2
    for text in ("{", "{}"):
        (tmp_path / "run.json").write_text(text)
        result = audit(tmp_path)
        assert "run.json: is damaged" in result.output
        assert result.exit_code == 2
    assert audit().exit_code == 2


def test_what_can_be_read_is_audited_beside_what_cannot(tmp_path):
    good, empty = tmp_path / "good.csv", tmp_path / "empty.csv"
    good.write_text("epoch,loss,val_loss\n" + "".join(f"{e},{2 - e / 5},2\n" for e in range(6)))
    empty.write_text("")
    result = audit(good, empty, tmp_path / "nowhere.csv")
    assert result.exit_code == 2
    output = " ".join(result.output.split())
    assert "good (" in output
    assert "empty.csv: cannot be read" in output
    assert "nowhere.csv: no such file" in output
    assert "2 of the files or folders could not be read" in output
    result = audit(tmp_path / "nowhere.yaml", good)
    assert result.exit_code == 2
    assert "good (" in result.output
    assert "nowhere.yaml: cannot be read" in " ".join(result.output.split())
    assert audit(tmp_path / "nowhere.yaml").exit_code == 2
    told = json.loads(audit("--json", good, empty).output)
    assert [run["run"] for run in told["runs"]] == ["good"]
    assert len(told["not_read"]) == 1
