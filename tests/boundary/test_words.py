"""What the server says to people can be said in every language of the page: keys, templates and places agree."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from clickmask.server.benches import PixelBench
from clickmask.server.clouds.bench import PointBench
from clickmask.server.painting import COMBINERS

SERVER = Path("src/clickmask/server")
LOCALES = Path("web/src/state/locales")


def calls(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Key and template of every `words(...)` whose both are written out, directly or in a variable called text."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        text = ""
        for node in sorted(
            (n for n in ast.walk(function) if isinstance(n, ast.Call | ast.Assign)),
            key=lambda n: (n.lineno, n.col_offset),
        ):
            if isinstance(node, ast.Assign):
                named = isinstance(node.targets[0], ast.Name) and node.targets[0].id == "text"
                text = node.value.value if named and isinstance(node.value, ast.Constant) else text
            elif getattr(node.func, "id", "") == "words" and isinstance(node.args[0], ast.Constant):
                second = node.args[1]
                template = second.value if isinstance(second, ast.Constant) else text
                yield str(node.args[0].value), str(template)


def tables() -> Iterator[tuple[str, str]]:
    """Those that come from tables."""
    for name, (title, _) in COMBINERS.items():
        yield f"step.combine.{name}", f"{{class}} #{{object}} {title} {{names}}, {{pixels}} {{unit}}"
    for bench in (PixelBench(), PointBench(None)):
        for name, (title, _) in bench.shapers.items():
            yield f"shape.{name}", title
        yield f"unit.{bench.unit}", bench.unit


def catalogue(repository: Path, name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((repository / LOCALES / f"{name}.json").read_text(encoding="utf-8"))
    return {key.removeprefix("server."): text for key, text in found.items() if key.startswith("server.")}


def test_every_sentence_of_the_server_is_in_the_catalogues(repository: Path) -> None:
    english = catalogue(repository, "en")
    spoken = {
        pair
        for file in (repository / SERVER).rglob("*.py")
        for pair in calls(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert len(spoken) > 30
    assert {(k, english.get(k)) for k, _ in spoken | set(tables())} == spoken | set(tables())


def test_every_language_fills_in_the_same_places(repository: Path) -> None:
    english = catalogue(repository, "en")
    for file in (repository / LOCALES).glob("*.json"):
        texts = catalogue(repository, file.stem)
        assert texts.keys() == english.keys()
        for key, text in texts.items():
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english[key])), key
