"""Columns of the laboratory's tables and of that of the printed formulas: types, units, words."""

from tlstudy.storage.columns import CLAIM_VALUES, CLAIMS

LABORATORY = {
    "seed": ("int64", "seed of tasks, data and starts"),
    "experiment": ("string", "diagonal, relu, batchnorm or kernel"),
    "network": (
        "string",
        "diagonal, relu, batchnorm, plain: no normalisation, or plain-kernel and averaged-kernel",
    ),
    "method": (
        "string",
        "pretrained: before fine-tuning; fine-tuned; scratch; multi-task: both tasks at once; "
        "least-penalty and least-change: interpolating solutions found by optimisation; of kernels "
        "the classes whose turned images are shown: none, half or all",
    ),
    "overlap": ("float64", "share of the main task's features that the auxiliary task has, 0 to 1"),
    "cosine": (
        "float64",
        "cosine between a main feature and the auxiliary one that it was made from, 0 to 1",
    ),
    "features": ("float64", "number of features of the main task"),
    "scale": ("float64", "factor of the pretrained weights"),
    "gamma": ("float64", "size of the output weights that fine-tuning starts with"),
    "samples": ("float64", "training samples of the main task"),
    "part": ("string", "what the factor is on: encoder, head or both"),
    "statistics": (
        "string",
        "BatchNorm statistics behind the value: running, rescaled with the weights before "
        "training, or recalibrated on the training samples",
    ),
    "optimiser": ("string", "sgd or adam"),
    "learning_rate_rule": (
        "string",
        "learning rate of the scaled part: fixed, factor or squared factor times the others'",
    ),
    "measure": (
        "string",
        "test_error: mean squared error over the variance of the targets, on new inputs; "
        "residual: norm of the residuals on the training samples over that of the targets; "
        "penalty: of the solution, by Proposition 3 or Corollary 2, squared weights; "
        "squared_change: squared distance of all weights from where fine-tuning started; "
        "alignment: cosine of a unit's input weights with those before fine-tuning (relu: mean by "
        "the unit's mass; batchnorm and plain: median of the encoder's units); "
        "features_used: effective number of features of the main task's solution; "
        "reused_mass: share of the solution's mass on features of the auxiliary task; "
        "prediction_difference: root mean square difference of the outputs on test inputs from "
        "those without the factor, over the targets' deviation; "
        "displacement: distance of the encoder's weights from where fine-tuning started, over "
        "their norm there; "
        "accuracy_turned, accuracy_upright: share of right answers on test images of the classes "
        "that half leaves out, turned and as they are",
    ),
    "value": ("float64", "the measure's value"),
}

LABORATORY_RUNS = {
    "experiment": ("string", "experiment of the laboratory"),
    "seed": ("int64", "seed of tasks, data and starts"),
    "seconds": ("float64", "time that it took, seconds"),
    "processor": ("string", "model of the processor"),
    "python": ("string", "version of Python"),
    "numpy": ("string", "version of NumPy"),
    "torch": ("string", "version of PyTorch"),
    "commit": ("string", "commit of the code, '+changes' if it was modified"),
}

LABORATORY_CLAIMS = {
    "claim": CLAIMS["claim"],
    "experiment": LABORATORY["experiment"],
    "text": ("string", "what is claimed"),
    **{
        name: column
        for name, column in CLAIMS.items()
        if name not in ("claim", "subset_size", "text", "slide", "stated")
    },
}

LABORATORY_CLAIM_VALUES = {name: CLAIM_VALUES[name] for name in ("claim", "seed", "value")}

FORMULAS = {
    "formula": ("string", "name of the printed variant of Proposition 3"),
    "source": ("string", "where it was printed"),
    "draws": ("int64", "random arguments that it was tried on"),
    "seed": ("int64", "seed of these draws"),
    "no_root": ("float64", "share of the draws where its polynomial has no positive root"),
    "several_roots": ("float64", "share where it has more than one"),
    "exact": ("float64", "share where its value is the minimum, to a relative error of 1e-6"),
    "median_error": (
        "float64",
        "median of |printed - true| / true over the draws with a root; a ratio",
    ),
    "large_error": ("float64", "95th percentile of the same"),
}
