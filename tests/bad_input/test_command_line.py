"""Bad input on the command line: exit status 2, and a text that says what was given, what is accepted, what to do.

How images of unusual kinds are read is tested in tests/formats; here they pass through the whole command.
"""

from __future__ import annotations

import errno
import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clickmask.formats.mask_png import encode_binary


def noise(height: int = 48, width: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of under 100 bytes that claims 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    noise().save(path)
    return path


@pytest.fixture
def segment(clickmask_command: Any, tmp_path: Path) -> Callable[..., Any]:
    """`clickmask segment` with the model that needs no weights, a click, and an output in the test's folder."""

    def run(image: Path, *arguments: object, click: str = "20,20", output: object = None) -> Any:
        target = output or tmp_path / "mask.png"
        clicks = ("--positive", click) if click else ()
        return clickmask_command("segment", image, *clicks, "--model", "flood", "-o", target, *arguments)

    return run


def refused(ran: Any, *texts: str) -> None:
    assert ran.status == 2, ran
    assert ran.out == "" and "Traceback" not in ran.err
    for text in texts:
        assert text in ran.err, ran.err


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", "0 bytes"),
    "text.jpg": (b"not a picture at all", "not an image"),
    "script.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    "truncated.jpg": (encoded(noise(), "JPEG")[:900], "truncated"),
    "truncated.png": (encoded(noise(), "PNG")[:900], "truncated"),
    "truncated.webp": (encoded(noise(), "WEBP")[:900], "damaged"),
    "truncated.tif": (encoded(noise(), "TIFF", compression="tiff_lzw")[:900], "damaged"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_is_no_whole_image(segment: Any, tmp_path: Path, name: str) -> None:
    content, text = UNREADABLE[name]
    (tmp_path / name).write_bytes(content)
    refused(segment(tmp_path / name), name, text, "Accepted: JPEG, PNG")
    assert not (tmp_path / "mask.png").exists()


def test_a_decompression_bomb(segment: Any, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb())
    refused(segment(tmp_path / "bomb.png"), "50000 x 50000", "2500 megapixels", "at most 250", "CLICKMASK_MAX_PIXELS=")


def test_a_missing_image_and_a_folder(segment: Any, tmp_path: Path) -> None:
    refused(segment(tmp_path / "none.jpg"), "none.jpg", "no file", "Check the spelling")
    refused(segment(tmp_path), "is a folder", "one image file")


def test_an_image_without_permission(segment: Any, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")  # the super-user, who may run tests, is never denied

    monkeypatch.setattr(Image, "open", deny)
    refused(segment(photo), "photo.png", "permission denied", "Check its permissions")


UNUSUAL: dict[str, Callable[[], tuple[Image.Image, dict[str, Any]]]] = {
    "one-channel.png": lambda: (noise().convert("L"), {}),
    "two-channels.png": lambda: (noise().convert("LA"), {}),
    "four-channels.png": lambda: (noise().convert("RGBA"), {}),
    "one-bit.png": lambda: (noise().convert("1"), {}),
    "palette.gif": lambda: (noise().convert("P"), {}),
    "sixteen-bit.png": lambda: (Image.fromarray(np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20), {}),
    "cmyk.jpg": lambda: (noise().convert("CMYK"), {}),
    "animated.webp": lambda: (noise(), {"save_all": True, "append_images": [noise()]}),
    "one-pixel.png": lambda: (noise(1, 1), {}),
    "a-line.png": lambda: (noise(1, 64), {}),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_images_are_not_bad_images(segment: Any, tmp_path: Path, name: str) -> None:
    image, options = UNUSUAL[name]()
    image.save(tmp_path / name, **options)
    ran = segment(tmp_path / name, click="0.5,0.5")
    assert ran.status == 0, ran.err
    with Image.open(tmp_path / "mask.png") as mask:
        assert mask.size == image.size and mask.getpixel((0, 0)) == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_on_its_side_gives_a_mask_of_the_upright_size(segment: Any, tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    noise().save(tmp_path / "side.jpg", exif=exif)
    assert segment(tmp_path / "side.jpg").status == 0
    with Image.open(tmp_path / "mask.png") as mask:
        assert mask.size == ((48, 64) if orientation >= 5 else (64, 48))


@pytest.mark.parametrize("click", ["64,10", "10,48", "-1,10", "10,-0.1", "1e9,5"])
def test_a_click_outside_the_image(segment: Any, photo: Path, click: str) -> None:
    refused(segment(photo, click=click), "outside the image", "64 x 48", "[0, 64)", "[0, 48)")


@pytest.mark.parametrize("click", ["nan,5", "5,inf"])
def test_a_click_nowhere(segment: Any, photo: Path, click: str) -> None:
    refused(segment(photo, click=click), "finite coordinates", click.replace(",", ", ").replace("5", "5.0"))


@pytest.mark.parametrize("click", ["5", "5;6", "5,6,7", "five,six", "5,", ""])
def test_a_click_that_is_no_point(segment: Any, photo: Path, click: str) -> None:
    refused(segment(photo, "--positive", click), f"'{click}'", "X,Y", "--positive 320,240")


@pytest.mark.parametrize(
    ("box", "text"),
    [
        ("1,2,3", "4 numbers"),
        ("30,5,10,20", "X0 < X1"),
        ("nan,5,10,20", "finite"),
        ("100,100,200,200", "outside the image, which is 64 x 48"),
    ],
)
def test_a_bad_box(segment: Any, photo: Path, box: str, text: str) -> None:
    refused(segment(photo, "--box", box, click=""), text)


def test_no_prompt_at_all(segment: Any, photo: Path) -> None:
    refused(segment(photo, click=""), "at least one click or a box", "--positive 320,240")


def test_an_initial_mask_of_another_size(segment: Any, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "start.png").write_bytes(encode_binary(np.ones((48, 60), dtype=bool)))
    refused(segment(photo, "--initial-mask", tmp_path / "start.png"), "start.png", "60 x 48", "64 x 48", "Resize")


def test_an_initial_mask_that_is_none(segment: Any, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    noise().save(tmp_path / "colour.png")
    for name, text in [("none.png", "no file"), ("text.png", "not an image"), ("colour.png", "one channel")]:
        refused(segment(photo, "--initial-mask", tmp_path / name), name, text)


def test_an_unknown_model(clickmask_command: Any, photo: Path) -> None:
    ran = clickmask_command("segment", photo, "--positive", "5,5", "--model", "floot", "--json")
    refused(ran, "'floot'", "'flood'")


def test_outputs_that_cannot_be(clickmask_command: Any, segment: Any, photo: Path, tmp_path: Path) -> None:
    refused(clickmask_command("segment", photo, "--positive", "5,5"), "nowhere to go", "-o mask.png")
    refused(segment(photo, output=tmp_path / "mask.jpg"), "mask.jpg", "-o mask.png")
    refused(segment(photo, "--overlay", tmp_path / "look.txt"), "look.txt", ".png, .jpg")
    refused(segment(photo, "--overlay", tmp_path / "mask.png"), "Choose two names")


def test_the_photograph_is_never_overwritten(segment: Any, photo: Path) -> None:
    before = photo.read_bytes()
    refused(segment(photo, output=photo), "the photograph itself", "Choose another name")
    assert photo.read_bytes() == before


def test_an_output_in_a_place_that_is_no_folder(segment: Any, photo: Path) -> None:
    refused(segment(photo, output=photo / "mask.png"), "cannot be written", "Choose a folder")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_read_only_disk_leaves_what_was_there(
    segment: Any, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (tmp_path / "mask.png").write_bytes(b"precious")

    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    refused(segment(photo), "mask.png", os.strerror(code), "unchanged")
    assert (tmp_path / "mask.png").read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mask.png", "photo.png"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the super-user may write everywhere")
def test_a_folder_without_permission(segment: Any, photo: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    refused(segment(photo, output=locked / "mask.png"), "Permission denied", "Choose a folder")
