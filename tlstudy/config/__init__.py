"""A study as data: settings, sweeps, and what a configuration may not say."""
