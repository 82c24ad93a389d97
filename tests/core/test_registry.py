from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from clickmask.core import registry as module
from clickmask.core.errors import InputError, UnknownNameError
from clickmask.core.registry import Registry


@pytest.fixture
def table() -> Registry[Any]:
    return Registry("stage", {"flip": "json:dumps", "zoom_in": "json:loads"})


def test_entries_are_imported_when_asked_for(table: Registry[Any]) -> None:
    import json

    assert table.get("flip") is json.dumps
    assert table.target("zoom_in") == "json:loads"
    assert list(table) == table.names() == ["flip", "zoom_in"]
    assert "flip" in table
    assert "flop" not in table


def test_listing_imports_nothing() -> None:
    table: Registry[Any] = Registry("stage", {"heavy": "no_such_module:thing"})
    assert table.names() == ["heavy"]
    with pytest.raises(ModuleNotFoundError):
        table.get("heavy")


def test_an_unknown_name_lists_the_nearest(table: Registry[Any]) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown stage 'flop'. Did you mean 'flip'\?"):
        table.get("flop")


def test_a_name_like_no_other_lists_all(table: Registry[Any]) -> None:
    with pytest.raises(InputError, match=r"Unknown stage 'xyz'. Known: flip, zoom_in\."):
        table.target("xyz")
    with pytest.raises(UnknownNameError, match=r"Known: none\."):
        Registry[Any]("stage", {}).get("xyz")


def test_a_name_is_registered_once(table: Registry[Any]) -> None:
    table.register("new", "json:load")
    assert "new" in table
    with pytest.raises(ValueError, match="The stage 'flip' is registered already, as json:dumps"):
        table.register("flip", "json:load")


def test_the_table_does_not_change_what_it_was_made_from() -> None:
    targets = {"flip": "json:dumps"}
    Registry[Any]("stage", targets).register("new", "json:load")
    assert targets == {"flip": "json:dumps"}


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Groups asked for, while two packages offer stages."""
    asked = []

    def entry_points(group: str) -> list[EntryPoint]:
        asked.append(group)
        return [EntryPoint("sharpen", "json:load", group), EntryPoint("flip", "json:load", group)]

    monkeypatch.setattr(module, "entry_points", entry_points)
    return asked


def test_third_parties_join_by_entry_point(table: Registry[Any], plugins: list[str]) -> None:
    assert table.target("sharpen") == "json:load"
    assert table.names() == ["flip", "sharpen", "zoom_in"]
    assert plugins == ["clickmask.stage"]


def test_a_plugin_cannot_take_the_place_of_an_own_entry(table: Registry[Any], plugins: list[str]) -> None:
    assert table.target("flip") == "json:dumps"
    assert plugins


def test_a_name_that_a_plugin_has_taken_is_refused(table: Registry[Any], plugins: list[str]) -> None:
    with pytest.raises(ValueError, match="'sharpen' is registered already"):
        table.register("sharpen", "json:dumps")
    assert plugins
