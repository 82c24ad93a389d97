"""What readers of volumes share: how large a volume may be, and decompressing no more than it needs."""

from __future__ import annotations

import bz2
import math
import os
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError

MAX_VOXELS = 2**30
"""Larger volumes are refused: a file of a few bytes can claim any size. 1024 slices of 1024 x 1024 still pass."""

MAX_VOXELS_VARIABLE = "CLICKMASK_MAX_VOXELS"
"""Environment variable that overrides MAX_VOXELS."""


def check_size(sizes: Sequence[int]) -> None:
    """Refuse sizes that no volume has, or that are larger than this machine is meant to load.

    Raises:
        FormatError: a size below 1, or too many voxels.
    """
    if any(size < 1 for size in sizes):
        raise FormatError(f"The file says that it holds {' x '.join(map(str, sizes))} voxels. Each must be at least 1.")
    count, limit = math.prod(sizes), _limit()
    if count > limit:
        raise FormatError(
            f"The file says that it holds {' x '.join(map(str, sizes))} = {count / 1e6:,.0f} million voxels; at most "
            f"{limit / 1e6:,.0f} million are read. If you trust it, set {MAX_VOXELS_VARIABLE}={count}, else cut it."
        )


def _limit() -> int:
    text = os.environ.get(MAX_VOXELS_VARIABLE, "")
    if not text:
        return MAX_VOXELS
    if not text.isdecimal() or int(text) == 0:
        raise FormatError(f"{MAX_VOXELS_VARIABLE} is '{text}'; it must be a number of voxels such as {MAX_VOXELS}.")
    return int(text)


def gunzipped(data: bytes, most: int) -> bytes:
    """The first `most` bytes of gzip data of one or several members; fewer if there are no more.

    Raises:
        FormatError: damaged or cut data.
    """
    out = bytearray()
    rest = data
    try:
        while rest and len(out) < most:
            inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
            out += inflate.decompress(rest, most - len(out))
            if not inflate.eof and len(out) < most:
                raise FormatError("The compressed data end too early, as after an interrupted copy. Copy it again.")
            rest = inflate.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise FormatError(f"The compressed data are damaged ({error}). Copy or export the file again.") from error
    return bytes(out)


def bunzipped(data: bytes, most: int) -> bytes:
    """As `gunzipped`, of bzip2 data."""
    inflate = bz2.BZ2Decompressor()
    try:
        out = inflate.decompress(data, most)
    except OSError as error:
        raise FormatError(f"The compressed data are damaged ({error}). Copy or export the file again.") from error
    return out


def scaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Stored values times slope plus intercept: whole numbers stay whole where both are, else float32.

    Raises:
        FormatError: a slope of zero, or one that is not finite.
    """
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0:
        raise FormatError(f"Values are to be scaled by {slope:g} and moved by {intercept:g}, which makes no sense.")
    if slope == 1 and intercept == 0:
        return native(stored)
    whole = float(slope).is_integer() and float(intercept).is_integer() and stored.dtype.kind in "iu"
    if whole and stored.size:
        ends = [float(v) * slope + intercept for v in (stored.min(), stored.max())]
        for kind in (np.int16, np.int32):
            limits = np.iinfo(kind)
            if limits.min <= min(ends) and max(ends) <= limits.max:
                return np.asarray(stored.astype(np.int64) * int(slope) + int(intercept), dtype=kind)
    return np.asarray(stored.astype(np.float64) * slope + intercept, dtype=np.float32)


def native(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in this machine's byte order, in a type that OpenCV and NumPy treat quickly.

    Floats become float32, whole numbers of 64 bits float32 if they do not fit 32 bits.
    """
    kind = values.dtype.kind
    if kind == "f":
        return values.astype(np.float32)
    if kind == "b":
        return values.astype(np.uint8)
    if values.dtype.itemsize == 8:
        low, high = int(values.min()), int(values.max())
        fits = low >= -(2**31) and high < 2**31
        return values.astype(np.int32 if fits else np.float32)
    return values.astype(values.dtype.newbyteorder("="), copy=False)
