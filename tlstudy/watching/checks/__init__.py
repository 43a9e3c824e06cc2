"""Checks of what was seen of a training, by subject.

The limits are reasoned where they stand; none was fitted to a training.
"""
