"""Flaws that are planted in small training scripts, and what finds them."""
