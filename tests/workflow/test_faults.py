"""Faults made on purpose: a few of each kind in every run of the tests, all of them as slow."""

import re
from collections import Counter

import pytest
from faults.case import Ending, assert_clear_sentence, assert_told_by_snakemake
from faults.command import DEFAULT_SEED, chosen, table, try_case
from faults.disks import can_mount
from faults.kinds import KINDS
from faults.process import ROOT, Ended
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
        "| kind | tried | correct result | clear sentence | told by verify | failed |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| one | 2 | 1 | 0 | 0 | 1 |",
        "| two | 3 | 0 | 3 | 0 | 0 |",
        "| all | 5 | 1 | 3 | 0 | 1 |",
    ]


def told(file: str) -> str:
    return " ".join((ROOT / file).read_text(encoding="utf-8").split())


def counts_on_the_page() -> dict[str, list[int]]:
    rows = re.findall(r"\| ([\w ]+?) \| ((?:[\d,]+ \| ){5}[\d,]+) \|", told("docs/faults.md"))
    return {kind: [int(cell.replace(",", "")) for cell in row.split(" | ")] for kind, row in rows}


@pytest.mark.skipif(not can_mount(), reason="without disks of its own it has fewer cases")
def test_the_page_counts_the_cases_that_there_are():
    """Columns: of them in every run of the tests, tried, three endings, failed."""
    counts = counts_on_the_page()
    assert list(counts) == [*KINDS, "all"]
    for kind, cases in KINDS.items():
        fast, tried, *endings = counts[kind]
        assert (fast, tried) == (sum(not case.slow for case in cases), len(cases)), kind
        assert sum(endings) == tried, kind
        assert endings[-1] == 0, kind
    assert counts["all"] == [
        sum(column) for column in zip(*(counts[kind] for kind in KINDS), strict=True)
    ]


def test_page_and_readme_tell_the_same_numbers():
    _, tried, result, sentence, verify, failed = counts_on_the_page()["all"]
    assert f"{tried:,} faults" in told("README.md")
    ends = (
        f"{result:,} ended in the correct result, {sentence:,} in a clear sentence, {verify:,} were"
    )
    assert ends in told("README.md")
    assert failed == 0
    assert f"seed {DEFAULT_SEED}" in told("docs/faults.md")


def test_mutated_configurations_are_as_many_as_the_page_says():
    names = [case.name for case in KINDS["configuration"]]
    whole = sum(name.startswith("file: ") for name in names)
    by_snakemake = sum(name.startswith("snakemake") for name in names)
    mutated = len(names) - whole - by_snakemake
    page = told("docs/faults.md")
    assert f"{mutated} mutations" in page
    assert f"{whole} whole files" in page
    assert f"{by_snakemake} more through `snakemake --dry-run`" in page
    assert mutated >= 200
