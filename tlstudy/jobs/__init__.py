"""The jobs of a study: their files, records, costs and progress."""
