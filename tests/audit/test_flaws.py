import pytest

from tlstudy.audit.flaws import FLAWS, MENDED
from tlstudy.audit.sentinels import GROUP_SENTINELS, SENTINELS
from tlstudy.config.settings import Arm


def test_sentinels_and_mended_name_flaws_of_the_list():
    names = [flaw.name for flaw in FLAWS]
    assert names == [f"F{number}" for number in range(1, 18)]
    assert set(names) <= set(MENDED)
    assert {name for rule in (*SENTINELS, *GROUP_SENTINELS) for name in rule.flaws} <= set(names)


@pytest.mark.parametrize(
    "flaw", [flaw for flaw in FLAWS if flaw.setting], ids=lambda flaw: flaw.name
)
def test_an_arm_carries_a_flaw_by_a_value_that_its_setting_can_have(flaw):
    key, value = flaw.setting
    assert not flaw.carried_by(Arm(initialisation="random"))
    assert flaw.carried_by(Arm(initialisation="random", **{key: value}))
