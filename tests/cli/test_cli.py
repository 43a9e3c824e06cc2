"""The command line: help at once, one sentence for a mistake."""

import errno
import fcntl
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel, field_serializer
from study_folder import ROOT

from tlstudy.cli import main
from tlstudy.cli.group import Commands, Printable, begin_lines_with
from tlstudy.config.given import given_study
from tlstudy.jobs.study_files import keep_study
from tlstudy.networks.device import take_gpu
from tlstudy.storage.terminal import COMMANDS, printable

CONFIG = ["--config", str(ROOT / "config.yaml")]


def invoke(*arguments: str):
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("command", main.commands)
def test_every_command_has_help(command):
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_help_does_not_wait_for_heavy_imports():
    code = (
        "import sys; from tlstudy.cli import main; main(['--help'], standalone_mode=False); "
        "print([m for m in ('torch', 'pandas', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("[]")


def test_runs_lists_every_run():
    heading, *lines = invoke("runs", *CONFIG).output.splitlines()
    assert heading.split("\t")[:5] == ["arm", "subset_size", "seed", "folder", "train_log"]
    assert len(lines) == 40
    of_first_seed = "pretrained-published\t50\t26\tresults/slides/runs/imagenet-"
    assert sum(line.startswith(of_first_seed) for line in lines) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["runs", "--config", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (
            ["train", *CONFIG, "--arm", "no", "--subset-size", "50", "--seed", "26"],
            "arm 'no', subset size 50, seed 26: not in the study; it has the arms new-published",
        ),
        (["weights", "--source", "IMAGENET1K_V9"], "allowed for resnet50 are IMAGENET1K_V1"),
        (
            ["subset", *CONFIG, "--drawing", "published", "--subset-size", "50", "--seed", "-1"],
            "and the seeds [26, 27",
        ),
    ],
)
def test_mistakes_end_in_a_sentence(arguments, expected):
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert expected in result.output
    assert "Traceback" not in result.output


def test_steps_name_the_command_that_is_missing(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"results: {tmp_path}\ncache: {tmp_path / 'cache'}\n")
    study = [*CONFIG, "--config", str(overlay)]
    run = ["--arm", "new", "--subset-size", "50", "--seed", "26"]
    for arguments, command in (
        (
            ["subset", "--drawing", "stratified", "--subset-size", "50", "--seed", "26"],
            "images STUDY",
        ),
        (["train", *run], "weights STUDY"),
        (["landscape", *run], "train"),
        (["aggregate"], "train"),
    ):
        result = invoke(arguments[0], *study, *arguments[1:])
        assert result.exit_code == 1, result.output
        assert f" `tlstudy {command}`" in result.output, result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["images", "--target", "digits", *CONFIG[1:]],
        ["images", "--cache", "elsewhere", *CONFIG[1:]],
        ["weights", "--source", "he2015", *CONFIG[1:]],
        ["weights", "--architecture", "resnet18", *CONFIG[1:]],
        ["status", "--watch", "--json", *CONFIG],
    ],
)
def test_of_two_that_exclude_each_other_none_is_passed_over(arguments):
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "not both" in result.output


def test_a_network_that_cannot_be_repeated_on_a_device_is_named(tmp_path, monkeypatch):
    """As AlexNet on a GPU, by PyTorch's words."""
    monkeypatch.setattr("tlstudy.cli.measurements.take_training", cannot_be_repeated)
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"results: {tmp_path / 'results'}\n")
    study = [*CONFIG, "--config", str(overlay)]
    result = invoke("train", *study, "--arm", "new", "--subset-size", "50", "--seed", "26")
    assert result.exit_code == 1
    assert "write `device: cpu` into the study" in result.output
    assert "Traceback" not in result.output


def cannot_be_repeated(*_, **__):
    raise RuntimeError(
        "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, but you "
        "set 'torch.use_deterministic_algorithms(True)'."
    )


