"""The table of the quantities that claims may be about; each is one number for each run.

How they are computed: `tlstudy.audit.quantities`.
"""

from tlstudy.config.architectures import RESNET_STAGES
from tlstudy.config.quantity import Quantity, family

POINTS = {"final": "at the end", "matched": "at the train loss that all runs pass"}
# A ResNet's; those of other networks go by their own names, see `quantity_of`.
STAGES = {stage: stage for stage in RESNET_STAGES}
OF_FEATURES = (
    "dimensions_before",
    "dimensions_after",
    "shared_dimensions",
    "similarity",
    "log_evidence",
    "reconstruction_before",
    "reconstruction_after",
)
RATIOS_OF_FEATURES = ("log2_dimensions_kept", "log2_dimensions_shared")
STAGE_FAMILIES = ("probe", "frozen", "put-back", *OF_FEATURES, *RATIOS_OF_FEATURES)
METHODS = {
    "nearest": "the nearest training image",
    "logistic": "logistic regression",
    "svm": "a support vector machine",
}
# Groups of transforms of the measurement `invariance`, in words; ImageNet training shows a network
# those of the first four, and not the others.
TRANSFORM_GROUPS = {
    "horizontal-flip": "horizontal flip",
    "shift": "shift",
    "scale": "smaller size",
    "brightness": "lower brightness",
    "vertical-flip": "vertical flip",
    "quarter-turn": "turn by right angles",
    "inversion": "black for white",
    "half-and-three-quarter-turn": "turn by 180 or 270 degrees",
}
EXPOSED = {  # half of the classes that a run's seed draws; `augmentation` can show it turned
    "unseen": "classes outside the seed's half",
    "seen": "classes in the seed's half",
    "all": "all classes",
}
WAYS = {"training": "the run's own way", "gradient-descent": "gradient descent's way"}
QUANTITIES: dict[str, Quantity] = {
    "balanced_accuracy": Quantity(
        "share",
        "balanced accuracy",
        "Balanced accuracy on test images as the arm reports it, 0 to 1.",
        "runs",
    ),
    "loss": Quantity(
        "nats",
        "test loss",
        "Mean loss on test images as the arm reports it; losses of softmax outputs and of logits "
        "do not compare.",
        "runs",
    ),
    "displacement": Quantity(
        "of the initial norm",
        "displacement",
        "How far all weights together moved: ||w_T - w_0|| / ||w_0|| after the last epoch.",
        "metrics",
    ),
    "train_loss_fall": Quantity(
        "nats",
        "fall of the train loss",
        "Train loss in the first epoch (with one batch before any update) less that at the end.",
        "metrics",
    ),
    "trajectory_rank": Quantity(
        "dimensions",
        "rank of the path",
        "Rank of the centred path of the weights; at least 2 where it spans a plane.",
        "runs",
    ),
    "gradients_cleared": Quantity(
        "yes (1) or no (0)",
        "clearing of the gradients",
        "1 if gradients were cleared before each step: the optimiser held the network's own "
        "weights, and the observed gradient norm does not grow in proportion to the epoch (the "
        "sentinel gradients-add-up; with fewer than 5 epochs this cannot be told, and the "
        "settings decide); else 0.",
        "metrics",
    ),
    "log10_gradient_growth": Quantity(
        "powers of ten",
        "growth of the gradient norm (log10)",
        "log10 of the last epoch's gradient norm over the first epoch's.",
        "metrics",
    ),
    "log2_encoder_angle": Quantity(
        "doublings",
        "angle between the convolutions and their start (log2)",
        "log2 of the angle, in degrees, between a convolution's weights before training and after "
        "the last epoch: median over convolutions (downsampling ones apart).",
        "layers",
    ),
    "log2_head_excess": Quantity(
        "doublings",
        "excess movement of the last layer (log2)",
        "log2 of the last layer's movement over Adam's prediction for it, divided by the median "
        "over convolutions (downsampling ones apart) of the same ratio; movement and prediction "
        "are each added up over the epochs. No value where another optimiser trained or nothing "
        "moved.",
        "layers",
    ),
    **family(
        "baseline",
        METHODS,
        "share",
        "balanced accuracy of {} on the pixels",
        "Balanced accuracy on test images of a classifier on the pixels of the same training "
        "images, without a network, with scikit-learn's defaults.",
        "baselines",
    ),
    **family(
        "probe",
        STAGES,
        "share",
        "balanced accuracy, read off {} linearly,",
        "Balanced accuracy on test images of a linear readout (logistic regression) of a stage's "
        "averaged outputs before the network is trained.",
        "encoder",
    ),
    **family(
        "frozen",
        STAGES,
        "share",
        "balanced accuracy, everything up to {} held,",
        "Balanced accuracy on test images where everything up to the stage is held as it was "
        "before training and the rest is trained.",
        "encoder",
    ),
    **family(
        "put-back",
        STAGES | {"head": "head", "encoder": "encoder"},
        "share",
        "balanced accuracy, {} put back,",
        "Balanced accuracy on test images after fine-tuning, the weights of one stage put back to "
        "where they started; encoder: all stages before the head.",
        "encoder",
    ),
    "fine-tuned": Quantity(
        "share",
        "balanced accuracy, fine-tuned,",
        "Balanced accuracy on the same test images as probe, frozen and put-back after "
        "fine-tuning, nothing held or put back.",
        "encoder",
    ),
    **family(
        "log2_normalised_eigenvalue",
        POINTS,
        "doublings",
        "largest filter-normalised Hessian eigenvalue (log2), {},",
        "log2 of the largest eigenvalue of D H D, H the train loss's Hessian, D multiplying each "
        "weight by its filter's norm; no value where it is not positive. No scale of the weights "
        "before BatchNorm changes it. final and matched: at the final weights, and at the train "
        "loss that all runs pass.",
        "curvature",
    ),
    **family(
        "log2_hessian_eigenvalue",
        POINTS,
        "doublings",
        "largest Hessian eigenvalue (log2), {},",
        "log2 of the largest eigenvalue of the train loss's Hessian; no value where it is not "
        "positive. final: at the final weights; matched: at the train loss that all runs pass. "
        "It changes with the scale of the weights before BatchNorm, so it does not say which of "
        "two networks is smoother.",
        "curvature",
    ),
    **family(
        "log2_rise",
        POINTS,
        "doublings",
        "rise of the train loss along random directions (log2), {},",
        "log2 of the train loss's mean rise, in nats, along filter-normalised random directions; "
        "no value where it does not rise. final and matched: as above.",
        "curvature",
    ),
    "filter_alignment": Quantity(
        "cosine",
        "alignment of the filters with their start",
        "Cosine between a filter before and after training: median over the filters of a "
        "convolution, then over convolutions (downsampling ones apart).",
        "reuse",
    ),
    "log2_span_excess": Quantity(
        "doublings",
        "excess of the change within the start's top directions (log2)",
        "log2 of the share of a convolution's change that lies in the span of the input "
        "directions that hold half of its squared norm before training, over the share in a "
        "random span of that size; median over convolutions (downsampling ones apart).",
        "reuse",
    ),
    **family(
        "log2_drift_excess",
        WAYS,
        "doublings",
        "excess of {} over the least change (log2)",
        "log2 of how far all weights are from their start where the train loss first is below "
        "the matched one (curvature.train_loss), over the least change that was found to meet "
        "the same train loss; training: by the run's own optimiser; gradient-descent: following "
        "the gradient in short steps. A lower bound: a smaller change may be there.",
        "reuse",
        "lower",
    ),
    "accuracy_upright": Quantity(
        "share",
        "accuracy on upright test images",
        "Accuracy on test images as they are after training, mean over classes.",
        "invariance",
    ),
    **family(
        "accuracy_turned",
        EXPOSED,
        "share",
        "accuracy on turned test images of {}",
        "Accuracy after training on test images turned by 90, 180 and 270 degrees, mean over "
        "classes. seen: the half of the classes that the seed draws, which an augmentation of "
        "`classes: half` changes; unseen: the others; the same classes in every arm of a seed.",
        "invariance",
    ),
    **family(
        "accuracy_transformed",
        TRANSFORM_GROUPS,
        "share",
        "accuracy on test images changed by {}",
        "Accuracy after training on test images changed by the transforms of a group, mean over "
        "all classes.",
        "invariance",
    ),
    **family(
        "divergence",
        TRANSFORM_GROUPS,
        "nats",
        "divergence of answers under {}",
        "Mean Kullback-Leibler divergence of the answer on a changed test image from that on the "
        "image, over all classes (Zhou et al. 2022). One that always answers the same has none.",
        "invariance",
    ),
    **family(
        "log2_sensitivity",
        TRANSFORM_GROUPS,
        "doublings",
        "sensitivity of the encoder to {} (log2)",
        "log2 of the relative sensitivity of the encoder's last stage after training: distance of "
        "features between two transforms of an image over that between two images (Speicher et "
        "al. 2024).",
        "invariance",
    ),
    **family(
        "log2_sensitivity_before",
        TRANSFORM_GROUPS,
        "doublings",
        "sensitivity of the encoder to {} before training (log2)",
        "As log2_sensitivity, before training.",
        "invariance",
    ),
    **family(
        "dimensions_before",
        STAGES,
        "dimensions",
        "dimensions of {} before training",
        "Participation ratio of a stage's averaged outputs on test images before training.",
        "features",
    ),
    **family(
        "dimensions_after",
        STAGES,
        "dimensions",
        "dimensions of {} after training",
        "The same after training.",
        "features",
    ),
    **family(
        "log2_dimensions_kept",
        STAGES,
        "doublings",
        "dimensions of {} after training over those before (log2)",
        "log2 of dimensions_after over dimensions_before; negative where fewer are left.",
        "features",
    ),
    **family(
        "log2_dimensions_shared",
        STAGES,
        "doublings",
        "shared dimensions of {} over its dimensions after training (log2)",
        "log2 of shared_dimensions over dimensions_after: whether what is left was there before. 0 "
        "where nothing changes, or where training drops some of equally strong directions; above 0 "
        "where it keeps the strong ones, below 0 where it keeps weak ones or has new ones.",
        "features",
    ),
    **family(
        "shared_dimensions",
        STAGES,
        "dimensions",
        "shared dimensions of {} before and after training",
        "Effective number of shared dimensions (ENSD, Lippl & Lindsey 2024) of a stage's averaged "
        "outputs on test images before and after training.",
        "features",
    ),
    **family(
        "similarity",
        STAGES,
        "CKA",
        "similarity of {} before and after training",
        "Debiased linear CKA of a stage's averaged outputs on test images before and after "
        "training: 1 if alike up to a rotation and a factor, about 0 if unrelated.",
        "features",
    ),
    **family(
        "log_evidence",
        STAGES,
        "nats an image",
        "log evidence (LogME) of {}",
        "LogME of a stage's averaged outputs before training, on the training images' labels.",
        "features",
    ),
    **family(
        "reconstruction_before",
        STAGES,
        "R\u00b2",
        "reconstruction of images from {} before training",
        "R^2 of test images at 14 x 14 pixels, decoded from a stage's averaged outputs before "
        "training by ridge regression on the training images.",
        "features",
    ),
    **family(
        "reconstruction_after",
        STAGES,
        "R\u00b2",
        "reconstruction of images from {} after training",
        "The same after training.",
        "features",
    ),
}
