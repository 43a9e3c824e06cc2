"""Which examples are trained on and evaluated."""

from collections.abc import Iterator

from tlstudy.watching.checks.steps import FEW_STEPS
from tlstudy.watching.finding import Finding, percent
from tlstudy.watching.seen import ExamplesSeen, Seen

NAME = "test-examples-in-training"
RARE, MANY = 0.002, 0.05  # shares of equal examples: by nature, and surely by a mistake
DEVIATIONS = 3.0  # of a share that is drawn: beyond that it is no chance
WHOLE = 0.8  # of the training examples in the first epoch: dropped last batches may be missing
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


def equal_by_nature(examples: ExamplesSeen, tested: int) -> float:
    """Most of the test examples (a share) that may equal training ones without any leak.

    In training and test data drawn alike, a test example has an equal one among the training
    examples as often as a training example has one among the others.
    """
    share = examples.share_of_twins
    # With draws that are put back, an epoch leaves out a third, and its twins say nothing.
    is_whole = 0 < examples.first_different >= WHOLE * len(examples.trained)
    if not is_whole or not tested:
        return 0.0
    deviation = (share * (1 - share) * (1 / tested + 1 / examples.first)) ** 0.5
    return share + DEVIATIONS * deviation


def test_among_training(seen: Seen) -> Iterator[Finding]:
    """Test examples that had been trained on."""
    examples = seen.examples
    if seen.not_finite:  # then examples may be alike
        return
    if examples.given is not None:
        yield from shared_examples(examples, examples.given & examples.trained, examples.given)
        return
    is_training_set = len(examples.pure) > MOST * len(examples.trained)
    rest = examples.evaluated - examples.pure
    if examples.pure and not rest:
        if equal_by_nature(examples, len(examples.pure)) >= 1:
            yield from shared_examples(examples, examples.pure, examples.pure)
            return
        # Of the whole training set it cannot be told whether it was meant as a test.
        is_sure = seen.test_values_given or not is_training_set
        yield Finding(
            NAME,
            "error" if is_sure else "warning",
            f"all {len(examples.pure)} examples that were evaluated had been trained on",
            "There was no test of anything new.",
            "Evaluate on data that is kept out of the training.",
        )
        return
    # The training set, or a fixed part of it, may be evaluated beside a test set that is sound.
    beyond = share_of(examples.mixed, rest) - equal_by_nature(examples, len(rest))
    is_apart = is_training_set or (beyond <= RARE and not examples.is_interleaved)
    if is_apart and examples.pure and not is_training_set:
        yield Finding(
            NAME,
            "note",
            f"{len(examples.pure)} different examples were evaluated in batches that held only "
            "training examples; other batches held others",
            "That is right if a part of the training set is evaluated as well. The table leaves "
            "these batches out of its test values; values that you compute may include them.",
            "Check that these examples are not part of the test set.",
        )
    apart = examples.pure if is_apart else set()
    shared = (examples.mixed | examples.pure) - apart
    yield from shared_examples(examples, shared, examples.evaluated - apart)


def shared_examples(
    examples: ExamplesSeen, shared: set[int], tested: set[int]
) -> Iterator[Finding]:
    """Tested examples that had been trained on: more than there may be by nature, or not."""
    if not shared:
        return
    share, natural = share_of(shared, tested), equal_by_nature(examples, len(tested))
    saw = (
        f"{len(shared)} of {len(tested)} different evaluated examples ({percent(share)}) were "
        "trained on"
    )
    if share - natural <= RARE:
        if natural:
            saw += f"; {percent(examples.share_of_twins)} of the training examples equal another"
        yield Finding(
            NAME,
            "note",
            saw,
            "So many are equal by nature if the examples have few different values. Copies that "
            "were made before the split look the same.",
            "If equal examples are not natural here, remove the copies before the split.",
        )
        return
    yield Finding(
        NAME,
        "error" if share - natural > MANY else "warning",
        saw,
        "The test values are in part those of training, so they are too good.",
        "Split the data once, before anything else, and keep the parts apart.",
    )


def share_of(part: set[int], whole: set[int]) -> float:
    """Share of the whole; 0 of nothing."""
    return len(part) / len(whole) if whole else 0.0
