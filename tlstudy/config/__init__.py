"""A study as data: settings, sweeps and checks of a configuration."""
