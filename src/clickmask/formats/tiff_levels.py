"""The levels of a TIFF file, read where they are looked at: tiles or strips are decoded one by one.

`tifffile` (BSD) reads the structure of the file and decodes what Python can; what it cannot without further packages
(LZW, JPEG and others) goes as a small TIFF of its own through libtiff, which Pillow and OpenCV carry.

What becomes of each kind: as in `image_file`, but the range of 16-bit and floating-point values is that of the smallest
level in the file, or of some strips where there is one level only; of more than four bands the first three are colours.
"""

from __future__ import annotations

import io
import os
import struct
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from clickmask.core.errors import ClickmaskError, ImageError
from clickmask.core.frames import Image, bounds
from clickmask.formats.levels import halved_rows, level_sizes

SEGMENT_BYTES_KEPT = 96 * 2**20
"""Decoded tiles that are kept, of all levels of a file together."""
READ_FOR_RANGE = 48
"""Tiles or strips that are looked at for the range of a file without smaller levels."""
GAP = 32_000_000
"""A level that the file lacks is read from a larger one of at most so many pixels; above that it is made beforehand."""
LARGEST_SEGMENT = 64_000_000
"""Pixels of a tile or strip; with larger ones a file has to be decoded as a whole, unless its rows lie there plain."""

_ORIENTED = 274
_INSIDE = frozenset({1, 8, 32946, 50013, 34925, 32773})
"""Compressions that tifffile undoes by itself: none, Deflate, LZMA, PackBits."""
_COPIED_TAGS = (258, 259, 262, 277, 284, 317, 320, 338, 339, 347, 530)
"""What a segment needs to be decoded as a file of its own: depth, compression, colours, predictor, JPEG tables."""


