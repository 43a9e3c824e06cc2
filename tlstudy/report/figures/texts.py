"""Titles and readings of the figures: what a figure shows is the data's to say."""

from dataclasses import dataclass

from tlstudy.config.catalogue import ACCURACY_BY_SIZE, CONTRADICTIONS, PENALTY

STEPS_SHOWN = (
    " A network that did not fit its training samples is shown as its last step left it: such "
    "points show a number of steps."
)
GAMMA, RHO = "\N{GREEK SMALL LETTER GAMMA}", "\N{GREEK SMALL LETTER RHO}"
# What a rung mends, in words short enough for a figure; flaws as in the report's list of them.
MENDED = {
    "F1": "the new network is trained",
    "F2": "its gradients are cleared",
    "F7": "cross-entropy on logits",
    "F8": "inputs normalised",
    "F9": "BatchNorm statistics recomputed",
    "F13": "last epoch reported",
    "F15": "balanced draw of the images",
    "learning rate": "learning rate chosen for each arm",
}


@dataclass(frozen=True)
class FigureText:
    """Title of a figure and sentences on how to read it; what it shows is the data's to say."""

    title: str
    what_to_see: str


TEXTS: dict[str, FigureText] = {
    "ladder": FigureText(
        "The gap between the two networks, mended step by step",
        "A rung is one protocol, run with a new and with a pretrained network on the same seeds "
        "and images; each rung mends what is named under it and keeps all that was mended before. "
        "Above, the balanced accuracy of both. In the middle, pretrained less new in the same "
        "seed: what pretraining seems to be worth against a new network. Below, how much each rung "
        "changed that gap, in this order of the fixes. Small points are seeds, diamonds their "
        "means, bars bootstrap intervals; grey crosses are the slides' values.",
    ),
    "ladder-loss": FigureText(
        "The same ladder for the loss",
        "Losses of softmax outputs (left) lie between 1.461 and 2.461 whatever the network does; "
        "those of logits (right) have no such limits. The two have axes of their own and do not "
        "compare, so no change is taken across the break. Small points are seeds, diamonds "
        "their means, bars bootstrap intervals; a negative gap is a lower loss of the pretrained "
        "network.",
    ),
    "claims": FigureText(
        "The slides' claims against the effect stated in advance",
        "A row for each claim that was tested, in the unit of its axis: right of zero is what the "
        "claim says. Small points are seeds, the large mark their mean, the bar its "
        "bootstrap interval, the upright mark the effect size that was stated before the runs. "
        "Supported: the interval lies wholly beyond that mark. Refuted: wholly left of zero.",
    ),
    "results": FigureText(
        "Reported results",
        "Each point is one seed. The grey crosses are the slides' table, the dotted lines what "
        "guessing gives: 10 % and ln 10. Losses of arms whose head is a softmax lie between 1.461 "
        "and 2.461 whatever the network does, and do not compare with those of logits.",
    ),
    "loss-new": FigureText(
        "Loss of the new networks",
        "Training loss before each epoch's update, test loss after it. A network that learns has a "
        "falling training loss; the slides' new network stays at ln 10, the loss of guessing.",
    ),
    "loss-pretrained": FigureText(
        "Loss of the pretrained networks",
        "Training loss before each epoch's update, test loss after it. Where the head is a softmax "
        "the loss cannot leave the band between the two grey lines.",
    ),
    "balanced-accuracy": FigureText(
        "Balanced accuracy",
        "The same weights evaluated twice: left with BatchNorm's running statistics, right with "
        "statistics recomputed on the training images. The difference between left and right is "
        "not learning.",
    ),
    "gradient-norm": FigureText(
        "Gradient norm",
        "Norm of the gradient of all weights at each epoch's last step. The slides' new network "
        "never had its gradients cleared: there the norm grows in proportion to the epoch.",
    ),
    "magnitude-change": FigureText(
        "Magnitude change of all weights",
        "Left: how far the weights moved in one epoch, relative to their norm, as in the slides. "
        "Right: how far they are from where they started, which the slides do not show.",
    ),
    "angle-change": FigureText(
        "Angle change of all weights",
        "Left: angle between the weights before and after an epoch, as in the slides, whose values "
        "jump and touch zero because they come from a float32 arccos. Right: angle to the start.",
    ),
    "layerwise-magnitude": FigureText(
        "Magnitude change by layer",
        "All maps share one colour scale. Below, each layer's mean over the epochs from the second "
        "on (solid) beside what it would be if Adam moved every weight by the learning rate at "
        "each step (dotted): where the two have the same shape, the map shows the optimiser and "
        "not what the layers learnt.",
    ),
    "layerwise-angle": FigureText(
        "Angle change by layer",
        "All maps share one colour scale. Below, each layer's mean over the epochs from the second "
        "on (solid) beside the angle of a step at right angles to the weights with the length that "
        "Adam's learning rate predicts (dotted).",
    ),
    "encoder": FigureText(
        "What the stages of the network hold",
        "Balanced accuracy on test images, three ways. Probe: a linear readout of a stage's "
        "outputs before any training on digits. Held: everything up to the stage kept as it was, "
        "the rest trained. Put back: the fine-tuned network with that stage's weights put back to "
        "where they started. The line across is the fine-tuned network itself. Small points are "
        "seeds, large marks their means, bars bootstrap intervals. The pixels themselves have no "
        "probe here: a probe better than a random network's need not be better than one of the "
        "pixels.",
    ),
    "landscape-trajectory": FigureText(
        "Loss landscape in the plane of the run's own path",
        "Training loss around the final weights. Arms of a group share the grid, the radius, the "
        "vertical scale and the colours. The line is the run's path, from the open to the filled "
        "circle; the shares of variance stand beside those of a random walk, which has such a "
        "plane too.",
    ),
    "landscape-random": FigureText(
        "Loss landscape in a random plane",
        "Training loss around the final weights along filter-normalised random directions (Li et "
        "al. 2018). Arms of a group share the grid, the radius, the vertical scale and the "
        "colours.",
    ),
    "curvature": FigureText(
        "Curvature of the training loss",
        "Largest eigenvalue of the Hessian, and how much the loss rises along filter-normalised "
        "random directions (Li et al. 2018); both on logarithmic axes, at the final weights and "
        "where the path first reaches the same training loss in every run. A line joins the two "
        "networks of a seed; above each panel is the pretrained network's value as a multiple of "
        "the new one's, the geometric mean over seeds. The eigenvalue is raw: it changes with the "
        "scale of the weights before BatchNorm, which no output depends on (Dinh et al. 2017), so "
        "it does not say which network is smoother.",
    ),
    "reuse": FigureText(
        "What fine-tuning kept of the features it started from",
        "Above left: the cosine between a filter before and after training, and (dotted) what it "
        "would be had every filter moved as far at right angles to itself: where the two cover "
        "each other, that is how filters moved. Above right: the share of a convolution's change "
        "that lies in the span of the input directions that hold half of its squared norm before "
        "training, over the share in a random span of that size. "
        "Below: how far all weights are from their start where the train loss is the same: by the "
        "run's own optimiser, following the gradient in short steps, and the least change that "
        "was found. Where regularisation is implicit, the first two are near the third.",
    ),
    CONTRADICTIONS: FigureText(
        "What the published material says against itself",
        "Only published values: the slides' table and plotted series, and the table in the "
        "author's public notebook (GitHub, GabrielePintus/AdvancedDL-KernelMethods). One seed, so "
        "there is no interval anywhere. (a) One result in three versions. (b) Every plotted angle "
        "is a step of single-precision arithmetic, arccos(1 - k / 2^24) with a whole k, so the "
        "zeros are rounding. (c) The new network's gradient norm beside the straight line of "
        "gradients that are never cleared. (d) The change of the last layer beside the one that "
        "Adam's step size predicts at its initial scale.",
    ),
    PENALTY: FigureText(
        "The penalty of Proposition 3, and its printed variants",
        "(a) Diagonal networks (Corollary 2): the more pretraining left of a coefficient, the less "
        "it costs; dashed, what it adds where both tasks are learnt at once, the other coefficient "
        "being 1. (b) How the penalty grows with a strength: with its square as long as it is "
        "small beside what pretraining left, as in l2 (lazy), almost in proportion beyond, as in "
        "l1 (sparse). (c) A ReLU unit that must turn pays for that first; below the dashed line "
        "it is cheaper to reuse it than to make a new one. (d) The output weight that fine-tuning "
        "starts with decides which strength, of which sign, is cheapest. (e) The printed variants "
        "where the slides and the paper's statement share their mistake; at w = 1 none shows. "
        "(f) The share of random draws in which each is off by no more than so much; a line that "
        "stays below 100 % has draws without any root.",
    ),
    "laboratory-claims": FigureText(
        "The laboratory's claims against the effect stated in advance",
        "A row for each claim, in the unit of its axis: right of zero is what the claim says. "
        "Small points are seeds, the large mark their mean, the bar its bootstrap interval, the "
        "upright mark the effect size that was stated before it was computed on these seeds.",
    ),
    "laboratory-regimes": FigureText(
        "When an auxiliary task helps: ReLU networks",
        "A teacher of four units, learnt from few samples: from scratch, after an auxiliary task "
        "with eight units, or both at once. From panel to panel the two tasks have more in common. "
        "The last panel has no auxiliary task: a teacher of fewer units needs fewer samples."
        + STEPS_SHOWN,
    ),
    "laboratory-diagonal": FigureText(
        "When an auxiliary task helps: diagonal linear networks",
        "Ten of 100 coefficients, learnt from few samples, after an auxiliary task with 20 or "
        "beside it. What gradient descent finds has the least penalty of Corollary 2 (Lippl & "
        "Lindsey); the solution with the least change of the weights is another one." + STEPS_SHOWN,
    ),
    "laboratory-implicit": FigureText(
        "What gradient descent pays, over the least",
        "1 (dotted) is the optimum for the outputs that gradient descent arrived at. Change: "
        "squared change of all weights over the least one, which is exact in diagonal networks "
        "and the least found in ReLU networks. Price: in diagonal networks the penalty of "
        "Corollary 2 over the least, in ReLU networks the change over the sum of Proposition 3 "
        "for the units that were found." + STEPS_SHOWN,
    ),
    "laboratory-features": FigureText(
        "What a factor on the pretrained weights selects: ReLU networks",
        "Features used: units whose directions agree (cosine of 0.9 or more) count as one, "
        "weighted by their share of the solution. On pretrained features: that share within such "
        "a cone around one of the auxiliary teacher's units." + STEPS_SHOWN,
    ),
    "laboratory-rescaling": FigureText(
        "A factor on pretrained weights under BatchNorm",
        "Left SGD, right Adam. First row: how far outputs are from those of the run without a "
        "factor. With SGD a learning rate times the squared factor makes the factor vanish, with "
        "Adam one times the factor. Third row: BatchNorm's running statistics belong to the "
        "weights as they were, unless they are rescaled too.",
    ),
    ACCURACY_BY_SIZE: FigureText(
        "Balanced accuracy against the number of training images",
        "Each point is one seed. Where there are enough seeds the line is their mean and the bar "
        "its interval.",
    ),
}
