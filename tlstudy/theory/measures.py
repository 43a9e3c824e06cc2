"""What the laboratory measures, with units, by the name in its table."""

MEASURES = {
    "test_error": "mean squared error over the variance of the targets, on new inputs",
    "residual": "norm of the residuals on the training samples over that of the targets",
    "penalty": "penalty of the solution that Proposition 3 or Corollary 2 gives, squared weights",
    "squared_change": "squared Euclidean distance of all weights from where fine-tuning started",
    "alignment": "cosine of a unit's input weights with those before fine-tuning: relu, mean by "
    "the unit's mass; batchnorm and plain, median of the encoder's units",
    "features_used": "effective number of features of the main task's solution",
    "reused_mass": "share of the solution's mass on features of the auxiliary task",
    "prediction_difference": "root mean square difference of the outputs on test inputs from those "
    "without the factor, over the targets' deviation",
    "displacement": "distance of the encoder's weights from where fine-tuning started, over their "
    "norm there",
}
