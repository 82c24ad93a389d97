from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickmask.core.errors import FormatError
from clickmask.formats.json_items import Items, items, read_items

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def plain(value: Any) -> Any:
    if isinstance(value, Items):
        return list(value)
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


@settings(max_examples=60)
@given(
    rest=st.dictionaries(st.text(), VALUES, max_size=3),
    many=st.lists(VALUES, max_size=5),
    indent=st.sampled_from([None, 2]),
)
def test_the_same_as_parsing_at_once(
    tmp_path_factory: pytest.TempPathFactory, rest: Any, many: Any, indent: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.json"
    for document in ({**rest, "many": many}, many):
        path.write_text(json.dumps(document, indent=indent))
        assert plain(read_items(path, ("many",))) == document


def test_items_are_looked_at_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"many": [1, {"a": 2}, 3], "few": [4]}')
    whole = read_items(path, ("many",))
    many = items(whole["many"], "'many'")
    assert isinstance(many, Items) and (len(many), many[1], list(many[1:])) == (3, {"a": 2}, [{"a": 2}, 3])
    assert whole["few"] == [4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "many": [1 2]}', "line 2"),
        ('{"a" 1}', "line 1"),
        ('{"a": 1', "Expecting"),
        ("{1: 2}", "Expecting a name"),
        ("[1, 2", "Expecting"),
        ("[1, 2] 3", "Extra data"),
        ("", "Expecting value"),
        ("[" * 100_000, "nested"),
        ('{"many": [' + "[" * 100_000, "nested"),
    ],
)
def test_mistakes_are_located(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=message) as caught:
        read_items(path, ("many",))
    assert str(path) in str(caught.value)


def test_what_is_no_list_is_refused() -> None:
    with pytest.raises(FormatError, match="'many' must be a list"):
        items({}, "'many'")
