"""Documents that are in step with the program."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from clickmask.cli.main import COMMANDS
from clickmask.formats import FORMATS

LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)")


def pages(repository: Path) -> list[Path]:
    return [*sorted(repository.glob("*.md")), *sorted((repository / "docs").rglob("*.md"))]


def script(repository: Path, name: str) -> ModuleType:
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, repository / "docs" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def update_cli(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """docs/update_cli.py as a module; the arguments and the terminal that it sets are put back afterwards."""
    monkeypatch.setattr("sys.argv", ["clickmask"])
    monkeypatch.setenv("COLUMNS", "80")
    return script(repository, "update_cli")


def test_the_help_in_the_command_page_is_what_the_commands_print(repository: Path, update_cli: ModuleType) -> None:
    page = (repository / "docs" / "cli.md").read_text(encoding="utf-8")
    assert update_cli.updated(page) == page, "The help texts have changed: run `make docs` and commit docs/cli.md."


def test_the_methods_in_their_page_are_those_of_the_catalogue(repository: Path) -> None:
    page = (repository / "docs" / "methods.md").read_text(encoding="utf-8")
    update_methods = script(repository, "update_methods")
    assert update_methods.updated(page) == page, (
        "The catalogue has changed: run `make docs` and commit docs/methods.md."
    )


def test_every_command_and_format_has_its_heading(repository: Path) -> None:
    commands = (repository / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [
        name for name in COMMANDS if f"\n## {name}\n" not in commands or f"<!-- help: {name} -->" not in commands
    ] == []
    formats = (repository / "docs" / "formats.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"\n## {name}\n" not in formats] == []


def test_links_between_documents_lead_somewhere(repository: Path) -> None:
    broken = [
        f"{page.relative_to(repository)}: {target}"
        for page in pages(repository)
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_page_is_reached_from_the_index(repository: Path) -> None:
    folder = repository / "docs"
    linked = {(folder / target).resolve() for target in LINK.findall((folder / "index.md").read_text(encoding="utf-8"))}
    wanted = [*sorted(folder.glob("*.md")), *sorted(folder.glob("*/README.md"))]
    assert [p.name for p in wanted if p.name != "index.md" and p.resolve() not in linked] == []
