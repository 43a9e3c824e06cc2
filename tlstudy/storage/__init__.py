"""Files, tables, errors and randomness: what every other package builds on."""
