"""Photographs and other pictures from disk, whatever their kind, as (H, W, 3) uint8 RGB.

What becomes of each kind:
    EXIF orientation   applied, so that the array is what a person sees
    grey, 1-bit        the same value in all three channels
    palette            its colours
    alpha              laid over white, as a viewer shows it
    CMYK, YCbCr        converted by the codec, without a colour profile
    16-bit, float      the range that the image really uses (its least to its greatest value) becomes 0..255;
                       an image of one value becomes black
    animated           the first frame
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from clickmask.core.errors import ImageError, InputError

Pixels = NDArray[np.uint8]

MAX_PIXELS = 250_000_000
"""Larger images are refused where all pixels are asked for at once, because a file of a few kilobytes can claim any
size. 16,000 x 15,600 still passes."""

MAX_DECODED_PIXELS = 1_000_000_000
"""The annotator takes images up to this size that can only be decoded as a whole (JPEG, WebP, interlaced PNG):
a helper process does it once, in three bytes of memory for each pixel."""

MAX_READ_PIXELS = 4_000_000_000
"""The annotator takes images up to this size that can be read in parts: TIFF, and PNG without interlacing. Run lengths
of masks have 32 bits."""

MAX_PIXELS_VARIABLE = "CLICKMASK_MAX_PIXELS"
"""Environment variable that overrides MAX_PIXELS."""

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .tif .tiff .bmp .dib .gif .ppm .pgm .pbm .pnm .jp2 .j2k .avif".split()
)
"""File name endings of the images that a folder is searched for, lower case."""

# Only codecs for pictures: Pillow's whole list would also start Ghostscript for a file that says it is EPS.
_CODECS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "PPM", "WEBP", "TIFF", "JPEG2000", "AVIF")
_ACCEPTED = "Accepted: JPEG, PNG, WebP, TIFF, BMP, GIF, PNM, JPEG 2000 and AVIF."
_ORIENTATION_TAG = 0x0112

_pillow_limit = threading.Lock()


def read_image(path: str | os.PathLike[str], *, max_pixels: int | None = None) -> Pixels:
    """The picture in a file.

    Args:
        path: an image file.
        max_pixels: refuse larger images; MAX_PIXELS (or the environment's override) if None.

    Returns:
        (H, W, 3) uint8 RGB with the EXIF orientation applied.

    Raises:
        ImageError: the file is missing, empty, truncated, too large or not an image.
    """
    source = _existing_file(path)
    with opened_image(source, str(path), max_pixels) as image:
        return _to_rgb(image, source)


def decode_image(data: bytes, name: str = "the image", *, max_pixels: int | None = None) -> Pixels:
    """As `read_image`, from the bytes of a file; `name` stands for it in messages."""
    if not data:
        raise ImageError(f"{name} is empty (0 bytes). {_ACCEPTED}")
    with opened_image(io.BytesIO(data), name, max_pixels) as image:
        return _to_rgb(image, io.BytesIO(data))


def image_size(path: str | os.PathLike[str], *, max_pixels: int | None = None) -> tuple[int, int]:
    """(height, width) of what `read_image` would return, from the file's head alone."""
    with opened_image(_existing_file(path), str(path), max_pixels) as image:
        width, height = image.size
        return (width, height) if orientation(image) >= 5 else (height, width)


def is_image_name(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name looks like that of an image; hidden files do not."""
    name = Path(path).name
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


@contextmanager
def opened_image(source: Path | io.BytesIO, name: str, max_pixels: int | None = None) -> Iterator[Image.Image]:
    """The image with its head read and its size checked; every failure inside, decoding included, is an ImageError."""
    try:
        with _open(source) as image:
            _check_size(image.size, name, max_pixels)
            yield image
    except InputError:
        raise
    except PermissionError as error:
        raise ImageError(f"{name} cannot be read: permission denied. Check its permissions.") from error
    except (UnidentifiedImageError, KeyError) as error:
        raise ImageError(
            f"{name} is not an image that clickmask reads, or its head is damaged. {_ACCEPTED} "
            "Convert it to PNG or JPEG first."
        ) from error
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise ImageError(
            f"{name} is damaged or truncated and cannot be decoded ({error}). {_ACCEPTED} "
            "Copy or export the file again."
        ) from error


def _existing_file(path: str | os.PathLike[str]) -> Path:
    source = Path(path)
    try:
        if source.is_dir():
            raise ImageError(f"{path} is a folder; give one image file. {_ACCEPTED}")
        if source.stat().st_size == 0:
            raise ImageError(f"{path} is empty (0 bytes), as after an interrupted copy. Copy it again. {_ACCEPTED}")
    except FileNotFoundError:
        raise ImageError(f"There is no file {path}. Check the spelling and the current folder.") from None
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    return source


def _open(source: Path | io.BytesIO) -> Image.Image:
    """Open without Pillow's own, process-wide size limit, which would warn or refuse below ours."""
    with _pillow_limit:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(source, formats=_CODECS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _check_size(size_wh: tuple[int, int], name: str, max_pixels: int | None) -> None:
    width, height = size_wh
    limit = _default_limit() if max_pixels is None else max_pixels
    if width <= 0 or height <= 0:
        raise ImageError(f"{name} says that it is {width} x {height} pixels. An image needs at least one pixel.")
    if width * height > limit:
        raise ImageError(
            f"{name} is {width} x {height} = {width * height / 1e6:.0f} megapixels; "
            f"at most {limit / 1e6:.0f} are accepted, as a guard against decompression bombs. "
            f"If you trust the file, set {MAX_PIXELS_VARIABLE}={width * height}; otherwise scale it down or cut it."
        )


def _default_limit() -> int:
    text = os.environ.get(MAX_PIXELS_VARIABLE, "")
    if not text:
        return MAX_PIXELS
    if not text.isdecimal() or int(text) == 0:
        raise ImageError(f"{MAX_PIXELS_VARIABLE} is '{text}'; it must be a number of pixels such as {MAX_PIXELS}.")
    return int(text)


def _to_rgb(image: Image.Image, source: Path | io.BytesIO) -> Pixels:
    """Decode, make RGB, turn upright."""
    turned = orientation(image)
    if _has_deep_colour(image):
        return np.array(upright(_deep_colour(source), turned), order="C")
    image.load()
    if image.mode.startswith("I") or image.mode == "F":
        grey = _stretched(np.asarray(image))
        rgb = np.repeat(grey[:, :, None], 3, axis=2)
    else:
        rgb = np.asarray(_flattened(image))
    return np.array(upright(rgb, turned), order="C")  # a copy: Pillow's buffer is read-only


def orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8 that is still to be applied; 1 if there is none or it makes no sense.

    TIFF is 1 always, for Pillow turns it while decoding and swaps its size before. The base class's method is used
    because that of PNG would decode the whole image to look for a late EXIF chunk.
    """
    if image.format == "TIFF":
        return 1
    try:
        value = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, UserWarning):
        return 1  # damaged EXIF data leave the picture usable
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(pixels: NDArray[Any], turned: int) -> NDArray[Any]:
    """Apply an EXIF orientation: 5 to 8 swap the axes; then rows or columns are reversed."""
    if turned >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if turned in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if turned in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _flattened(image: Image.Image) -> Image.Image:
    """8-bit image of any mode as RGB, alpha laid over white."""
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _has_deep_colour(image: Image.Image) -> bool:
    """Whether a colour image has 16 bits per channel, of which Pillow would drop the lower eight."""
    tiles = getattr(image, "tile", ())
    arguments = tiles[0][3] if tiles else ()
    raw_mode = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return image.mode in ("RGB", "RGBA", "LA") and isinstance(raw_mode, str) and ";16" in raw_mode


def _deep_colour(source: Path | io.BytesIO) -> Pixels:
    """A 16-bit colour file as RGB, its own range stretched to 0..255."""
    import cv2  # only here: most files never need it

    data = source.read_bytes() if isinstance(source, Path) else source.getvalue()
    pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ImageError("16-bit colour data cannot be decoded")
    if pixels.ndim == 2:
        return np.repeat(_stretched(pixels)[:, :, None], 3, axis=2)
    rgb = _stretched(pixels[:, :, 2::-1])
    if pixels.shape[2] < 4:
        return rgb
    alpha = pixels[:, :, 3:].astype(np.float32) / 65535
    return np.asarray(np.round(rgb * alpha + 255 * (1 - alpha)), dtype=np.uint8)


def _stretched(values: NDArray[Any]) -> Pixels:
    """Least value to 0, greatest to 255; NaN counts as least, infinities as the greatest or least finite value."""
    numbers = values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    numbers = np.nan_to_num(numbers, nan=low, posinf=high, neginf=low)
    span = high - low if high > low else 1.0
    return np.asarray(np.round((numbers - low) * 255 / span), dtype=np.uint8)
