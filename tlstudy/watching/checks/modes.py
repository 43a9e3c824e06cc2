"""Training and evaluation mode."""

from collections.abc import Iterator

from tlstudy.watching.checks.steps import SOME
from tlstudy.watching.finding import Finding
from tlstudy.watching.seen import Seen


def is_trained_in_evaluation_mode(seen: Seen) -> bool:
    """Whether more than a few training steps were in evaluation mode."""
    wrong, right = seen.trained.evaluation_mode, seen.trained.training_mode
    return wrong > SOME * (wrong + right)


def mode(seen: Seen) -> Iterator[Finding]:
    """Evaluation in training mode, or training in evaluation mode."""
    if not seen.modes_differ:
        return
    what = "There are layers of dropout or BatchNorm, which do other things in the two modes."
    if is_trained_in_evaluation_mode(seen):
        wrong, right = seen.trained.evaluation_mode, seen.trained.training_mode
        yield Finding(
            "trained-in-evaluation-mode",
            "warning",
            f"{wrong} of {wrong + right} forward passes of training steps were in evaluation mode, "
            f"the first at step {seen.first_in_evaluation_mode}",
            what,
            "Call model.train() before the training steps of each epoch.",
        )
    elif seen.layers_off > SOME * (seen.trained.evaluation_mode + seen.trained.training_mode):
        yield Finding(
            "trained-in-evaluation-mode",
            "note",
            f"in {seen.layers_off} forward passes of training steps the network was in training "
            "mode, but all its layers of dropout and BatchNorm were in evaluation mode",
            "It may be meant for BatchNorm. A network that is loaded is often in evaluation mode, "
            "and Lightning leaves parts as they are.",
            "If it is not meant, call train() on the part that was loaded.",
        )
    if seen.evaluated.evaluation_mode or seen.idle.evaluation_mode:
        return
    wrong = seen.evaluated.training_mode + seen.idle.training_mode
    if wrong:
        is_sure = seen.evaluated.training_mode or seen.idle_at_end or seen.test_values_given
        yield Finding(
            "evaluated-in-training-mode",
            "warning" if is_sure else "note",
            f"{wrong} forward passes that trained nothing were in training mode, none in "
            "evaluation mode",
            f"{what} In training mode the test data change BatchNorm's statistics as well.",
            "Call model.eval() before the evaluation, and model.train() after it.",
        )
