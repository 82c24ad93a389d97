"""`make compare` on made-up photographs: table, page, resumption, and what is not measured."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from .made_up import write_folder

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "compare_methods.py"
COMMAND = ["--models", "flood", "--refine", "graph_cut", "fbrs_b"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.slow
def test_one_command_makes_the_whole_page_and_goes_on_where_it_was(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the torch extra")
    photos, output = write_folder(tmp_path / "photos", 2), tmp_path / "run"
    notes = tmp_path / "notes.txt"
    notes.write_text("Said by\npeople.\n\nAnd <more>.\n", encoding="utf-8")
    published = ["--notes", notes, "--publish", tmp_path / "page"]
    done = run(f"folder={photos}", "-o", output, *COMMAND, *published)
    assert done.returncode == 0, done.stderr
    text = (output / "comparison.md").read_text(encoding="utf-8")
    assert "| flood + graph_cut |" in text and "NoC@90" in text
    assert "- `flood + fbrs_b`: The model 'flood' cannot run on 'torch'" in text
    assert "\n\nSaid by people.\n\nAnd <more>.\n\n" in text
    page = (output / "comparison.html").read_text(encoding="utf-8")
    assert "<p>And &lt;more&gt;.</p>" in page
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == text
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert len(outline.references) >= 2 and all(r.startswith("data:image/jpeg;base64,") for r in outline.references)
    kept = {path: path.read_bytes() for path in output.rglob("records.jsonl")}
    assert len(kept) == 2
    again = run(f"folder={photos}", "-o", output, *COMMAND)
    assert again.returncode == 0, again.stderr
    assert {path: path.read_bytes() for path in output.rglob("records.jsonl")} == kept


def test_the_page_names_disagreements_with_published_rankings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from comparison_page import Row, disagreements, learning_chart  # type: ignore[import-not-found]
    from costs import Costs  # type: ignore[import-not-found]

    def row(label: str, noc: float) -> object:
        return Row(label, False, {"datasets": {"grabcut": {"NoC@90": noc}}}, Costs(), [], tmp_path)

    (found,) = disagreements([row("ritm_hrnet18s", 3.0), row("dios + graph_cut", 2.0)])
    assert found.startswith("grabcut: dios + graph_cut needs fewer clicks here (2.00 against 3.00)")
    (small,) = disagreements([row("ritm_small", 9.0), row("fbrs_small + fbrs_b", 8.0)])
    assert small.startswith("grabcut: fbrs_small + fbrs_b needs fewer"), "small ones stand for the published"
    (none,) = disagreements([row("ritm_hrnet18s", 2.0), row("dios + graph_cut", 3.0)])
    assert none.startswith("None")
    (alone,) = disagreements([row("mine", 2.0)])
    assert alone == "No model here has a published counterpart."
    learned = Row("a", False, {}, Costs(), [], tmp_path, {"curve": [[8, 0.1], [16, 0.35]], "samples": 16})
    chart = learning_chart([learned, Row("b", False, {}, Costs(), [], tmp_path)])
    assert chart.count("<polyline") == 1 and ">16<" in chart and ">0.4<" in chart
    json.dumps([found, none, alone])
