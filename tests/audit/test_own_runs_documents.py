"""What the documents say of `tlstudy audit` is what it does."""

import re
from pathlib import Path

from audited import audit
from log_files import read_runs

from tlstudy.audit.own_runs.columns import NAMES, NUMBERS, PLAIN
from tlstudy.audit.sentinels.evidence import needed
from tlstudy.audit.sentinels.registry import GROUP_SENTINELS, SENTINELS, TABLE_SENTINELS

FORMAT = Path(__file__).parents[2] / "docs" / "audit-format.md"


def test_the_format_is_documented():
    text = FORMAT.read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (.*?) \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    assert [(name, flaws.strip(), level, needs) for name, flaws, level, needs in rows] == [
        (each.name, ", ".join(each.flaws), each.severity, "; ".join(map(needed, each.needs)))
        for each in (*SENTINELS, *GROUP_SENTINELS, *TABLE_SENTINELS)
    ]
    read = {
        part.partition(".")[2]
        for sentinel in SENTINELS
        for need in sentinel.needs
        for part in need.split(" or ")
        if part.startswith("metrics.")
    }
    documented = set(re.findall(r"`(\w+)`", text))
    documented |= {PLAIN[name] for name in PLAIN}  # documented by their plain names
    documented |= {name.replace("_running", "_recalibrated") for name in PLAIN.values()}
    assert read <= documented
    assert {*NAMES, "epoch", *PLAIN} <= documented
    assert read <= set(NUMBERS)


def test_the_documented_example_can_be_read(tmp_path):
    example = re.search(r"```csv\n(.*?)```", FORMAT.read_text(), re.DOTALL).group(1)
    (tmp_path / "runs.csv").write_text(example)
    runs = read_runs(tmp_path / "runs.csv").runs
    assert [run.arm for run in runs] == ["new", "pretrained"]
    assert audit(tmp_path / "runs.csv").exit_code == 0


def test_the_readme_shows_what_the_command_prints(tmp_path):
    """Its example is the first finding of a log that is kept here."""
    readme = FORMAT.parents[1].joinpath("README.md").read_text()
    example = re.search(r"```text\n(training \(.*?)```", readme, re.DOTALL).group(1)
    log = Path(__file__).parent / "logs" / "r01-keras-csvlogger.csv"
    (tmp_path / "training.csv").write_bytes(log.read_bytes())
    printed = audit(tmp_path / "training.csv").output.replace(f"{tmp_path}/", "")
    assert printed.startswith(example)
