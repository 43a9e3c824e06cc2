"""The list of flaws: F1 to F16 of the published protocol, F17 of this project's own audit."""

from dataclasses import dataclass

from tlstudy.config.settings import Arm


@dataclass(frozen=True)
class Flaw:
    """Something that makes a result mean less than it says.

    Attributes:
        what, effect: what was done and what that does to the results, a sentence each.
        mended: what is done instead, in words that fit into a figure.
        setting: key and value of an arm's settings that switch it on; None where no arm can
            have it.
        published: whether it is one of the published study.
    """

    name: str
    what: str
    effect: str
    mended: str
    setting: tuple[str, str] | None = None
    published: bool = True

    def carried_by(self, arm: Arm) -> bool:
        """Whether the arm's settings switch it on."""
        return self.setting is not None and getattr(arm, self.setting[0]) == self.setting[1]


FLAWS = (
    Flaw(
        "F1",
        "The new network\u2019s optimiser was given the pretrained network\u2019s weights.",
        "The new network was never trained; its loss stayed at that of guessing, ln 10.",
        "the new network is trained",
        ("optimiser_holds", "another-network"),
    ),
    Flaw(
        "F2",
        "So its gradients were never set back to zero.",
        "They add up: the norm grows in proportion to the epoch.",
        "its gradients are cleared",
        ("optimiser_holds", "another-network"),
    ),
    Flaw(
        "F3",
        "Principal axes were taken of a path that never moved.",
        "The new network\u2019s landscape lies along directions of rounding noise.",
        "no plane is drawn where a path has fewer than two axes",
    ),
    Flaw(
        "F4",
        "Each landscape had a vertical scale of its own.",
        "A span of 0.004 looks as rough as one of 0.02.",
        "one scale for all compared",
    ),
    Flaw(
        "F5",
        "Radius, grid and number of weight copies differed; filters were not normalised.",
        "The pictures cannot be compared.",
        "same radius and grid; random directions are filter-normalised",
    ),
    Flaw(
        "F6",
        "Landscapes used the last BatchNorm averages at every point.",
        "The centre is no minimum of what was trained.",
        "each point uses the statistics of its own batch",
    ),
    Flaw(
        "F7",
        "Softmax was applied twice: in the network and in the loss.",
        "The loss is confined (with ten classes to 1.461 to 2.461) and gradients fade.",
        "cross-entropy on logits",
        ("head", "softmax"),
    ),
    Flaw(
        "F8",
        "Inputs were not normalised as ImageNet\u2019s were.",
        "The pretrained layers see other inputs than they were trained on.",
        "inputs normalised",
        ("normalisation", "none"),
    ),
    Flaw(
        "F9",
        "Tests used BatchNorm averages that thirty steps are too few to settle.",
        "Test curves show the averages catching up along with the learning.",
        "BatchNorm statistics recomputed",
        ("batchnorm", "running"),
    ),
    Flaw(
        "F10",
        "A large change of the last layer was read as an untouched encoder.",
        "Adam moves each weight by about its step size, so small weights change most.",
        "the change that the step size predicts is shown beside the measured one",
    ),
    Flaw(
        "F11",
        "Changes were measured from the previous epoch only.",
        "How far the weights drifted in all stays unknown.",
        "measured from the start too",
    ),
    Flaw(
        "F12",
        "Layers were shown for the pretrained network only.",
        "There is no control.",
        "shown for every arm",
    ),
    Flaw(
        "F13",
        "The best epoch was chosen on the test images.",
        "The result is optimistic.",
        "last epoch reported",
        ("reported_epoch", "best-on-test"),
    ),
    Flaw(
        "F14",
        "There was one seed.",
        "At least 3.9 points of spread are unexplained.",
        "several seeds",
    ),
    Flaw(
        "F15",
        "Images were drawn with replacement and not class by class.",
        "In the slides\u2019 draw the ten digits have two to nine images each.",
        "balanced draw of the images",
        ("drawing", "published"),
    ),
    Flaw(
        "F16",
        "Angles were arccosines in single precision.",
        "Below 0.05 degrees they are rounding; the zeros are not real.",
        "computed from sums and differences in double precision",
    ),
    Flaw(
        "F17",
        "Raw Hessian eigenvalues were compared between networks of other weight norms.",
        "They change with the scale of the weights before BatchNorm, so they do not say which "
        "network is smoother.",
        "compared in units of each filter\u2019s norm",
        published=False,
    ),
)
# What a rung of the ladder mends, in words: flaws by name, and what is no flaw of the slides.
MENDED = {
    **{flaw.name: flaw.mended for flaw in FLAWS},
    "learning rate": "learning rate chosen for each arm",
}
