"""Limits that several sentinels share, each with its reason."""

# Standard deviations within which 99 of 100 values lie, both sides together.
DEVIATIONS = 2.58
# Test images whose error is assumed where their number is unknown: most people take more, so the
# error of theirs is smaller.
FEW_IMAGES = 100
# The usual level of a one-sided test, for a trend whose start is not chosen by the curve itself.
STEADY = 0.05
CONFIDENCE = 0.95  # of the intervals of shares
LEAST_FALL = 0.01  # of a train loss: less is no fall, or one of printed digits
# Shares of right answers: no network has the first that did not learn, and from the second on
# training has nothing to teach but the last hard examples.
MOSTLY_RIGHT = 0.9
NEARLY_ALL_RIGHT = 0.95
# More classes than any classifier or vocabulary of tokens has, but for a few: guessing one of them
# costs 12.4 nats.
MOST_CLASSES = 250_000
