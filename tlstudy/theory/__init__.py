"""Small networks whose optimum can be computed, and the penalty of Proposition 3."""
