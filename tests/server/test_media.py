"""Kinds of things to annotate: found in a folder by a table, kept in the project, told in the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from clickmask.core.errors import ImageError
from clickmask.core.frames import Frame
from clickmask.server import media
from clickmask.server.benches import PIXELS, PixelBench
from clickmask.server.image_mind import ImageMind
from clickmask.server.media import MEDIA, found_in, kind_of
from clickmask.server.media.medium import Head
from clickmask.server.menus import IMAGES
from clickmask.server.schemas import command_types

from .conftest import DiscModel, Server, running, write_image


class Stripes:
    """A made-up medium: files with the ending `.stripes` that hold a height and a width."""

    kind = "stripes"
    title = "stripes"
    commands = frozenset({"click", "undo"})
    looking: frozenset[str] = frozenset()
    model_kind = IMAGES
    offers: frozenset[str] = frozenset()

    def measure(self, size_hw: tuple[int, int]) -> str:
        return f"{size_hw[0]} stripes"

    def bench(self, opened: object) -> PixelBench:
        return PIXELS

    def mind(self) -> ImageMind:
        return ImageMind()

    def found(self, folder: Path, names: Sequence[str]) -> Sequence[str]:
        return [name for name in names if name.endswith(".stripes")]

    def head(self, file: Path) -> Head | None:
        return None

    def open(self, file: Path) -> Frame:
        try:
            height, width = (int(part) for part in file.read_text().split())
        except ValueError as error:
            raise ImageError(f"{file.name} holds no height and width.") from error
        return Frame.of(np.zeros((height, width, 3), dtype=np.uint8))

    def thumb(self, file: Path, side: int) -> np.ndarray:
        return self.open(file).pixels


STRIPES = Stripes()


@pytest.fixture
def more_media(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = {**MEDIA._targets, "stripes": "tests.server.test_media:STRIPES"}
    monkeypatch.setattr(MEDIA, "_targets", targets)
    monkeypatch.setattr(MEDIA, "get", lambda name: STRIPES if name == "stripes" else media.Registry.get(MEDIA, name))


@pytest.fixture
def mixed(tmp_path: Path, model: DiscModel, more_media: None) -> Iterator[Server]:
    write_image(tmp_path / "a.png", 1)
    (tmp_path / "b.stripes").write_text("30 40")
    (tmp_path / "c.stripes").write_text("nonsense")
    (tmp_path / "notes.txt").write_text("not to be annotated")
    with running(tmp_path, model) as started:
        yield started


def test_a_folder_shows_what_the_table_of_media_finds(mixed: Server) -> None:
    images = mixed.get("/images").json()["images"]
    assert [(i["name"], i["kind"]) for i in images] == [
        ("a.png", "photo"), ("b.stripes", "stripes"), ("c.stripes", "stripes")
    ]  # fmt: skip


def test_the_kind_of_an_image_opens_it(mixed: Server) -> None:
    with mixed.socket(2) as socket:
        assert (socket.ready["image"]["width"], socket.ready["image"]["height"]) == (40, 30)
        assert socket.click(10.5, 10.5)["type"] == "ack"
    assert mixed.get("/images/2/thumb").headers["content-type"] == "image/jpeg"
    assert mixed.get("/images/2/display").status_code == 400


def test_a_damaged_file_of_another_kind_says_why_and_hurts_no_other(mixed: Server) -> None:
    assert mixed.get("/images/3/thumb").status_code == 422
    click = {"type": "click", "x": 1.5, "y": 1.5, "client": "client-a"}
    assert mixed.post("/images/3/commands", click).json()["error"]["code"] == "image_damaged"
    assert mixed.get("/images/3").json()["problem"] == "c.stripes holds no height and width."
    assert mixed.get("/images/1").json()["status"] != "damaged"


def test_a_single_file_keeps_its_kind(tmp_path: Path, model: DiscModel, more_media: None) -> None:
    write_image(tmp_path / "a.png", 1)
    (tmp_path / "b.stripes").write_text("30 40")
    with running(tmp_path, model, only_path="b.stripes") as started:
        assert [i["kind"] for i in started.get("/images").json()["images"]] == ["stripes"]


def test_names_that_no_medium_claims_are_left_alone(tmp_path: Path) -> None:
    for name in ("a.png", ".hidden.png", "b.doc", "README"):
        (tmp_path / name).write_bytes(b"")
    assert dict(found_in(tmp_path, ["a.png", "b.doc", "README"])) == {"a.png": "photo"}
    assert kind_of(tmp_path / "b.doc") is None


def test_every_medium_takes_only_commands_that_exist() -> None:
    for name in MEDIA:
        found = MEDIA.get(name)
        assert found.kind == name and found.commands <= command_types()
