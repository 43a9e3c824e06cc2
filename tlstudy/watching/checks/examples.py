"""Which examples are trained on and evaluated."""

from collections.abc import Iterator

from tlstudy.watching.checks.steps import FEW_STEPS
from tlstudy.watching.finding import Finding, Severity, percent
from tlstudy.watching.seen import Seen

RARE, MANY = 0.002, 0.05  # shares of equal examples: by nature, and surely by a mistake
MOST = 0.5  # share of the training examples: more of them are the training set


def same_batch(seen: Seen) -> Iterator[Finding]:
    """Every step had the same examples."""
    if seen.steps < FEW_STEPS or len(seen.batches) != 1:
        return
    if seen.longest_epoch > 1:
        yield Finding(
            "same-batch",
            "warning",
            f"all {seen.steps} steps had the same examples, up to {seen.longest_epoch} steps an "
            "epoch",
            "The network sees one batch, whatever the data set holds.",
            "Take the next batch at every step: next(iter(loader)) gives the first one again.",
        )
    else:
        yield Finding(
            "same-batch",
            "note",
            f"all {seen.steps} steps had the same examples",
            "So it is if the data set is one batch.",
            "If it is larger, look at how the batches are drawn.",
        )


def test_among_training(seen: Seen) -> Iterator[Finding]:
    """Test examples that had been trained on."""
    examples = seen.examples
    if seen.not_finite:  # then examples may be alike
        return
    why = "The test values are in part those of training, so they are too good."
    advice = "Split the data once, before anything else, and keep the parts apart."
    # Evaluating the training set as well is no leak; a small part of it among others is one.
    is_training_set = len(examples.pure) > MOST * len(examples.trained)
    training_set = examples.pure if is_training_set else set()
    shared = examples.mixed | (examples.pure - training_set)
    tested = examples.evaluated - training_set | shared
    if examples.given is not None:
        shared, tested = examples.given & examples.trained, examples.given
    elif examples.pure and examples.pure == examples.evaluated:
        is_sure = seen.test_values_given or not is_training_set
        yield Finding(
            "test-examples-in-training",
            "warning" if is_sure else "note",
            f"all {len(examples.pure)} examples that were evaluated had been trained on",
            "There was no test of anything new.",
            "Evaluate on data that is kept out of the training.",
        )
        return
    if shared:
        share = len(shared) / len(tested)
        is_sure = share > MANY and (examples.given is not None or examples.mixed)
        severity: Severity = "error" if is_sure else "warning" if share > RARE else "note"
        yield Finding(
            "test-examples-in-training",
            severity,
            f"{len(shared)} of {len(tested)} different test examples ({percent(share)}) were "
            "trained on",
            why,
            advice,
        )
