"""`python -m tests.faults`: every fault, counted."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "helpers")]

from faults.command import main  # noqa: E402

if __name__ == "__main__":
    main()
