from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from clickmask.core.errors import ImageError
from clickmask.formats.image_file import MAX_PIXELS_VARIABLE, decode_image, image_size, is_image_name, read_image

# A picture without any symmetry: every orientation gives another array.
PICTURE = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[10, 20, 30], [90, 80, 70], [200, 210, 220]]], np.uint8)


def saved(folder: Path, image: Image.Image, name: str, **options: object) -> Path:
    path = folder / name
    image.save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_every_exif_orientation_is_applied_exactly(tmp_path: Path, orientation: int, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"lossless": True} if name.endswith("webp") else {}
    path = saved(tmp_path, Image.fromarray(PICTURE), name, exif=exif, **options)
    with Image.open(path) as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    np.testing.assert_array_equal(read_image(path), upright)
    assert image_size(path) == upright.shape[:2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_on_its_side_comes_out_upright(tmp_path: Path, orientation: int) -> None:
    seen = np.zeros((32, 48, 3), np.uint8)
    seen[:16, :16] = 255  # what the person saw: a white top left corner
    undo = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    turned = Image.fromarray(seen)
    turned.getexif()[0x0112] = undo
    stored = ImageOps.exif_transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = read_image(saved(tmp_path, stored, "a.jpg", exif=exif, quality=95))
    assert result.shape == (32, 48, 3)
    assert result[4, 4].min() > 200 and result[28, 4].max() < 50 and result[4, 40].max() < 50


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_modes_without_alpha_become_their_colours(tmp_path: Path, mode: str) -> None:
    white_left = np.zeros((8, 8, 3), np.uint8)
    white_left[:, :4] = 255
    image = Image.fromarray(white_left).convert(mode)
    name = "a.tif" if mode in ("CMYK", "YCbCr") else "a.png"
    result = read_image(saved(tmp_path, image, name))
    assert result.shape == (8, 8, 3) and result.dtype == np.uint8
    assert result[0, 0].min() >= 250 and result[0, 7].max() <= 5


def test_a_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    image = Image.new("RGB", (16, 16), (200, 30, 30)).convert("CMYK")
    red, green, _ = read_image(saved(tmp_path, image, "a.jpg"))[8, 8].tolist()
    assert red > 150 and green < 80


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_alpha_is_laid_over_white(tmp_path: Path, mode: str) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, :, 3] = 255  # black and opaque above, black and transparent below
    result = read_image(saved(tmp_path, Image.fromarray(pixels).convert(mode), "a.png"))
    assert result[0].max() == 0 and result[1].min() == 255


def test_grey_16_bit_is_stretched_by_its_own_range(tmp_path: Path) -> None:
    values = np.array([[1000, 1000], [1510, 2020]], np.uint16)
    result = read_image(saved(tmp_path, Image.fromarray(values), "a.png"))
    np.testing.assert_array_equal(result[:, :, 0], [[0, 0], [128, 255]])
    np.testing.assert_array_equal(result[:, :, 0], result[:, :, 2])


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_colour_16_bit_is_stretched_and_keeps_its_channels(tmp_path: Path, name: str) -> None:
    values = np.zeros((2, 3, 3), np.uint16)
    values[0, 0] = (400, 0, 0)
    values[1, 2] = (0, 200, 100)
    path = tmp_path / name
    assert cv2.imwrite(str(path), values[:, :, ::-1])
    result = read_image(path)
    assert result[0, 0].tolist() == [255, 0, 0] and result[1, 2].tolist() == [0, 128, 64]


def test_16_bit_alpha_is_laid_over_white(tmp_path: Path) -> None:
    values = np.zeros((1, 2, 4), np.uint16)
    values[0, 0] = (600, 300, 0, 65535)
    path = tmp_path / "a.png"
    assert cv2.imwrite(str(path), values[:, :, [2, 1, 0, 3]])
    assert read_image(path)[0].tolist() == [[255, 128, 0], [255, 255, 255]]


def test_float_tiff_with_nan_and_infinity(tmp_path: Path) -> None:
    values = np.array([[np.nan, -1.0, 3.0, np.inf]], np.float32)
    assert read_image(saved(tmp_path, Image.fromarray(values), "a.tif"))[0, :, 0].tolist() == [0, 0, 255, 255]


def test_an_image_of_one_value_is_black(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(np.full((2, 2), 777, np.uint16)), "a.png")
    assert read_image(path).max() == 0


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_an_animation_gives_its_first_frame(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:])
    assert read_image(path)[0, 0, 0] > 240 and read_image(path)[0, 0, 2] < 15


def test_bytes_give_what_the_file_gives(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(PICTURE), "a.png")
    np.testing.assert_array_equal(decode_image(path.read_bytes()), PICTURE)
    np.testing.assert_array_equal(read_image(path), PICTURE)


def test_the_result_belongs_to_the_caller(tmp_path: Path) -> None:
    result = read_image(saved(tmp_path, Image.fromarray(PICTURE), "a.png"))
    result[0, 0] = 1  # a read-only view of Pillow's buffer would raise
    assert result.flags.c_contiguous


def test_a_missing_file_a_folder_and_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    for path, text in [
        (tmp_path / "none.jpg", "no file"),
        (tmp_path, "is a folder"),
        (tmp_path / "empty.jpg", "0 bytes"),
    ]:
        with pytest.raises(ImageError, match=text):
            read_image(path)
        with pytest.raises(ImageError, match=text):
            image_size(path)
    with pytest.raises(ImageError, match="0 bytes"):
        decode_image(b"")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.gif"])
@pytest.mark.parametrize("kept", [0.3, 0.7])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(ImageError, match=r"(truncated|damaged).*Accepted: JPEG") as caught:
        read_image(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"hello", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\xff\xd8\xff" + bytes(40)]
)
def test_what_is_not_an_image_is_refused_with_what_is_accepted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="Accepted: JPEG"):
        read_image(path)


def bomb() -> bytes:
    """A PNG of a few hundred bytes that claims 60,000 x 60,000 pixels."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb())
    with pytest.raises(ImageError, match=rf"60000 x 60000 = 3600 megapixels; at most 250 .*{MAX_PIXELS_VARIABLE}"):
        read_image(path)
    with pytest.raises(ImageError, match="megapixels"):
        image_size(path)


def test_the_limit_can_be_set_and_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, Image.fromarray(PICTURE), "a.png")
    with pytest.raises(ImageError, match="at most 0 are"):
        read_image(path, max_pixels=5)
    monkeypatch.setenv(MAX_PIXELS_VARIABLE, "5")
    with pytest.raises(ImageError, match="3 x 2"):
        read_image(path)
    monkeypatch.setenv(MAX_PIXELS_VARIABLE, "lots")
    with pytest.raises(ImageError, match="'lots'"):
        read_image(path)
    monkeypatch.setenv(MAX_PIXELS_VARIABLE, "6")
    assert read_image(path).shape == (2, 3, 3)


def test_reading_leaves_pillows_own_limit_alone(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    read_image(saved(tmp_path, Image.fromarray(PICTURE), "a.png"))
    assert Image.MAX_IMAGE_PIXELS == before is not None


def test_damaged_exif_leaves_the_picture_usable(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(PICTURE), "a.png", exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff")
    assert read_image(path).shape == PICTURE.shape


def test_names_of_images() -> None:
    assert is_image_name("a/B.JPG") and is_image_name("x.tiff")
    assert not is_image_name("._x.jpg") and not is_image_name("notes.txt") and not is_image_name(".jpg")
