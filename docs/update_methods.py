"""Writes the catalogue of methods into docs/methods.md, between its markers. `make docs` runs it; a test checks it."""

from __future__ import annotations

import re
from pathlib import Path

from clickmask.zoo.methods import METHODS, MethodLine
from clickmask.zoo.sam import SAM_LINES

PAGE = Path(__file__).with_name("methods.md")
BLOCKS = {"methods": METHODS, "sam": SAM_LINES}
"""Tables by the marker that they follow."""
HEAD = "| method | what it is | paper | code | published weights |\n|---|---|---|---|---|\n"


def row(line: MethodLine) -> str:
    """One method as a row of the table."""
    files = "; ".join(
        f"`{file.file}`" + (f" ({file.trained_on}" + (f", {file.megabytes:g} MB)" if file.megabytes else ")"))
        for file in line.published
    )
    return f"| `{line.name}` | {line.summary} | {line.paper}, {line.year} | {line.licence} | {files} |\n"


def updated(text: str) -> str:
    """The page with the tables as the catalogue is now."""
    for marker, lines in BLOCKS.items():
        table = HEAD + "".join(map(row, lines))
        pattern = rf"(<!-- {marker} -->\n).*?(<!-- end -->\n)"
        text = re.sub(pattern, lambda found, table=table: found[1] + table + found[2], text, flags=re.DOTALL)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
