"""The sentinels on runs of other programs: reading it, and telling what they saw."""
