"""Pages of the repository, for tests that compare what they say with what is there."""

from pathlib import Path

from tlstudy.config.settings import Study

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    """Text of a page; any white space is one blank."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def as_it_was_run(study: Study) -> Study:
    """A study whose kept runs were made before a random start was built as the weights are."""
    arms = {name: arm.model_copy(update={"built_as": None}) for name, arm in study.arms.items()}
    return study.model_copy(update={"arms": arms})
