"""The table of all sentinels, in the order of their flaws, and the functions that run them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tlstudy.audit.sentinels import (
    angles,
    batchnorm,
    finite,
    gradients,
    guessing,
    images,
    landscapes,
    levels,
    overfitting,
    repeats,
    results,
    scales,
    softmax,
    weights,
)
from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError, needed
from tlstudy.audit.sentinels.sentinel import Finding, Sentinel

SENTINELS: tuple[Sentinel, ...] = (
    finite.diverged,
    finite.test_loss_not_finite,
    weights.no_weight_moved,
    weights.some_weights_never_moved,
    gradients.learning_rate_of_0,
    results.train_loss_did_not_fall,
    levels.loss_of_guessing,
    levels.flat_since_the_second_epoch,
    guessing.test_accuracy_of_guessing,
    weights.gradients_add_up,
    weights.gradient_grows,
    gradients.gradient_vanishes,
    gradients.gradient_spikes,
    landscapes.path_without_plane,
    landscapes.path_like_a_random_walk,
    landscapes.landscape_off_centre,
    softmax.loss_of_softmax_outputs,
    levels.loss_too_high_for_its_accuracy,
    guessing.accuracy_contradicts_loss,
    images.inputs_not_normalised,
    guessing.test_guesses_though_training_does_not,
    guessing.test_accuracy_constant,
    guessing.test_better_than_training,
    batchnorm.batchnorm_lags,
    batchnorm.test_changes_after_training,
    overfitting.overfitting,
    overfitting.test_accuracy_fell,
    overfitting.best_epoch_far_from_the_last,
    overfitting.still_improving,
    levels.oscillation,
    weights.drift_follows_step_size,
    weights.drift_from_start_unknown,
    results.best_epoch_on_test,
    results.reported_value_not_in_curves,
    images.repeated_training_images,
    images.uneven_classes,
    angles.angles_below_resolution,
)
# Those that look at runs that are compared.
GROUP_SENTINELS: tuple[Sentinel, ...] = (
    landscapes.landscapes_not_comparable,
    scales.sharpness_compared_across_scales,
    images.layers_of_some_runs_only,
    images.other_training_images,
)
# Those that look at all runs of a table, whatever they are called.
TABLE_SENTINELS: tuple[Sentinel, ...] = (
    repeats.curves_identical,
    repeats.epochs_unequal,
)


@dataclass(frozen=True)
class Examination:
    """What all sentinels made of a run, or of runs that are compared.

    Attributes:
        ran: names of the sentinels that looked.
        skipped: by name, what those that did not look would have needed.
    """

    findings: list[Finding] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def add(self, sentinel: Sentinel, saw: str, evidences: Iterable[Evidence]) -> None:
        """A sentinel looked, and saw something in the runs or nothing."""
        self.ran.append(sentinel.name)
        if saw:
            self.findings.extend(sentinel.finding(evidence, saw) for evidence in evidences)


def examine(evidence: Evidence) -> Examination:
    """Let each sentinel of single runs look that has what it needs."""
    result = Examination()
    for sentinel in SENTINELS:
        if missing := sentinel.lacks(evidence):
            result.skipped[sentinel.name] = missing
            continue
        try:
            result.add(sentinel, sentinel.saw(evidence), [evidence])
        except TooLittleError as error:
            result.skipped[sentinel.name] = str(error)
    return result


def examine_group(evidences: Iterable[Evidence]) -> Examination:
    """Let the others look at runs that are compared: one group, data set, subset size and seed.

    A finding is held against each of the runs that have what its sentinel needs.
    """
    return _examine_together(GROUP_SENTINELS, evidences)


def examine_table(evidences: Iterable[Evidence]) -> Examination:
    """Let those look at the runs of one table that look at all of them, as `examine_group` does."""
    return _examine_together(TABLE_SENTINELS, evidences)


def _examine_together(
    sentinels: tuple[Sentinel, ...], evidences: Iterable[Evidence]
) -> Examination:
    result, evidences = Examination(), list(evidences)
    for sentinel in sentinels:
        ready = [evidence for evidence in evidences if not sentinel.lacks(evidence)]
        if len(ready) < 2:
            wanted = ", ".join(map(needed, sentinel.needs))
            result.skipped[sentinel.name] = f"two runs with {wanted}"
            continue
        try:
            result.add(sentinel, sentinel.saw(ready), ready)
        except TooLittleError as error:
            result.skipped[sentinel.name] = str(error)
    return result
