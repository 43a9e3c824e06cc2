"""Re-run, audit and report a transfer-learning study from raw images and weights."""

__version__ = "0.1.0"
