"""The sentinels on a user's own runs: reading them, and printing what was found."""
