from __future__ import annotations

import os
from pathlib import Path

import pytest

from clickmask.core.errors import FormatError
from clickmask.formats.annotation import Numbers
from clickmask.formats.files import json_bytes, only_file, read_json, write_atomically


def test_writing_replaces_the_content_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    write_atomically(path, b"one")
    path.chmod(0o640)
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two" and path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


def test_a_full_disk_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FormatError, match=r"No space left.*unchanged"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FormatError, match="cannot be written"):
        write_atomically(tmp_path / "file" / "a.json", b"x")


def test_mistakes_in_json_are_located(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content, text in [
        (b'{"a":\n 1,,}', "line 2"),
        (b"\xff\xfe{", "UTF-8"),
        (b"[" * 100_000, "nested"),
    ]:
        path.write_bytes(content)
        with pytest.raises(FormatError, match=text):
            read_json(path)
    with pytest.raises(FormatError, match="no file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(FormatError, match="cannot be read"):
        read_json(tmp_path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf{}")
    assert read_json(tmp_path / "a.json") == {}


def test_nan_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_bytes({"score": float("nan")})


def test_numbers_are_kept_where_unique_and_filled_in_elsewhere() -> None:
    assert Numbers().of_all([None, 2, None, 2, 7]) == [1, 2, 3, 4, 7]
    assert Numbers(lowest=0).of_all([0, 1]) == [0, 1]
    assert Numbers().of_all([]) == []


def test_of_a_folder_the_usual_file_is_meant_else_the_only_one(tmp_path: Path) -> None:
    assert only_file(tmp_path, "a.json") == tmp_path / "a.json"
    (tmp_path / "other.json").touch()
    assert only_file(tmp_path, "a.json") == tmp_path / "other.json"
    (tmp_path / "third.json").touch()
    assert only_file(tmp_path, "a.json") == tmp_path / "a.json"
    assert only_file(tmp_path / "third.json", "a.json") == tmp_path / "third.json"
