"""The report's pages, from sentences and figures to HTML."""