def test_an_experiment_that_is_not_the_studys_leaves_nothing(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"results: {tmp_path / 'results'}\n")
    study = [*CONFIG, "--config", str(overlay)]
    result = invoke("laboratory", *study, "--experiment", "relu", "--seed", "26")
    assert result.exit_code == 1
    assert "experiment relu, seed 26: not in the study" in result.output
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("command", ["aggregate", "claims", "figures", "report"])
def test_without_results_the_workflow_is_named_and_nothing_is_left(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("study: mine\n")
    result = invoke(command, "mine.yaml")
    assert result.exit_code == 1
    assert "`snakemake --cores all --configfile mine.yaml`" in result.output
    assert sorted(tmp_path.iterdir()) == [tmp_path / "mine.yaml"]


@pytest.mark.parametrize("command", ["runs", "status", "verify"])
def test_commands_that_only_read_leave_nothing(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("study: mine\n")
    invoke(command, "mine.yaml")
    invoke(command, "mine.yaml", "--json")
    assert sorted(tmp_path.iterdir()) == [tmp_path / "mine.yaml"]


@pytest.mark.parametrize("command", ["verify", "pack"])
def test_results_are_judged_by_their_own_study_alone(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("study: mine\n")
    keep_study(given_study([Path("mine.yaml")]))
    for arguments in (["results/mine"], ["mine.yaml"], ["mine.yaml", "--set", "cache=elsewhere"]):
        assert "provenance: missing, so nothing" in invoke(command, *arguments).output
    result = invoke(command, "mine.yaml", "--set", "subset_size=[98, 99]")
    assert result.exit_code == 1
    assert "results/mine/study.json: is not of the study that was named" in result.output
    assert "(subset_size was [50] and is [98, 99])" in result.output


def test_what_cannot_be_printed_ends_in_a_sentence():
    command = [sys.executable, "-m", "tlstudy.cli", "schema"]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert result.stderr == "Error: The system refused something: No space left on device.\n"


def test_an_interrupt_that_a_library_wrapped_is_an_interrupt():
    """As pydantic does, where Ctrl-C comes while it writes a setting."""

    class Interrupted(BaseModel):
        @field_serializer("value", check_fields=False)
        def interrupted(self, _):
            raise KeyboardInterrupt

        value: int = 0

    group = Commands("tool", commands=[click.Command("step", callback=Interrupted().model_dump)])
    result = CliRunner().invoke(group, ["step"])
    assert result.exit_code == 1
    assert result.output.strip() == "Aborted!"


@pytest.mark.parametrize("order", [1, -1])
def test_quantities_as_json(order):
    result = invoke("claims", *["--quantities", "--json"][::order])
    listed = json.loads(result.output)
    assert set(listed[0]) == {"quantity", "unit", "description"}
    assert {each["quantity"] for each in listed} > {"loss", "displacement"}


def test_the_page_names_every_command():
    page = (ROOT / "docs" / "commands.md").read_text()
    assert [name for name in main.commands if f"`{name}" not in page] == []


@pytest.mark.parametrize(
    "name", ["\x1b[2J\x1b[31mred", "\x9b31m", "\u202eevil", "ring\x07", "\r back"]
)
def test_a_name_in_somebody_s_file_gives_the_terminal_no_command(tmp_path, name):
    (tmp_path / "runs.csv").write_text(
        f'run,epoch,train_loss\n"{name}",1,nan\n"{name}",2,nan\n', newline=""
    )
    for arguments in (["audit", str(tmp_path / "runs.csv")], ["audit", str(tmp_path / name)]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code in (1, 2), result.output
        assert not COMMANDS.search(result.output)


def test_labels_in_any_alphabet_are_printed_as_they_are():
    assert printable("\u00fc \u4e2d \U0001f600 \u0645\n\t") == "\u00fc \u4e2d \U0001f600 \u0645\n\t"


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_folder_for_temporary_files_without_locks_is_named(tmp_path, monkeypatch, number):
    """Jobs on GPUs lock the one that they take there."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    @click.group(cls=Commands)
    def group() -> None: ...

    @group.command()
    def job() -> None:
        take_gpu(["0"], tmp_path)

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = CliRunner().invoke(group, ["job"])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {tmp_path}: files cannot be locked here (")
    assert "Set TMPDIR to a folder on a disk" in result.output


def test_lines_of_a_job_name_its_run(monkeypatch):
    """Others have the same terminal."""
    ours, other = logging.StreamHandler(io.StringIO()), logging.StreamHandler(io.StringIO())
    ours.setFormatter(Printable("%(message)s"))
    monkeypatch.setattr(logging.getLogger(), "handlers", [ours, other])
    begin_lines_with("new~share=5%, n = 50, seed 26")
    logging.getLogger("of-a-job").warning("epoch %d of %d", 1, 8)
    assert ours.stream.getvalue().endswith(" new~share=5%, n = 50, seed 26: epoch 1 of 8\n")
    assert other.stream.getvalue() == "epoch 1 of 8\n"
