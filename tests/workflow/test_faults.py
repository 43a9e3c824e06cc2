"""Faults made on purpose: a few of each kind in every run of the tests, all if slow ones run."""

import re
from collections import Counter

import pytest
from faults.case import Ending, assert_clear_sentence, assert_told_by_snakemake
from faults.command import DEFAULT_SEED, KINDS, chosen, table, try_case
from faults.disks import can_mount
from faults.process import Ended
from faults.tiny_study import TinyStudy
from pages import page


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, cache) -> TinyStudy:
    made = TinyStudy(tmp_path_factory.mktemp("tiny") / "study", cache)
    assert made.reference  # if it cannot be made, it is not tried again for every case
    return made


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        pytest.param(
            kind, case, id=f"{kind}: {case.name}", marks=[pytest.mark.slow] if case.slow else []
        )
        for kind, case in chosen(KINDS)
    ],
)
def test_a_fault_ends_in_a_correct_result_or_a_clear_sentence(tiny, kind, case):
    assert try_case(kind, case, DEFAULT_SEED, tiny) in Ending


GOOD = "12:00:00 seed 26\nError: seed: found 'x'; must be a whole number.\n"
BAD = {
    "a success": Ended(0, GOOD),
    "a signal": Ended(-9, GOOD),
    "a traceback": Ended(1, f"Traceback (most recent call last):\n{GOOD}"),
    "another key": Ended(1, "Error: device: found 'x'; must be cpu.\n"),
    "no sentence": Ended(1, "Error: seed: must be\n"),
    "two paragraphs": Ended(1, f"{GOOD}\n\nseed: must be another.\n"),
    "no way out": Ended(1, "Error: seed: bad.\n"),
    "nothing": Ended(1, ""),
}
NOT_BY_SNAKEMAKE = ("a success", "a signal", "a traceback", "another key")


def test_only_a_clear_sentence_is_taken():
    assert assert_clear_sentence(Ended(1, GOOD), ["seed"]) is Ending.SENTENCE
    for name, ended in BAD.items():
        with pytest.raises(AssertionError):
            assert_clear_sentence(ended, ["seed"])
        if name in NOT_BY_SNAKEMAKE:
            with pytest.raises(AssertionError):
                assert_told_by_snakemake(ended, ["seed"])


def test_counts_are_those_of_the_endings():
    counts = {"one": Counter([Ending.RESULT, "failed"]), "two": Counter([Ending.SENTENCE] * 3)}
    assert table(counts).splitlines() == [
        "| kind | tried | correct result | clear sentence | failed |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| one | 2 | 1 | 0 | 1 |",
        "| two | 3 | 0 | 3 | 0 |",
        "| all | 5 | 1 | 3 | 1 |",
    ]


def counts_on_the_page() -> dict[str, list[int]]:
    rows = re.findall(r"\| ([\w ]+?) \| ((?:[\d,]+ \| ){4}[\d,]+) \|", page("docs/faults.md"))
    return {kind: [int(cell.replace(",", "")) for cell in row.split(" | ")] for kind, row in rows}


@pytest.mark.skipif(not can_mount(), reason="without disks of its own it has fewer cases")
def test_the_page_counts_the_cases_that_there_are():
    """Columns: of them in every run of the tests, tried, two endings, failed."""
    counts = counts_on_the_page()
    assert list(counts) == [*KINDS, "all"]
    for kind, cases in KINDS.items():
        assert len({case.name for case in cases}) == len(cases), kind
        fast, tried, *endings, failed = counts[kind]
        assert (fast, tried) == (sum(not case.slow for case in cases), len(cases)), kind
        assert (sum(endings), failed) == (tried, 0), kind
    columns = zip(*(counts[kind] for kind in KINDS), strict=True)
    assert counts["all"] == [sum(column) for column in columns]


def test_the_page_tells_its_seed():
    assert f"seed {DEFAULT_SEED}" in page("docs/faults.md")
