"""Writes the catalogue of methods into docs/methods.md, between its markers. `make docs` runs it; a test checks it."""

from __future__ import annotations

import re
from pathlib import Path

from clickmask.zoo.methods import METHODS, MethodLine

PAGE = Path(__file__).with_name("methods.md")
BLOCK = re.compile(r"(<!-- methods -->\n).*?(<!-- end -->\n)", re.DOTALL)
HEAD = "| method | what it is | paper | code | published weights |\n|---|---|---|---|---|\n"


def row(line: MethodLine) -> str:
    """One method as a row of the table."""
    files = "; ".join(
        f"`{file.file}`" + (f" ({file.trained_on}" + (f", {file.megabytes:g} MB)" if file.megabytes else ")"))
        for file in line.published
    )
    return f"| `{line.name}` | {line.summary} | {line.paper}, {line.year} | {line.licence} | {files} |\n"


def updated(text: str) -> str:
    """The page with the table as the catalogue is now."""
    return BLOCK.sub(lambda found: found[1] + HEAD + "".join(map(row, METHODS)) + found[2], text)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
