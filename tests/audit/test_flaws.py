import pytest

from tlstudy.audit.flaws import FLAWS, MENDED
from tlstudy.audit.sentinels.registry import GROUP_SENTINELS, SENTINELS, TABLE_SENTINELS
from tlstudy.config.settings import Arm


def test_each_flaw_that_shows_in_a_run_has_a_sentinel():
    """F14 in the published table; the others in any run, or in runs that are compared."""
    names = [flaw.name for flaw in FLAWS]
    assert names == [f"F{number}" for number in range(1, 18)]
    assert set(names) <= set(MENDED)
    every = (*SENTINELS, *GROUP_SENTINELS, *TABLE_SENTINELS)
    assert {name for sentinel in every for name in sentinel.flaws} == set(names)
    assert len({sentinel.name for sentinel in every}) == len(every)


@pytest.mark.parametrize(
    "flaw", [flaw for flaw in FLAWS if flaw.setting], ids=lambda flaw: flaw.name
)
def test_an_arm_carries_a_flaw_by_a_value_that_its_setting_can_have(flaw):
    key, value = flaw.setting
    assert not flaw.carried_by(Arm(initialisation="random"))
    assert flaw.carried_by(Arm(initialisation="random", **{key: value}))
