"""Watching any PyTorch training for flaws: `tlstudy.watch`. Imports torch and nothing else."""
