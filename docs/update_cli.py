"""Writes the `--help` of every command into docs/cli.md, between its markers. `make docs` runs it; a test checks it."""

from __future__ import annotations

import io
import os
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

from clickmask.cli.main import main

PAGE = Path(__file__).with_name("cli.md")
BLOCK = re.compile(r"(<!-- help: (?P<command>[\w-]*) -->\n```text\n).*?(```\n)", re.DOTALL)


def help_of(command: str) -> str:
    """What `clickmask COMMAND --help` prints on a terminal of 80 columns."""
    os.environ["COLUMNS"] = "80"
    sys.argv = [part for part in ("clickmask", command, "--help") if part]
    printed = io.StringIO()
    with redirect_stdout(printed):
        try:
            main()
        except SystemExit as left:
            if left.code:
                raise
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines()) + "\n"


def updated(text: str) -> str:
    """The page with every block as the commands are now."""
    return BLOCK.sub(lambda found: found[1] + help_of(found["command"]) + found[3], text)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
