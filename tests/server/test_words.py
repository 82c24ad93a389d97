"""Every sentence of the server that has words can be said in every language of the page."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clickmask.predict.propagate import REASONS

from .conftest import Server


def sentences(source: Path) -> Iterator[tuple[str, str]]:
    """Key and template of each call of `words` in a file whose key is written out."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assigned = [
        (node.lineno, target.id, str(node.value.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "words"):
            continue
        key, template = node.args[0], node.args[-1]
        if isinstance(key, ast.Constant):
            name = template.id if isinstance(template, ast.Name) else ""
            above = [one for one in assigned if one[0] < node.lineno and one[1] == name]
            text = str(template.value) if isinstance(template, ast.Constant) else max(above, default=(0, "", ""))[2]
            yield str(key.value), text if template is not key else ""


@pytest.fixture(scope="module")
def said(repository: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in sorted((repository / "src" / "clickmask").rglob("*.py")):
        found.update(sentences(source))
    return found


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_every_key_is_in_the_catalogue(repository: Path, said: dict[str, str], language: str) -> None:
    file = repository / "web" / "src" / "state" / "locales" / f"{language}.json"
    catalogue = json.loads(file.read_text(encoding="utf-8"))
    assert len(said) > 60
    needed = {*said, *(f"carried.{reason}" for reason in REASONS)}
    assert {key for key in needed if f"server.{key}" not in catalogue} == set()


def test_the_english_catalogue_says_what_the_server_says(repository: Path, said: dict[str, str]) -> None:
    file = repository / "web" / "src" / "state" / "locales" / "en.json"
    catalogue = json.loads(file.read_text(encoding="utf-8"))
    differing = {key for key, text in said.items() if text and catalogue.get(f"server.{key}") != text}
    assert differing == set()


def test_refusals_of_everyday_have_words(server: Server) -> None:
    refusals = {
        "nothingToExport": server.post("/export", {"format": "png"}),
        "lastClass": server.http.delete("/api/v1/classes/1"),
        "classTaken": server.post("/classes", {"name": server.get("/classes").json()["classes"][0]["name"]}),
        "objectGone": server.http.patch("/api/v1/objects/77", json={"hidden": True}),
    }
    (server.folder / "b.png").unlink()
    refusals["imageGone"] = server.get("/images/2/display")
    told = {name: answer.json()["error"].get("words", {}).get("key") for name, answer in refusals.items()}
    assert told == {name: f"refused.{name}" for name in refusals}
