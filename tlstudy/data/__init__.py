"""Images: where they come from, which of them a run sees, and the published series."""
