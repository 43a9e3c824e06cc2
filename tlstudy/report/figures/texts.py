"""Words of the figures: explanations are in `explanations/`, a file for each figure.

Snakemake's report takes the same files as captions.
"""

from pathlib import Path

from tlstudy.config.catalogue import base_name

GAMMA, RHO = "\N{GREEK SMALL LETTER GAMMA}", "\N{GREEK SMALL LETTER RHO}"


def explanation(name: str) -> str:
    """How to read a figure; one that shows the other rungs is read alike."""
    file = Path(__file__).parent / "explanations" / f"{base_name(name)}.rst"
    return " ".join(file.read_text(encoding="utf-8").split())
