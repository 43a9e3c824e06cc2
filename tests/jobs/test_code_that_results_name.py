"""Commands that read a folder of results run no code that the folder names."""

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import command, follow
from own_networks import tokens

import tlstudy
from tlstudy.config.architecture_setting import digest_of_module
from tlstudy.config.architectures import let_be_called, network_facts
from tlstudy.config.study import finished_study, runs
from tlstudy.config.training import Training
from tlstudy.jobs import paths
from tlstudy.jobs.recorded_speeds import recorded_speeds
from tlstudy.storage.errors import UserError


@pytest.fixture
def folder(small_results, tmp_path) -> Path:
    return shutil.copytree(small_results.folder, tmp_path / "theirs" / "small")


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A package that leaves a mark if it is imported; and the mark."""
    package, mark = tmp_path / "on_path" / "theirs", tmp_path / "mark"
    package.mkdir(parents=True)
    leave = f"open({str(mark)!r}, 'a').write(__name__)\n"
    (package / "__init__.py").write_text(leave)
    (package / "nets.py").write_text(leave + "from own_networks import tokens\n")
    monkeypatch.syspath_prepend(tmp_path / "on_path")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "facts"))
    name = f"python.theirs.nets.tokens-{_digest(package)}"
    yield name, mark
    network_facts.cache_clear()


def _digest(package: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        total.update(file.name.encode() + b"\0" + file.read_bytes())
    return total.hexdigest()[:10]


def put(folder, architecture) -> None:
    """Name the network everywhere where a study names one; runs keep their folders."""
    study = finished_study(folder)
    before = [paths.folder_of_run(study, run) for run in runs(study)]
    content = json.loads((folder / "study.json").read_text())
    for arm in content["arms"].values():
        arm["architecture"] = architecture
    content["results"] = str(folder.parent)  # no other's
    (folder / "study.json").write_text(json.dumps(content))
    (folder / "settings").mkdir(exist_ok=True)
    (folder / "settings" / "0123456789.json").write_text(json.dumps(content))
    made = json.loads((folder / "provenance" / "aggregate.json").read_text())
    for arm in made["study"]["arms"].values():
        arm["architecture"] = architecture
    (folder / "provenance" / "aggregate.json").write_text(json.dumps(made))
    if not isinstance(architecture, str):
        return
    study = finished_study(folder)
    for old, run in zip(before, runs(study), strict=True):
        new = paths.folder_of_run(study, run)
        new.parent.parent.mkdir(exist_ok=True)
        old.parent.rename(new.parent)
    for file in folder.rglob("run.json"):
        record = json.loads(file.read_text())
        record["training"]["architecture"] = architecture
        file.write_text(json.dumps(record))


def every_command(folder):
    output = folder.parent / "out"
    yield command("status", "--config", folder)
    yield command("status", "--json", folder)
    for name in ("verify", "runs", "export", "clean", "plan", "claims", "figures", "report"):
        yield command(name, folder)
    yield command("pack", folder, "--output", output)
    yield command("audit", folder)
    yield command("audit", *(file.parent for file in folder.rglob("run.json")))
    yield command("compare", f"{folder}:new", f"{folder}:pretrained")
    yield command("report", "--incomplete", folder)
    yield command("report", "--config", folder / "settings" / "0123456789.json")


def test_no_command_imports_or_calls_a_function_that_results_name(folder, trap):
    architecture, mark = trap
    put(folder, architecture)
    follow(folder)
    told = "\n".join(result.output for result in every_command(folder))
    assert not mark.exists()
    assert (
        "theirs.nets:tokens, which only a folder of results names, so it is not called" in told
    )  # by plan
    opened = tlstudy.open(folder)
    for name in opened.figure_names():
        opened.figure(name)
    recorded_speeds(folder.parent, "any")  # a plan of another study beside it
    assert not mark.exists()


@pytest.mark.parametrize("path", ["theirs.nets:tokens", "theirs:tokens"])
def test_results_that_have_it_as_a_study_file_are_refused(folder, trap, path):
    _, mark = trap
    put(folder, {"python": path})
    for file in folder.rglob("run.json"):
        record = json.loads(file.read_text())
        record["training"]["architecture"] = {"python": path}
        file.write_text(json.dumps(record))
    told = [result.output for result in every_command(folder)]
    assert "arms.new.architecture: found {'python': '" + path in told[0]
    assert not mark.exists()


def test_settings_in_a_table_are_read_without_it(folder, trap):
    _, mark = trap
    file = folder / "tables" / "runs.parquet"
    table = pq.read_table(file)
    place = table.schema.get_field_index("settings")
    odd = []
    for text in table["settings"].to_pylist():
        odd.append(
            json.dumps(json.loads(text) | {"architecture": {"python": "theirs.nets:tokens"}})
        )
    pq.write_table(table.set_column(place, table.field(place), pa.array(odd)), file)
    follow(folder)
    for name in ("claims", "figures", "report"):
        command(name, folder)
    assert not mark.exists()


def test_a_report_of_a_network_of_ones_own_needs_no_call_of_it(folder, trap):
    architecture, mark = trap
    put(folder, architecture)
    for file in folder.rglob("provenance"):
        shutil.rmtree(file)
    for name in ("aggregate", "claims", "figures", "report"):
        result = command(name, folder)
        assert result.exit_code == 0, result.output
    assert "if it has BatchNorm" in (folder / "report.html").read_text()
    assert not mark.exists()


def test_what_a_file_of_the_users_names_is_called(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    network_facts.cache_clear()
    name = f"python.own_networks.tokens-{digest_of_module('own_networks')}"
    monkeypatch.setattr("tlstudy.config.architectures._named_by_user", set())
    with pytest.raises(
        UserError,
        match=r"the Python function own_networks:tokens, which only a folder of results names",
    ):
        network_facts(name, 32)
    let_be_called([name])
    weights = sum(weight.numel() for weight in tokens(10).parameters())
    assert network_facts(name, 32).millions == pytest.approx(weights / 1e6)
    network_facts.cache_clear()


def test_settings_alone_resolve_no_module():
    with pytest.raises(ValueError, match="results must have it as a name"):
        Training(architecture={"python": "own_networks:tokens"})
