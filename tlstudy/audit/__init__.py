"""The sentinels on anyone's run: reading it, and telling what they saw."""
