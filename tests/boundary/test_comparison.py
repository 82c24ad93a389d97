"""The table of features: whoever says yes has to show the test."""

from __future__ import annotations

import re
from pathlib import Path

LINK = re.compile(r'\[(yes|tested)\]\(\.\./(tests/[\w/]+\.py)(?: "(test_\w+)")?\)')
CLICKMASK = 3


def test_every_yes_links_to_a_test_that_exists(repository: Path) -> None:
    page = (repository / "docs" / "comparison.md").read_text(encoding="utf-8")
    cells = [row.split("|")[CLICKMASK].strip() for row in page.splitlines() if re.match(r"\| \d+ \|", row)]
    assert len(cells) == 52 + 10
    for cell in cells:
        assert cell.startswith(("[yes](", "partly: ", "not yet"))
    found = LINK.findall(page)
    assert len([kind for kind, *_ in found if kind == "yes"]) == sum(cell.startswith("[yes](") for cell in cells)
    for _, path, name in found:
        source = (repository / path).read_text(encoding="utf-8")
        assert f"def {name}(" in source if name else "def test_" in source, f"{path} has no {name}"
