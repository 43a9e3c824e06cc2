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
        "The pretrained network\u2019s best balanced accuracy and loss stand in three versions: "
        f"{shown}. The difference of {spread:.2f} points between versions of one seed is not "
        "explained."
    )


def _angles() -> str:
    angles = published.angle()["angle_from_previous"]
    _, off = off_steps(angles.to_numpy())
    return (
        f"Every plotted angle is a float32 arccosine: in units of the smallest step each is a "
        f"whole number to within {number(off, 1)}. So the {int((angles == 0).sum())} zeros among "
        f"the {len(angles)} angles are rounding and do not show weights at rest. No angle between "
        f"zero and {angle_of(1):.3f}\u00b0 could have been plotted."
    )


def _gradients() -> str:
    slope, growth = facts.gradient_growth()
    return (
        "The new network\u2019s gradient norm grows in proportion to the epoch: log-log slope "
        f"{slope:.3f}, last over first {growth:.2f} over {published.EPOCHS} epochs. One gradient "
        "was added up; it did not explode. Its weights were never changed and it was never cleared."
    )


def _head() -> str:
    head = facts.head()
    return (
        "The slides read the last layer\u2019s change as the decoder learning. It has the size "
        "that Adam\u2019s step gives any layer of that scale: at most "
        f"{percent(head.displacement)} of the norm and {head.angle:.2f}\u00b0 in an epoch. From "
        "the layer\u2019s initial scale, the step size alone predicts "
        f"{percent(head.predicted_displacement)} and {head.predicted_angle:.2f}\u00b0."
    )
