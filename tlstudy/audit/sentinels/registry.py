"""The table of all sentinels, in the order of their flaws, and the functions that run them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tlstudy.audit.sentinels import angles, batchnorm, images, landscapes, results, weights
from tlstudy.audit.sentinels.evidence import Evidence, TooLittleError, needed
from tlstudy.audit.sentinels.sentinel import Finding, Sentinel

SENTINELS: tuple[Sentinel, ...] = (
    results.diverged,
    weights.no_weight_moved,
    weights.some_weights_never_moved,
    results.train_loss_did_not_fall,
    results.test_accuracy_of_guessing,
    weights.gradients_add_up,
    landscapes.path_without_plane,
    landscapes.path_like_a_random_walk,
    landscapes.landscape_off_centre,
    results.loss_of_softmax_outputs,
    images.inputs_not_normalised,
    batchnorm.batchnorm_lags,
    batchnorm.test_changes_after_training,
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
    images.layers_of_some_runs_only,
    images.other_training_images,
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
    """Let the others look at runs that are compared: one group, subset size and seed.

    A finding is held against each of the runs that have what its sentinel needs.
    """
    result, evidences = Examination(), list(evidences)
    for sentinel in GROUP_SENTINELS:
        ready = [evidence for evidence in evidences if not sentinel.lacks(evidence)]
        if len(ready) < 2:
            wanted = ", ".join(map(needed, sentinel.needs))
            result.skipped[sentinel.name] = f"two runs with {wanted}"
        else:
            result.add(sentinel, sentinel.saw(ready), ready)
    return result