class SegmentCache:
    """The newest decoded tiles of one file. Safe from any thread."""

    def __init__(self, limit_bytes: int = SEGMENT_BYTES_KEPT) -> None:
        self._kept: OrderedDict[tuple[int, int], Image] = OrderedDict()
        self._limit, self._bytes, self._lock = limit_bytes, 0, threading.Lock()

    def get(self, key: tuple[int, int]) -> Image | None:
        """The tile (level, number), None if it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[int, int], pixels: Image) -> None:
        """Keep a tile."""
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = pixels
            self._bytes += pixels.nbytes
            while self._bytes > self._limit and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes


@dataclass(frozen=True)
class Values:
    """How the values of a file become colours.

    Attributes:
        low: becomes 0.
        high: becomes 255.
        palette: (N, 3) uint8, None without one.
        inverted: low values are bright.
        alpha: the last band is how opaque the pixel is.
    """

    low: float = 0.0
    high: float = 255.0
    palette: NDArray[np.uint8] | None = None
    inverted: bool = False
    alpha: bool = False

    def rgb(self, samples: NDArray[Any]) -> Image:
        """(h, w, bands) as (h, w, 3) uint8 RGB."""
        if self.palette is not None:
            return np.asarray(self.palette[np.minimum(samples[:, :, 0], len(self.palette) - 1)])
        bands = samples.shape[2]
        colours = samples[:, :, :3] if bands >= 3 else samples[:, :, :1]
        if samples.dtype != np.uint8:
            span = self.high - self.low if self.high > self.low else 1.0
            scaled = (np.nan_to_num(colours.astype(np.float32), nan=self.low) - self.low) * (255 / span)
            colours = np.clip(np.round(scaled), 0, 255).astype(np.uint8)
        if self.inverted:
            colours = 255 - colours
        rgb = np.broadcast_to(colours, (*samples.shape[:2], 3))
        if not self.alpha or bands not in (2, 4):
            return np.ascontiguousarray(rgb)
        most = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
        opaque = samples[:, :, -1:].astype(np.float32) / most
        return np.asarray(np.round(rgb * opaque + 255 * (1 - opaque)), dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class TiffLevel:
    """One level of the file.

    Attributes:
        file: the file.
        page: as tifffile sees it.
        number: of the level, for the cache.
        values: how values become colours.
        cache: of the whole file.
    """

    file: Path
    page: Any
    number: int
    values: Values = field(default_factory=Values)
    cache: SegmentCache = field(default_factory=SegmentCache)

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 3)."""
        return int(self.page.imagelength), int(self.page.imagewidth), 3

    @property
    def segment_hw(self) -> tuple[int, int]:
        """Size of a tile; strips are tiles as wide as the image."""
        page = self.page
        if page.is_tiled:
            return int(page.tilelength), int(page.tilewidth)
        return min(int(page.rowsperstrip), self.shape[0]), self.shape[1]

    def __getitem__(self, rows_columns: tuple[slice, slice], /) -> Image:
        """The pixels of two slices.

        Raises:
            ImageError: the file is damaged or was changed.
        """
        (top, bottom), (left, right) = bounds(rows_columns, self.shape)
        out = np.empty((bottom - top, right - left, 3), dtype=np.uint8)
        height, width = self.segment_hw
        for i in range(top // height, -(-bottom // height)):
            for j in range(left // width, -(-right // width)):
                y0, x0 = i * height, j * width
                tile = self._segment(i, j)
                a, b = max(top, y0), min(bottom, y0 + height)
                c, d = max(left, x0), min(right, x0 + width)
                out[a - top : b - top, c - left : d - left] = tile[a - y0 : b - y0, c - x0 : d - x0]
        return out

    def samples(self, i: int, j: int) -> NDArray[Any]:
        """(h, w, bands) values of the tile in row i and column j, as they are in the file."""
        planes = self.page.samplesperpixel if self.page.planarconfig == 2 else 1
        across = -(-self.shape[1] // self.segment_hw[1])
        down = -(-self.shape[0] // self.segment_hw[0])
        parts = [self._decoded(plane * down * across + i * across + j, i) for plane in range(planes)]
        return np.concatenate(parts, axis=2) if planes > 1 else parts[0]

    def _segment(self, i: int, j: int) -> Image:
        key = self.number, i * 1_000_000 + j
        kept = self.cache.get(key)
        if kept is None:
            kept = self.values.rgb(self.samples(i, j))
            self.cache.put(key, kept)
        return kept

    def _decoded(self, index: int, row: int) -> NDArray[Any]:
        page = self.page
        height, width = self.segment_hw
        if not page.is_tiled:
            height = min(height, self.shape[0] - row * height)
        bands = 1 if page.planarconfig == 2 else int(page.samplesperpixel)
        try:
            with self.file.open("rb") as opened:
                opened.seek(page.dataoffsets[index])
                data = opened.read(page.databytecounts[index])
            if not data:  # a tile that was left out
                return np.zeros((height, width, bands), dtype=page.dtype)
            if page.compression in _INSIDE:
                segment = page.decode(data, index)[0]
                return _filled(np.asarray(segment)[0], (height, width, bands))
            return _through_libtiff(data, page, (height, width, bands))
        except ClickmaskError:
            raise
        except Exception as error:  # a damaged file makes decoders raise nearly anything
            raise ImageError(
                f"{self.file} is damaged, was changed, or is packed in a way that clickmask does not read ({error}). "
                "Copy it again, or write it with Deflate, LZW or JPEG."
            ) from error


class PlainTiffLevel(TiffLevel):
    """A level whose rows lie in the file as they are; a band of them is a strip."""

    @property
    def segment_hw(self) -> tuple[int, int]:
        """Size of a band."""
        return min(256, self.shape[0]), self.shape[1]

    def __getitem__(self, rows_columns: tuple[slice, slice], /) -> Image:
        """The pixels of two slices."""
        rows, columns = bounds(rows_columns, self.shape)
        return self.values.rgb(self._read(rows, columns))

    def samples(self, i: int, j: int) -> NDArray[Any]:
        """(h, w, bands) values of a band."""
        height, width = self.segment_hw
        return self._read((i * height, min((i + 1) * height, self.shape[0])), (0, width))

    def sampled(self, step: int) -> Image:
        """Every so-and-so-many pixel of every so-and-so-many row: ceil(H / step) x ceil(W / step)."""
        height, width = self.shape[:2]
        return self.values.rgb(self._read((0, height), (0, width), step))

    def _read(self, rows: tuple[int, int], columns: tuple[int, int], step: int = 1) -> NDArray[Any]:
        page, (height, width) = self.page, self.shape[:2]
        bands = int(page.samplesperpixel)
        shape = (bands, height, width) if page.planarconfig == 2 else (height, width, bands)
        dtype = page.dtype.newbyteorder(page.parent.byteorder)
        try:
            values = np.memmap(self.file, dtype, "r", offset=int(page.dataoffsets[0]), shape=shape)
        except (OSError, ValueError) as error:
            raise ImageError(f"{self.file} is damaged or was changed ({error}). Copy it again.") from error
        if page.planarconfig == 2:
            part = np.moveaxis(values[:, slice(*rows, step), slice(*columns, step)], 0, 2)
        else:
            part = values[slice(*rows, step), slice(*columns, step)]
        return np.array(part, dtype=page.dtype)


@dataclass(frozen=True, eq=False)
class HalvedLevel:
    """A level that the file lacks, made from the one before whenever it is looked at."""

    before: Any
    size_hw: tuple[int, int]

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 3)."""
        return (*self.size_hw, 3)

    def __getitem__(self, rows_columns: tuple[slice, slice], /) -> Image:
        """The pixels of two slices."""
        (top, bottom), (left, right) = bounds(rows_columns, self.shape)
        rows = self.before[2 * top : 2 * bottom, 2 * left : 2 * right]
        if rows.shape[0] % 2:
            rows = np.concatenate((rows, rows[-1:]))
        return halved_rows(rows) if rows.size else np.empty((bottom - top, right - left, 3), dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class FittedLevel:
    """A level whose size was rounded in another way: cut, or its last row or column repeated."""

    level: TiffLevel
    size_hw: tuple[int, int]

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, 3)."""
        return (*self.size_hw, 3)

    def __getitem__(self, rows_columns: tuple[slice, slice], /) -> Image:
        """The pixels of two slices."""
        (top, bottom), (left, right) = bounds(rows_columns, self.shape)
        height, width = self.level.shape[:2]
        pixels = self.level[min(top, height - 1) : max(bottom, 1), min(left, width - 1) : max(right, 1)]
        missing = max(bottom - top - pixels.shape[0], 0), max(right - left - pixels.shape[1], 0)
        padded = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge") if any(missing) else pixels
        return np.asarray(padded[: bottom - top, : right - left])


@dataclass(frozen=True)
class TiffLevels:
    """What a file offers.

    Attributes:
        size_hw: of the image.
        levels: by their number; those that are missing and too large to be made on the way are not there.
    """

    size_hw: tuple[int, int]
    levels: dict[int, Any]

    @property
    def complete(self) -> bool:
        """Whether every level can be read quickly."""
        return len(self.levels) == len(level_sizes(self.size_hw))


def open_tiff(file: Path) -> TiffLevels | None:
    """The levels of a file that can be read in parts; None if it is one that has to be decoded as a whole.

    Raises:
        ImageError: it cannot be read, or is no TIFF.
    """
    import tifffile  # only here: most images are something else

    try:
        with tifffile.TiffFile(file) as opened:
            pages = _pages(opened)
            return _arranged(file, pages) if all(_readable(page) for page in pages) else None
    except (OSError, ValueError, KeyError, IndexError, TypeError, struct.error, tifffile.TiffFileError) as error:
        raise ImageError(f"{file} is not a TIFF that clickmask reads, or it is damaged ({error}).") from error


def _pages(opened: Any) -> list[Any]:
    """The image and its smaller versions, largest first: in the first page's own list, or as pages of their own."""
    first = opened.pages.first
    inner = list(first.pages) if first.subifds else []
    reduced = [page for page in opened.pages[1:] if page.is_reduced and not page.is_mask]
    found = [page for page in (*inner, *reduced) if page.samplesperpixel == first.samplesperpixel]
    alike = [page for page in found if page.dtype == first.dtype]
    return [first, *sorted(alike, key=lambda page: -int(page.imagelength))]


def _readable(page: Any) -> bool:
    tags = page.tags
    upright = int(tags[_ORIENTED].value) == 1 if _ORIENTED in tags else True
    whole_bytes = page.dtype is not None and page.bitspersample in (8, 16, 32, 64)
    plain = page.dtype is not None and page.dtype.kind in "uif" and page.imagedepth == 1
    return upright and whole_bytes and plain and (_is_plain(page) or _segment_pixels(page) <= LARGEST_SEGMENT)


def _is_plain(page: Any) -> bool:
    """Whether the rows follow one another in the file as they are."""
    return not page.is_tiled and page.compression == 1 and page.predictor == 1 and bool(page.is_contiguous)


def _segment_pixels(page: Any) -> int:
    rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    return int(rows) * int(page.tilewidth if page.is_tiled else page.imagewidth)


def _arranged(file: Path, pages: list[Any]) -> TiffLevels:
    """Levels on the ladder of halves, and those in between that can be made quickly."""
    size_hw = int(pages[0].imagelength), int(pages[0].imagewidth)
    values, cache = _values(file, pages), SegmentCache()
    sizes = level_sizes(size_hw)
    levels: dict[int, Any] = {}
    for n, size in enumerate(sizes):
        near = [
            p for p in pages if all(abs(a - b) <= 1 for a, b in zip((p.imagelength, p.imagewidth), size, strict=True))
        ]
        if near:
            kind = PlainTiffLevel if _is_plain(near[0]) else TiffLevel
            level = kind(file, near[0], n, values, cache)
            levels[n] = level if level.shape[:2] == size else FittedLevel(level, size)
        elif n - 1 in levels and _reach(sizes, n, levels) <= GAP:
            levels[n] = HalvedLevel(levels[n - 1], size)
    return TiffLevels(size_hw, levels)


def _reach(sizes: tuple[tuple[int, int], ...], n: int, levels: dict[int, Any]) -> int:
    """Pixels that are read when level `n` is looked at as a whole."""
    return next(
        (sizes[k][0] * sizes[k][1] for k in range(n - 1, -1, -1) if not isinstance(levels.get(k), HalvedLevel)), 0
    )


def _values(file: Path, pages: list[Any]) -> Values:
    page = pages[0]
    photometric = int(page.photometric)
    palette = None
    if photometric == 3 and page.colormap is not None:
        palette = np.ascontiguousarray((np.asarray(page.colormap) >> 8).astype(np.uint8).T)
    alpha = any(int(kind) in (1, 2) for kind in (page.extrasamples or ()))
    low, high = (0.0, 255.0) if page.dtype == np.uint8 else _range(TiffLevel(file, pages[-1], -1))
    return Values(low, high, palette, photometric == 0, alpha)


def _range(level: TiffLevel) -> tuple[float, float]:
    """Least and greatest finite colour of a level, or of tiles that are spread over it."""
    height, width = level.segment_hw
    down, across = -(-level.shape[0] // height), -(-level.shape[1] // width)
    count = min(down * across, READ_FOR_RANGE)
    lows, highs = [], []
    for place in np.linspace(0, down * across - 1, count).astype(int).tolist():
        samples = level.samples(place // across, place % across)
        colours = samples[:, :, :3] if samples.shape[2] >= 3 else samples[:, :, :1]
        finite = colours[np.isfinite(colours)]
        if finite.size:
            lows.append(float(finite.min()))
            highs.append(float(finite.max()))
    return (min(lows), max(highs)) if lows else (0.0, 0.0)


def _filled(segment: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[Any]:
    """A decoded tile at its whole size: those at the edge of the image come cut."""
    if segment.shape == shape:
        return segment
    out = np.zeros(shape, dtype=segment.dtype)
    part = segment[: shape[0], : shape[1]]
    out[: part.shape[0], : part.shape[1]] = part
    return out


def _through_libtiff(data: bytes, page: Any, shape: tuple[int, int, int]) -> NDArray[Any]:
    """A tile decoded as the only strip of a TIFF file of its own."""
    wrapped = _wrapped(data, page, shape)
    if page.dtype == np.uint8 and shape[2] in (1, 3, 4):
        with PillowImage.open(io.BytesIO(wrapped), formats=("TIFF",)) as image:
            pixels = np.asarray(image if image.mode in ("L", "RGB", "RGBA", "P") else image.convert("RGB"))
    else:
        decoded = cv2.imdecode(np.frombuffer(wrapped, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
        if decoded is None:
            raise ImageError(f"Compression {page.compression} with {page.dtype} values is not read.")
        pixels = decoded if decoded.ndim == 2 else decoded[:, :, [2, 1, 0, 3][: decoded.shape[2]]]
    return pixels.reshape(shape)


def _wrapped(data: bytes, page: Any, shape: tuple[int, int, int]) -> bytes:
    """A TIFF file with one strip, which holds the data."""
    order = page.parent.byteorder
    numbers: dict[int, tuple[str, Any]] = {
        256: ("I", (shape[1],)), 257: ("I", (shape[0],)), 273: ("I", (8,)), 278: ("I", (shape[0],)),
        279: ("I", (len(data),)), 277: ("H", (shape[2],)), 258: ("H", (page.bitspersample,) * shape[2]),
        259: ("H", (int(page.compression),)), 262: ("H", (_photometric(page, shape[2]),)), 284: ("H", (1,)),
    }  # fmt: skip
    for code in _COPIED_TAGS:
        tag = page.tags.get(code, None)
        if tag is None or code in numbers:
            continue
        value = tag.value
        if code == 347:
            numbers[code] = ("B", tuple(value))
        elif code != 320:
            values = tuple(int(v) for v in value) if isinstance(value, tuple) else (int(value),)
            numbers[code] = ("H", values[: shape[2]] if code == 339 else values)
    if page.predictor not in (None, 1) and 317 not in numbers:
        numbers[317] = ("H", (int(page.predictor),))
    return _tiff_bytes(order, numbers, data)


def _photometric(page: Any, bands: int) -> int:
    """Colours of the tile; a palette's numbers are taken as grey, to be looked up later."""
    photometric = int(page.photometric)
    return 1 if bands == 1 or photometric not in (2, 6) else photometric


def _tiff_bytes(order: str, numbers: dict[int, tuple[str, Any]], data: bytes) -> bytes:
    kinds = {"B": 1, "H": 3, "I": 4}
    data += b"\0" * (len(data) % 2)
    at = 8 + len(data)
    extra_at = at + 2 + 12 * len(numbers) + 4
    entries, extra = b"", b""
    for code in sorted(numbers):
        kind, values = numbers[code]
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        field_ = packed.ljust(4, b"\0")
        if len(packed) > 4:
            field_ = struct.pack(f"{order}I", extra_at + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
        entries += struct.pack(f"{order}HHI", code, kinds[kind], len(values)) + field_
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, at)
    return head + data + struct.pack(f"{order}H", len(numbers)) + entries + b"\0" * 4 + extra


def is_tiff(file: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a TIFF or BigTIFF does."""
    with Path(file).open("rb") as opened:
        return opened.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
