"""LAS and LAZ 1.2 to 1.4 through laspy (extra `las`); labels become an extra dimension, nothing else changes."""

from __future__ import annotations

import io
import struct
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError, MissingExtraError
from clickmask.spatial.cloud import Cloud
from clickmask.spatial.columns import CLASS, LABEL, LABELS, interpret

_SHORTEST_HEADER, _LONGEST_HEADER = 227, 375
_RECORD_HEAD = 54
"""Bytes that each variable length record has at least (LAS 1.2 to 1.4)."""


def parse(data: bytes) -> Cloud:
    """The cloud of a LAS or LAZ file, coordinates scaled to metres; every dimension becomes a field.

    Raises:
        MissingExtraError: laspy is not installed.
        FormatError: no LAS file, or damaged.
    """
    laspy = _laspy()
    _check_counts(data)
    try:
        las = laspy.read(io.BytesIO(data))
    except Exception as error:
        raise FormatError(f"This cannot be read as a LAS or LAZ file: {error}.") from error
    columns: dict[str, Any] = {name: np.asarray(las[name]) for name in las.point_format.dimension_names}
    columns |= {name: np.asarray(getattr(las, name), dtype=np.float64) for name in "xyz"}
    kept = {name: values for name, values in columns.items() if name not in ("X", "Y", "Z")}
    return interpret(kept, "las", data=data, compressed=_is_compressed(data))


def _check_counts(data: bytes) -> None:
    """Refuse a header that promises more than the file can hold: laspy would go through all of it one by one."""
    if len(data) < _SHORTEST_HEADER or data[:4] != b"LASF":
        raise FormatError("This cannot be read as a LAS or LAZ file: it does not begin with a LAS header.")
    newer = data[25] >= 4  # LAS 1.4: further records behind the points, and more points than 32 bits count
    head = data[:_LONGEST_HEADER].ljust(_LONGEST_HEADER, b"\0")
    records = struct.unpack_from("<I", head, 100)[0] + (struct.unpack_from("<I", head, 243)[0] if newer else 0)
    length, points = struct.unpack_from("<HI", head, 105)
    points = max(points, struct.unpack_from("<Q", head, 247)[0]) if newer else points
    wanted = records * _RECORD_HEAD + (0 if _is_compressed(data) else points * length)
    if wanted > len(data):
        raise FormatError(f"The LAS header promises {wanted} bytes at least, the file has {len(data)}: it is damaged.")


def serialize(cloud: Cloud, compressed: bool | None = None) -> bytes:
    """LAS or LAZ with labels in the extra dimension `instance`; a file that was read keeps all it had."""
    laspy = _laspy()
    own = cloud.source.get("format") == "las"
    las = laspy.read(io.BytesIO(cloud.source["data"])) if own else _fresh(laspy, cloud)
    if cloud.instance is not None:
        name = cloud.source.get("label", LABEL) if own else LABEL
        known = name in LABELS and name in las.point_format.dimension_names
        _put(laspy, las, name if known else LABEL, cloud.instance)
    if cloud.semantic is not None:
        _put(laspy, las, CLASS, cloud.semantic)
    buffer = io.BytesIO()
    packed = bool(cloud.source.get("compressed")) if compressed is None else compressed
    las.write(buffer, do_compress=packed)
    return buffer.getvalue()


def _put(laspy: Any, las: Any, name: str, values: NDArray[np.int32]) -> None:
    """Fill a dimension; an extra one is made where there is none of that name."""
    if name not in las.point_format.dimension_names:
        las.add_extra_dim(laspy.ExtraBytesParams(name=name, type=np.uint32, description="clickmask"))
    las[name] = values.astype(np.uint32)


def _fresh(laspy: Any, cloud: Cloud) -> Any:
    header = laspy.LasHeader(point_format=3 if cloud.rgb is not None else 0, version="1.4")
    header.offsets, header.scales = cloud.origin + np.floor(cloud.xyz.min(axis=0)), np.full(3, 0.0001)
    las = laspy.LasData(header)
    las.x, las.y, las.z = cloud.world_xyz.T
    if cloud.rgb is not None:
        las.red, las.green, las.blue = cloud.rgb.T.astype(np.uint16) * 257
    return las


def _is_compressed(data: bytes) -> bool:
    return len(data) > 104 and data[104] >= 128


def _laspy() -> Any:
    try:
        return import_module("laspy")
    except ImportError as error:
        raise MissingExtraError("Reading LAS and LAZ files", "las") from error
