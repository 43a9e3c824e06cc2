"""The report's sentences, computed from the tables."""
