"""`python -m tlstudy.cli`."""

from tlstudy.cli import main

main()
