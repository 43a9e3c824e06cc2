"""How often the sentinels are wrong: made sound curves, and a few real trainings."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.alarms import counts
from benchmarks.alarms.__main__ import main
from benchmarks.alarms.trainings import FLAWS
from tlstudy.audit.sentinels.registry import SENTINELS

KEPT = Path(__file__).parents[2] / "docs" / "alarms.json"
# Less is named of these; docs/audit.md says why.
HARD = {
    "statistics lag",
    "penalty in the loss",
    "softmax in the loss",
    "softmax in the test loss",
}


def test_made_curves_of_sound_trainings_seldom_alarm():
    """The bounds that the documentation gives, on seeds of their own."""
    runs = list(counts.made_runs(range(101, 117)))
    assert sum(bool(run.errors) for run in runs) <= 0.02 * len(runs)
    assert sum(bool(run.alarms) for run in runs) <= 0.05 * len(runs)


def test_real_trainings_of_each_kind():
    """One sound, and some with a flaw that shows at once."""
    assert [run.alarms for run in counts.sound_trainings(range(2001, 2020), 1)] == [[]]
    for flaw in ("diverging", "not trained", "other labels in the test"):
        looked, shows = next(counts.flawed_trainings(flaw, [3001]))
        assert shows
        assert looked.names & counts.NAMED_BY[flaw], flaw


def test_each_flaw_has_sentinels_that_name_it():
    assert set(counts.NAMED_BY) == set(FLAWS)
    known = {sentinel.name for sentinel in SENTINELS}
    assert set().union(*counts.NAMED_BY.values()) <= known


def test_the_kept_counts_are_within_their_bounds():
    kept = json.loads(KEPT.read_text())
    assert kept["seeds"] == "odd"
    every = kept["sound"][-1]
    assert every["errors"]["of"] >= 300
    assert every["errors"]["count"] <= 0.02 * every["errors"]["of"]
    assert every["alarms"]["count"] <= 0.05 * every["alarms"]["of"]
    for row in kept["flaws"]:
        shown = row["named where it can show"]
        assert row["named"]["of"] >= 20
        assert shown["count"] >= 0.8 * shown["of"] or row["flaw"] in HARD, row["flaw"]


def test_the_page_quotes_the_kept_counts():
    kept = json.loads(KEPT.read_text())
    page = KEPT.with_name("audit.md").read_text()
    for row in kept["sound"]:
        errors, alarms = (words(row[name]) for name in ("errors", "alarms"))
        assert f"| {row['runs']} | {errors} | {alarms} |" in page
    for row in kept["flaws"]:
        assert f"| {row['flaw']} | {words(row['named where it can show'])} |" in page


def words(share: dict) -> str:
    low, high = 100 * share["low"], 100 * share["high"]
    return f"{share['count']} of {share['of']} ({low:.1f} to {high:.1f} %)"


@pytest.mark.slow
def test_the_command_counts_and_writes(tmp_path):
    file = tmp_path / "alarms.json"
    options = ["--real", "8", "--made", "2", "--flawed", "2", "--json", str(file)]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 0, result.output
    written = json.loads(file.read_text())
    assert [row["flaw"] for row in written["flaws"]] == list(FLAWS)
    assert written["sound"][0]["alarms"]["of"] == 8
