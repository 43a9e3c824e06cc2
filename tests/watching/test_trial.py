"""The trial: every flaw can be planted, and a planted one is found."""

import pytest

from benchmarks.trial.__main__ import SCRIPTS, SOUND, table_text, trial
from benchmarks.trial.flaws import KINDS, PLANTED, planted
from benchmarks.watching import measure


@pytest.mark.parametrize("script", PLANTED)
def test_every_flaw_changes_its_script_into_another_that_parses(script):
    source = (SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
    texts = [planted(source, planting) for planting in PLANTED[script].values()]
    assert len({source, *texts}) == len(texts) + 1
    for text in texts:
        compile(text, script, "exec")
    assert set(PLANTED[script]) <= set(KINDS)
    with pytest.raises(ValueError, match="not in the script"):
        planted(source, (("no such line", ""),))


def test_a_sound_script_and_a_flawed_one():
    rows = list(trial(("bare_loop",), (SOUND, "gradients not cleared")))
    assert [row["watch"] for row in rows] == [[], [("error", "gradients-not-cleared")]]
    told = table_text(rows)
    assert "| none (sound) | nothing |\n| gradients not cleared | W |" in told
    assert "Of 1 planted flaws the watcher names 1;" in told
    assert "Of 1 sound scripts the watcher alarms at 0, the audit at 0." in told


def test_the_cost_is_measured():
    found = measure("squeezenet1_1", images=2, turns=1)
    assert found["seconds"] > 0
    assert set(found) == {"seconds", "added_to_step", "end_of_epoch"}
