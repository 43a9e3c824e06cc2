"""The jobs of a study: their files, provenance, costs and progress."""
