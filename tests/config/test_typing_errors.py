"""Study files with a slip of the keyboard: refused in sentences, or still a study."""

import random

import pytest
import yaml
from configurations import ROOT, read_files

from tlstudy.config.study import build_study, runs
from tlstudy.storage.errors import UserError

STUDIES = {
    "default": ["config.yaml"],
    "quick": ["config.yaml", "studies/quick.yaml"],
    "audit": ["config.yaml", "studies/audit.yaml"],
    "theory": ["config.yaml", "studies/theory.yaml"],
}
TIMES = 25


def cut_off(text: str, dice: random.Random) -> str:
    return text[: dice.randrange(1, len(text))]


def changed_character(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text))
    return text[:place] + dice.choice("\t:{}[]&*!|>'\"%@`#-,? ") + text[place + 1 :]


def doubled_line(text: str, dice: random.Random) -> str:
    """A key that stands twice, one after the other."""
    lines = text.splitlines()
    simple = [
        index
        for index, line in enumerate(lines)
        if line.count(":") == 1
        and ": " in line
        and not line.strip().startswith(("-", "#", "<<"))
        and not line.rstrip().endswith(tuple("{[,|>"))
        and "&" not in line
    ]
    index = dice.choice(simple)
    return "\n".join([*lines[:index], lines[index], *lines[index:]])


@pytest.mark.parametrize("slip", [cut_off, changed_character, doubled_line])
@pytest.mark.parametrize("name", STUDIES)
def test_a_slip_is_told_in_sentences_or_is_a_study(tmp_path, name, slip):
    *before, last = (ROOT / file for file in STUDIES[name])
    text, dice, file = last.read_text(encoding="utf-8"), random.Random(26), tmp_path / "slip.yaml"
    for _ in range(TIMES):
        changed = slip(text, dice)
        file.write_text(changed, encoding="utf-8")
        try:
            study = build_study(read_files(*before, file))
        except UserError as error:
            for line in error.message.splitlines():
                assert ": " in line, changed
                assert line.endswith("."), changed
        else:
            assert slip is not doubled_line, changed
            again = build_study(yaml.safe_load(yaml.safe_dump(study.model_dump(mode="json"))))
            assert again == study
            listed = [(run.arm, run.subset_size, run.seed) for run in runs(study)]
            assert len(set(listed)) == len(listed)
