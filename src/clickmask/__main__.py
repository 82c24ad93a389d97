"""`python -m clickmask` is the `clickmask` command."""

from clickmask.cli.main import main

main()
