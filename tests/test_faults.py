"""Faults made on purpose: a few of each kind in every run of the tests, all of them as slow."""

from collections import Counter

import pytest
from faults.case import Ending, assert_clear_sentence, assert_told_by_snakemake
from faults.command import DEFAULT_SEED, chosen, table, try_case
from faults.kinds import KINDS
from faults.process import Ended
from faults.tiny_study import TinyStudy


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


def test_names_tell_cases_apart():
    for kind, cases in KINDS.items():
        names = Counter(case.name for case in cases)
        assert max(names.values()) == 1, (kind, names.most_common(1))


GOOD = "12:00:00 seed 26\nError: seed: found 'x'; must be a whole number.\n"
BAD = {
    "a success": Ended(0, GOOD),
    "a signal": Ended(-9, GOOD),
    "a traceback": Ended(1, f"Traceback (most recent call last):\n{GOOD}"),
    "no sentence": Ended(1, "Error: seed: must be\n"),
    "two paragraphs": Ended(1, f"{GOOD}\n\nseed: must be another.\n"),
    "another key": Ended(1, "Error: device: found 'x'; must be cpu.\n"),
    "nothing to do": Ended(1, "Error: seed: bad.\n"),
    "nothing": Ended(1, ""),
}


def test_a_clear_sentence_is_taken():
    assert assert_clear_sentence(Ended(1, GOOD), ["seed"]) is Ending.SENTENCE


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_clear_sentence_is_refused(what):
    with pytest.raises(AssertionError):
        assert_clear_sentence(BAD[what], ["seed"])


@pytest.mark.parametrize("what", ["a success", "a signal", "a traceback", "another key"])
def test_what_snakemake_may_not_say_is_refused(what):
    with pytest.raises(AssertionError):
        assert_told_by_snakemake(BAD[what], ["seed"])


def test_counts_are_those_of_the_endings():
    counts = {"one": Counter([Ending.RESULT, "failed"]), "two": Counter([Ending.SENTENCE] * 3)}
    assert table(counts).splitlines() == [
        "| kind | tried | correct result | clear sentence | for verify | failed |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| one | 2 | 1 | 0 | 0 | 1 |",
        "| two | 3 | 0 | 3 | 0 | 0 |",
        "| all | 5 | 1 | 3 | 0 | 1 |",
    ]
