"""Contradictions in the published material, in sentences computed from its series."""

from tlstudy.audit.sentinels.angles import angle_of, off_steps
from tlstudy.data import published
from tlstudy.report.figures import published as facts
from tlstudy.report.format import THIN, join, number, percent


def sentences() -> list[str]:
    """One for each panel of the figure."""
    return [_versions(), _angles(), _gradients(), _head()]


def _versions() -> str:
    found = facts.versions()
    shown = join(
        f"{100 * item.balanced_accuracy:.2f}{THIN}% and {item.loss:.4f} ({item.where})"
        for item in found
    )
    accuracies = [item.balanced_accuracy for item in found]
    spread = 100 * (max(accuracies) - min(accuracies))
    return (
        f"The pretrained network\u2019s best balanced accuracy and loss have three versions: "
        f"{shown}. They are of one seed. Their difference of {spread:.2f} points is not explained."
    )


def _angles() -> str:
    angles = published.angle()["angle_from_previous"]
    _, off = off_steps(angles.to_numpy())
    return (
        "Every plotted angle is a float32 arccosine: a whole number of the smallest steps, to "
        f"within {number(off, 1)}. No angle between zero and {angle_of(1):.3f}\u00b0 could have "
        f"been plotted. The {int((angles == 0).sum())} zeros among the {len(angles)} angles are "
        "rounding and do not show weights at rest."
    )


def _gradients() -> str:
    slope, growth = facts.gradient_growth()
    return (
        "The new network\u2019s gradient norm grows in proportion to the epoch: log-log slope "
        f"{slope:.3f}, last over first {growth:.2f} over {published.EPOCHS} epochs. One gradient "
        "was added up and never cleared, and the weights never changed. It did not explode."
    )


def _head() -> str:
    head = facts.head()
    return (
        "The slides read the last layer\u2019s change as the decoder learning. In an epoch it is "
        f"at most {percent(head.displacement)} of the norm and {head.angle:.2f}\u00b0. "
        f"Adam\u2019s step size alone predicts {percent(head.predicted_displacement)} and "
        f"{head.predicted_angle:.2f}\u00b0 for a layer of that initial scale."
    )
