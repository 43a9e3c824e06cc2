"""The columns of the result tables, with their types and units: one source for all readers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, tuple[str, str]]  # type and words by name

# Each table is a list of its own columns, so the tables look alike.
KEYS = {
    "arm": ("string", "name of the arm, with the swept settings appended"),
    "subset_size": ("int64", "number of training images"),
    "seed": ("int64", "seed of subset, initialisation and order of the images"),
}

CHANGES = {
    "norm": ("float64", "Euclidean norm of the weights after the epoch"),
    "displacement_from_start": (
        "float64",
        "||w_t - w_0|| / ||w_0||, w_0 the weights before training; a ratio, empty where w_0 is 0",
    ),
    "displacement_from_previous": ("float64", "||w_t - w_(t-1)|| / ||w_(t-1)||; a ratio"),
    "norm_change_from_start": ("float64", "(||w_t|| - ||w_0||) / ||w_0||; a signed ratio"),
    "norm_change_from_previous": (
        "float64",
        "(||w_t|| - ||w_(t-1)||) / ||w_(t-1)||; a signed ratio",
    ),
    "angle_from_start": ("float64", "angle between w_t and w_0, degrees"),
    "angle_from_previous": ("float64", "angle between w_t and w_(t-1), degrees"),
}


def _test_values(statistics: str) -> Columns:
    how = {
        "running": "BatchNorm with its running statistics",
        "recalibrated": "BatchNorm statistics recomputed on the training images",
    }[statistics]
    return {
        f"test_loss_{statistics}": ("float64", f"mean loss on test images, nats; {how}"),
        f"test_accuracy_{statistics}": ("float64", f"accuracy on test images, 0 to 1; {how}"),
        f"test_balanced_accuracy_{statistics}": (
            "float64",
            f"mean recall over the classes present, 0 to 1; {how}",
        ),
    }


METRICS = {
    **KEYS,
    "epoch": ("int64", "passes over the training images so far; the first is 1"),
    "train_loss": ("float64", "mean loss in training mode before the update, nats"),
    "train_accuracy": ("float64", "accuracy in training mode before the update, 0 to 1"),
    "train_balanced_accuracy": (
        "float64",
        "mean recall over the classes present, training mode, before the update, 0 to 1",
    ),
    "gradient_norm": (
        "float64",
        "Euclidean norm of the gradients of all trained weights at the epoch's last step, before "
        "it is clipped",
    ),
    **_test_values("running"),
    **_test_values("recalibrated"),
    "test_images": ("int64", "number of test images behind the test values"),
    **CHANGES,
    "training_seconds": ("float64", "time of the epoch's training steps, seconds"),
    "evaluation_seconds": ("float64", "time of the epoch's evaluation, seconds"),
}

LAYERS = {
    **KEYS,
    "epoch": METRICS["epoch"],
    "layer": ("string", "name of the weight tensor in torchvision's network"),
    "layer_index": ("int64", "position of the tensor in the network, from 0"),
    "kind": (
        "string",
        "convolution, convolution-bias, downsample, batchnorm-weight, batchnorm-bias, likewise of "
        "layernorm, groupnorm and inner-linear, linear-weight or linear-bias (the last layer's), "
        "other",
    ),
    "parameters": ("int64", "number of weights in the tensor"),
    **CHANGES,
    "predicted_displacement": (
        "float64",
        "displacement from the previous epoch if Adam moved every weight by the learning rate "
        "at each step: steps x learning rate / root mean square of w_(t-1); empty for other "
        "optimisers, 0 where the optimiser does not hold the weights or they are held. A step at a "
        "part of the learning rate counts as that part, a tensor of which a share is trained by "
        "the square root of that share",
    ),
}

RUNS = {
    **KEYS,
    "run": ("string", "folder of the run below the study's runs folder"),
    "label": ("string", "the arm's name in the report"),
    "group": ("string", "arms of a group are compared with its first arm"),
    "status": ("string", "finished, or diverged: the loss was not finite"),
    "epochs": ("int64", "epochs that were run"),
    "initialisation": ("string", "random, or the name of the pretrained weights"),
    "weights_source": ("string", "where the pretrained weights came from; empty if random"),
    "weights_sha256": ("string", "SHA-256 of the pretrained weights; empty if random"),
    "batchnorm": ("string", "statistics behind the reported values: running or recalibrated"),
    "reported_epoch": ("string", "rule for the reported values: final or best-on-test"),
    "reported_loss": ("float64", "reported mean loss on test images, nats"),
    "reported_accuracy": ("float64", "reported accuracy on test images, 0 to 1"),
    "reported_balanced_accuracy": ("float64", "reported balanced accuracy, 0 to 1"),
    "reported_test_images": ("int64", "number of test images behind the reported values"),
    **{f"final_{name}": spec for name, spec in _test_values("running").items()},
    **{f"final_{name}": spec for name, spec in _test_values("recalibrated").items()},
    "final_test_images": ("int64", "number of test images behind the final values"),
    "checkpoint_train_loss": (
        "float64",
        "loss of the final weights on the training images, BatchNorm statistics of the batch, nats",
    ),
    "trajectory_rank": ("int64", "rank of the centred trajectory of the weights"),
    "explained_variance_1": ("float64", "share of the trajectory's variance on axis 1"),
    "explained_variance_2": ("float64", "share of the trajectory's variance on axis 2"),
    "device": ("string", "device that trained"),
    "learning_rate": ("float64", "trained with; the chosen one where it was tuned"),
    "findings": (
        "string",
        "names of the sentinels that found something wrong with the run, separated by spaces; "
        "the findings themselves are in findings.parquet",
    ),
    "precision": ("string", "arithmetic of the training steps"),
    "evaluation_precision": ("string", "arithmetic of the evaluations on test images"),
    "threads": ("int64", "processor threads"),
    "torch": ("string", "version of PyTorch"),
    "code": ("string", "digest of the code that decides a run's numbers, comments apart"),
    "commit": ("string", "commit of the code, '+changes' if it was modified"),
    "training_seconds": ("float64", "time of all training steps, seconds"),
    "evaluation_seconds": ("float64", "time of all evaluations, seconds"),
    "seconds": ("float64", "time of the whole run, seconds"),
    "ended": ("string", "when it ended, UTC, by the machine's clock; empty if not recorded"),
    "peak_memory_gib": ("float64", "largest resident memory of the process, GiB"),
    "settings": ("string", "all settings of the arm, JSON"),
}

# The file of a run, and the table of all runs.
ANSWERS_OF_A_RUN = {
    "image": ("int32", "place of the image among the target's test images, from 0"),
    "label": ("int16", "class of the image"),
    "answer_running": (
        "int16",
        "class that it was taken for at the end, with running BatchNorm statistics; empty if not "
        "asked for, or diverged",
    ),
    "answer_recalibrated": ("int16", "the same with recalibrated ones"),
}
ANSWERS = {
    **KEYS,
    "statistics": ("string", "BatchNorm statistics of the answers: those that the arm reports"),
    "images": ("int64", "number of test images"),
    "labels": ("binary", "their classes in order, two bytes each, the lower first"),
    "right": ("binary", "a bit for each, in order, the highest of a byte first: 1 if right"),
}

FINDINGS = {
    **KEYS,
    "sentinel": ("string", "name of the sentinel"),
    "flaws": ("string", "flaws of the published study that it stands for, such as F1; or empty"),
    "severity": (
        "string",
        "error: a comparison with this run means nothing; warning: it does not mean what it "
        "says; note: true of many a sound run and no alarm, but it limits what may be concluded",
    ),
    "saw": ("string", "what was seen, with the numbers"),
    "why": ("string", "why it matters"),
    "advice": ("string", "what to do"),
}

SUMMARY = {
    "mean": ("float64", "mean over seeds; empty below five seeds"),
    "low": (
        "float64",
        "lower end of its 95 % interval: Student's t over seeds, or over seeds and test images "
        "where `images` says how many; empty likewise",
    ),
    "high": ("float64", "upper end likewise"),
    "df": ("float64", "degrees of freedom of that interval"),
    "images": ("float64", "test images that the interval is over, beside the seeds; else empty"),
    "bootstrap_low": (
        "float64",
        "lower end of the percentile bootstrap's interval over seeds, nominally 95 %; with few "
        "seeds it is too short",
    ),
    "bootstrap_high": ("float64", "upper end likewise"),
    "smallest": ("float64", "smallest value of a seed"),
    "largest": ("float64", "largest value of a seed"),
}

LADDER = {
    "rung": ("int64", "position on the ladder, from 0"),
    "group": ("string", "group of the rung's arms"),
    "mends": ("string", "what this rung mends, separated by commas"),
    "subset_size": KEYS["subset_size"],
    "quantity": ("string", "balanced_accuracy or loss, as reported by the arms"),
    "part": (
        "string",
        "new, pretrained: that arm; gap: pretrained less new; step: gap less the gap of the rung "
        "before, in the same seeds; put-back new, put-back pretrained, put-back gap: of the sound "
        "protocol with only this rung's flaws; put-back step: the sound protocol's gap less that; "
        "order: step less put-back step. Of losses only where all arms behind a part have the same "
        "head",
    ),
    "seeds": ("int64", "number of seeds with a value"),
    **SUMMARY,
    "interquartile_mean": ("float64", "mean of the middle half of the seeds; empty likewise"),
}

CLAIMS = {
    "claim": ("string", "name of the claim"),
    "subset_size": KEYS["subset_size"],
    "text": ("string", "the claim as it was made"),
    "slide": ("string", "where it was made"),
    "stated": (
        "string",
        "before: the claim, as it and its arms stand, was recorded before the first of its runs; "
        "changed: that too, but it was another one earlier; after; or not recorded",
    ),
    "statistic": ("string", "what is compared, in words, with its unit"),
    "unit": ("string", "unit of mean, interval and effect"),
    "effect": (
        "float64",
        "effect size that was stated, less the margin: values above it support the claim",
    ),
    "seeds": ("int64", "number of seeds with a value"),
    **SUMMARY,
    "p_value": (
        "float64",
        "two-sided p of the value against `effect`, by that interval; empty without one",
    ),
    "verdict": (
        "string",
        "supported: the interval lies wholly above `effect`; contradicted: wholly below it; "
        "refuted: wholly below zero too; inconclusive; not testable: a control failed, or there is "
        "no value; open: there is no experiment yet",
    ),
    "verdict_by_holm": (
        "string",
        "the verdict if all tested claims of the ledger are to hold together with 95 % "
        "(Holm 1979); empty where none was tested by an interval",
    ),
    "because": ("string", "what led to the verdict: the failed control, the missing seeds"),
    "more_seeds": (
        "float64",
        "further seeds that would settle the claim in four of five repetitions if mean and spread "
        "stayed; empty if settled or if none would",
    ),
    "figure": ("string", "figure of the report that shows it"),
}

CLAIM_VALUES = {
    "claim": CLAIMS["claim"],
    "subset_size": KEYS["subset_size"],
    "seed": KEYS["seed"],
    "value": ("float64", "the claim's statistic in this seed, in the claim's unit"),
}


def schema(columns: Columns) -> "pa.Schema":
    """Arrow schema of a table; the description of a column is in its field's metadata."""
    import pyarrow as pa  # here, as the workflow reads the names of tables on every call

    return pa.schema(
        [
            pa.field(name, pa.type_for_alias(kind), metadata={"description": text})
            for name, (kind, text) in columns.items()
        ]
    )
