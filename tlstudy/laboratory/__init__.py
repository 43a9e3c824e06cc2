"""A laboratory: networks small enough that what gradient descent finds can be held against optima.

Every experiment is a function of a seed alone: its tasks, sizes and sweeps are in its module.
"""
