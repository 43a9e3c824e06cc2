"""Pages of the repository, for tests that compare what they say with what is there."""

import re
from collections.abc import Sequence

from configurations import ROOT

from tlstudy.config.settings import Study


def page(name: str) -> str:
    """Text of a page; any white space is one blank."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def numbers_not_looked_up(name: str, phrases: Sequence[str], no_result: Sequence[str]) -> list[str]:
    """Words of a page that have a digit and are in no phrase; each phrase must be on the page.

    Args:
        phrases: made of kept tables.
        no_result: patterns of names, definitions and settings.
    """
    told = page(name)
    for phrase in phrases:
        assert phrase in told, phrase
    for phrase in sorted(phrases, key=len, reverse=True):
        told = told.replace(phrase, "")
    told = re.sub("|".join(no_result), "", told)
    return [word for word in told.split() if re.search(r"\d", word)]


def as_it_was_run(study: Study) -> Study:
    """A study whose kept runs were made before a random start was built as the weights are."""
    arms = {name: arm.model_copy(update={"built_as": None}) for name, arm in study.arms.items()}
    return study.model_copy(update={"arms": arms})
