from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from clickmask.core.errors import FormatError, ImageError
from clickmask.formats.annotation import FoundImage
from clickmask.formats.image_names import FolderImages, ImageNames, in_turn

NAMES = ImageNames(["a/x.jpg", "b/x.jpg", "b/y.jpg", "b/y.png", "v1.2.tif", "z.bmp"])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("a/x.jpg", "a/x.jpg"),
        ("a\\x.jpg", "a/x.jpg"),
        ("a/x.txt", "a/x.jpg"),
        ("x.jpg", None),
        ("b/y.png", "b/y.png"),
        ("b/y.png.txt", "b/y.png"),
        ("elsewhere/y.png", "b/y.png"),
        ("b/y.txt", None),
        ("z.json", "z.bmp"),
        ("v1.2.txt", "v1.2.tif"),
        ("v1.5.txt", None),
        ("nothing.jpg", None),
        ("", None),
        ("..", None),
    ],
)
def test_images_are_found_by_path_then_name_then_stem(given: str, found: str | None) -> None:
    assert NAMES.find(given) == found


def test_a_folder_tells_sizes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (6, 5)).save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "broken.png").write_text("x")
    folder = FolderImages(tmp_path)
    assert folder("a.txt") == FoundImage("in/a.png", (5, 6)) and folder("b.txt") is None
    assert in_turn(None, lambda path: None, folder)("a.txt") == FoundImage("in/a.png", (5, 6))
    with pytest.raises(ImageError):
        folder("broken.txt")
    with pytest.raises(FormatError, match="no folder"):
        FolderImages(tmp_path / "none")
