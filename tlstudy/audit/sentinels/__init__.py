"""Sentinels: checks of every run for the flaws of the published study.

A sentinel is a pure function of the evidence of a run. It yields sentences with the numbers on what
is wrong. Without the evidence that it needs it is reported as skipped, never as passed.
"""
