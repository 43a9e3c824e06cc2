"""`python -m tests.faults`: every fault, counted."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.command import main

if __name__ == "__main__":
    main()
