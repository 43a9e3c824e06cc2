"""What the laboratory measures, with units, by the name in its table."""

MEASURES = {
    "test_error": "mean squared error over the variance of the targets, on new inputs",
    "residual": "norm of the residuals on the training samples over that of the targets",
    "penalty": "penalty of the solution that Proposition 3 or Corollary 2 gives, squared weights",
    "squared_change": "squared Euclidean distance of all weights from where fine-tuning started",
}
