"""Large images in parts: what comes out is what the whole decoder gives, whatever the file's layout."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from clickmask.core.errors import ImageError
from clickmask.formats import image_file, levels, png_rows, pyramid, tiff_levels
from clickmask.formats.image_file import read_image

HEIGHT, WIDTH = 161, 233
STEPS = np.random.default_rng(0).integers(-3, 4, (HEIGHT, WIDTH, 4))
PIXELS = (np.cumsum(STEPS, axis=1) % 256).astype(np.uint8)
RGB = PIXELS[:, :, :3]


@pytest.fixture(autouse=True)
def small_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "LAST_SIDE", 64)


PNGS = {
    "RGB": Image.fromarray(RGB),
    "RGBA": Image.fromarray(PIXELS),
    "grey": Image.fromarray(PIXELS[:, :, 0]),
    "grey with alpha": Image.fromarray(PIXELS).convert("LA"),
    "palette": Image.fromarray(RGB).quantize(200),
    "palette of 4 bits": Image.fromarray(RGB).quantize(13),
    "1 bit": Image.fromarray(PIXELS[:, :, 0]).convert("1"),
    "grey of 16 bits": Image.fromarray(PIXELS[:, :, 0].astype(np.uint16) * 251 + PIXELS[:, :, 1]),
}


@pytest.mark.parametrize("kind", PNGS)
@pytest.mark.parametrize("rows", [1, 64, 1000])
def test_bands_of_a_png(tmp_path: Path, kind: str, rows: int) -> None:
    PNGS[kind].save(tmp_path / "a.png")
    found = np.concatenate(list(png_rows.read_bands(tmp_path / "a.png", rows)))
    np.testing.assert_array_equal(found, read_image(tmp_path / "a.png"))


def test_bands_of_a_png_with_16_bits_of_colour(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), RGB.astype(np.uint16) * 200 + PIXELS[:, :, 1:])
    found = np.concatenate(list(png_rows.read_bands(tmp_path / "a.png", 50)))
    np.testing.assert_array_equal(found, read_image(tmp_path / "a.png"))


def test_a_colour_that_stands_for_nothing(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.png", transparency=tuple(int(v) for v in RGB[3, 4]))
    found = np.concatenate(list(png_rows.read_bands(tmp_path / "a.png", 50)))
    np.testing.assert_array_equal(found, read_image(tmp_path / "a.png"))
    assert found[3, 4].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_png_is_told(tmp_path: Path, kept: float) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ImageError, match="Copy or export the file again"):
        list(png_rows.read_bands(tmp_path / "a.png", 50))


def test_an_interlaced_png_is_decoded_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(interlaced())
    assert png_rows.read_head(tmp_path / "a.png").interlaced and not pyramid.in_parts(tmp_path / "a.png")
    assert pyramid.large_size(tmp_path / "a.png") == (1, 1)


def interlaced() -> bytes:
    """One pixel in the first of seven passes."""
    import struct
    import zlib

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 1)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0\x80")), (b"IEND", b""))
    return png_rows.SIGNATURE + b"".join(png_rows._chunk(kind, content) for kind, content in parts)


def tiffs(folder: Path) -> dict[str, Path]:
    """Files of many layouts, all of the same pixels or of the first band of them."""
    files: dict[str, Path] = {}
    for packed in (None, "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        for name, pixels in (("rgb", RGB), ("grey", PIXELS[:, :, 0]), ("rgba", PIXELS)):
            if (packed, name) != ("jpeg", "rgba"):
                files[f"{name} {packed}"] = folder / f"{name}-{packed}.tif"
                Image.fromarray(pixels).save(files[f"{name} {packed}"], compression=packed)
    files["palette"] = folder / "palette.tif"
    Image.fromarray(RGB).quantize(99).save(files["palette"], compression="tiff_lzw")
    files["bilevel"] = folder / "bilevel.tif"
    Image.fromarray(PIXELS[:, :, 0]).convert("1").save(files["bilevel"])
    for kind in (np.uint16, np.float32):
        files[f"grey {kind.__name__}"] = folder / f"grey-{kind.__name__}.tif"
        cv2.imwrite(str(files[f"grey {kind.__name__}"]), PIXELS[:, :, 0].astype(kind) * 201)
    files["rgb uint16"] = folder / "rgb16.tif"
    cv2.imwrite(str(files["rgb uint16"]), RGB.astype(np.uint16) * 201)
    layouts = {
        "one strip": {}, "planes": {"planarconfig": "separate", "tile": (32, 48), "compression": "zlib"},
        "tiles": {"tile": (32, 48), "compression": "zlib", "predictor": True}, "big": {"bigtiff": True},
        "plain planes": {"planarconfig": "separate"}, "other order": {"byteorder": ">", "tile": (32, 48)},
    }  # fmt: skip
    for name, options in layouts.items():
        files[name] = folder / f"{name.replace(' ', '-')}.tif"
        pixels = np.moveaxis(RGB, 2, 0) if "planes" in name else RGB
        tifffile.imwrite(files[name], pixels, photometric="rgb", **options)
    return files


def test_tiles_and_strips_of_a_tiff(tmp_path: Path) -> None:
    for name, file in tiffs(tmp_path).items():
        found = tiff_levels.open_tiff(file)
        if name == "bilevel":
            assert found is None, "bits are decoded as a whole"
            continue
        assert found is not None and found.complete, name
        whole = read_image(file)
        np.testing.assert_array_equal(found.levels[0][:, :], whole, err_msg=name)
        np.testing.assert_array_equal(found.levels[0][30:99, 40:170], whole[30:99, 40:170], err_msg=name)


@pytest.mark.parametrize("own_pages", [True, False])
def test_the_files_own_levels_are_used(tmp_path: Path, own_pages: bool) -> None:
    file = tmp_path / "a.tif"
    smaller = [
        np.full(((HEIGHT + 1) // 2, (WIDTH + 1) // 2, 3), 10, dtype=np.uint8),
        np.full((40, 58, 3), 20, dtype=np.uint8),
    ]
    with tifffile.TiffWriter(file) as writer:
        options = {"tile": (32, 32), "photometric": "rgb", "metadata": None}
        writer.write(RGB, **options, **({} if own_pages else {"subifds": 2}))
        for pixels in smaller:
            writer.write(pixels, subfiletype=1, **options)
    found = pyramid.open_large(file)
    assert found.complete and [level.shape[:2] for level in found.own.values()] == [(161, 233), (81, 117), (41, 59)]
    assert found.own[1][:, :].max() == 10
    assert found.own[2][:, :].shape == (41, 59, 3) and found.own[2][40:, 58:].max() == 20, "cut by a pixel, so repeated"


def test_a_damaged_tile_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, RGB, photometric="rgb", tile=(32, 32), compression="zlib")
    data = bytearray(file.read_bytes())
    with tifffile.TiffFile(file) as opened:
        at = opened.pages.first.dataoffsets[3]
    data[at : at + 40] = b"\0" * 40
    file.write_bytes(data)
    found = tiff_levels.open_tiff(file)
    assert found is not None
    with pytest.raises(ImageError, match="damaged"):
        found.levels[0][:, :]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_the_helper_makes_what_a_file_lacks(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_levels, "GAP", 100)
    file = tmp_path / f"a.{suffix}"
    Image.fromarray(RGB).save(file)
    image = pyramid.open_large(file)
    assert not image.complete and image.frame(tmp_path / "levels") is None
    told: list[int] = []
    pyramid.make(file, tmp_path / "levels", told.append)
    frame = image.frame(tmp_path / "levels")
    assert frame is not None and told[-1] == HEIGHT and len(frame.levels) == 3
    np.testing.assert_array_equal(frame.pixels, read_image(file))
    assert (tmp_path / "levels" / "level-0.rgb").exists() == (suffix != "tif")


@pytest.mark.parametrize("turned", range(1, 9))
def test_turned_photographs_are_upright(tmp_path: Path, turned: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turned
    for suffix in ("jpg", "png"):
        file = tmp_path / f"a.{suffix}"
        Image.fromarray(RGB).save(file, exif=exif)
        pyramid.make(file, tmp_path / suffix, lambda rows: None)
        frame = pyramid.open_large(file).frame(tmp_path / suffix)
        assert frame is not None
        np.testing.assert_array_equal(frame.pixels, read_image(file))


@pytest.mark.parametrize("turned", [1, 6])
def test_the_first_look_at_a_photograph(tmp_path: Path, turned: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "LAST_SIDE", 10)
    exif = Image.Exif()
    exif[0x0112] = turned
    Image.fromarray(cv2.GaussianBlur(RGB, (0, 0), 9)).save(tmp_path / "a.jpg", exif=exif)
    quick = pyramid.quick_look(pyramid.open_large(tmp_path / "a.jpg"))
    pyramid.make(tmp_path / "a.jpg", tmp_path / "levels", lambda rows: None)
    frame = pyramid.open_large(tmp_path / "a.jpg").frame(tmp_path / "levels")
    assert frame is not None and set(quick) == {3, 4, 5}
    for number, pixels in quick.items():
        inner = np.abs(pixels.astype(int) - frame.levels[number][:, :])[1:-1, 1:-1]
        assert inner.size == 0 or inner.mean() < 20


def test_a_photograph_without_its_end_is_told(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match="truncated"):
        pyramid.make(tmp_path / "a.jpg", tmp_path / "levels", lambda rows: None)


def test_the_limits_are_in_the_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.jpg")
    Image.fromarray(RGB).save(tmp_path / "a.png")
    monkeypatch.setattr(pyramid, "MAX_DECODED_PIXELS", 1000)
    assert pyramid.large_size(tmp_path / "a.png") == (HEIGHT, WIDTH)
    with pytest.raises(
        ImageError, match=r"can only be decoded as a whole.* Save it as TIFF with tiles.*4000 megapixels"
    ):
        pyramid.large_size(tmp_path / "a.jpg")
    monkeypatch.setattr(pyramid, "MAX_READ_PIXELS", 2000)
    with pytest.raises(ImageError, match="megapixels; at most 0 are accepted"):
        pyramid.large_size(tmp_path / "a.png")
    assert image_file.MAX_PIXELS < image_file.MAX_DECODED_PIXELS < image_file.MAX_READ_PIXELS
