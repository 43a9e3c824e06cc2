"""Judgements on runs: intervals, claims, the ladder, and the sentinels."""
