"""What the columns of a cloud's file mean, and which columns to write: shared by all formats with named columns.

A cloud that is written back in its own format keeps every column as it was, bit for bit; only the labels are
new. In another format it gets that format's usual names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.spatial.cloud import Cloud, centred

Column = NDArray[Any]
Columns = dict[str, Column]

PLACES = (("x", "y", "z"), ("X", "Y", "Z"), ("cartesianX", "cartesianY", "cartesianZ"))
COLOURS = (
    ("red", "green", "blue"),
    ("r", "g", "b"),
    ("R", "G", "B"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
    ("colorRed", "colorGreen", "colorBlue"),
)
PACKED = ("rgb", "rgba")
LABELS = ("instance", "instance_id", "instance_label", "object", "object_id", "label")
LABEL = "instance"
CLASS = "class"
"""Columns to which labels and classes are written where a file has none for them."""


def interpret(columns: Columns, format_name: str, **source: Any) -> Cloud:
    """A cloud from named columns of equal length; `source` travels with it for writing back.

    Raises:
        FormatError: no coordinates, or no point.
    """
    places = _found(columns, PLACES)
    if places is None:
        raise FormatError(
            f"The file has no coordinates: expected columns x, y, z, found {', '.join(columns) or 'none'}."
        )
    finite, absent = _finite(np.stack([columns[name] for name in places], axis=1))
    xyz, origin = centred(finite)
    colours = _found(columns, COLOURS)
    packed = next((name for name in PACKED if name in columns), None)
    label = next((name for name in LABELS if name in columns and columns[name].dtype.kind in "iu"), None)
    rgb = None
    if colours is not None:
        rgb = to_bytes(np.stack([columns[name] for name in colours], axis=1))
    elif packed is not None and columns[packed].dtype.itemsize == 4:
        rgb = unpacked(columns[packed])
    consumed = (*places, *(colours or ()), *((packed,) if packed else ()), *((label,) if label else ()))
    known = {"format": format_name, "consumed": consumed, "label": label or LABEL, **source}
    instance = None if label is None else columns[label].astype(np.int32)
    return Cloud(xyz, rgb, instance, origin, columns, known, absent)


def _found(columns: Mapping[str, Column], groups: tuple[tuple[str, ...], ...]) -> tuple[str, ...] | None:
    return next((names for names in groups if all(name in columns for name in names)), None)


def _finite(xyz: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None]:
    """Points with finite coordinates, and which of them have none in the file."""
    if not len(xyz):
        raise FormatError("The file holds no point.")
    bad = ~np.isfinite(xyz).all(axis=1)
    if not bad.any():
        return xyz, None
    if bad.all():
        raise FormatError("Not one point of the file has finite coordinates.")
    # organised clouds mark missing pixels with NaN; such points stay, out of every crop's way
    far = np.where(bad[:, None], xyz[~bad].min(axis=0) - 1000.0, xyz)
    return np.asarray(far), bad


def to_bytes(colours: NDArray[Any]) -> NDArray[np.uint8]:
    """(P, 3) uint8 from colours of 8 or 16 bits, or fractions of 1."""
    if colours.dtype == np.uint8:
        return np.asarray(colours, dtype=np.uint8)
    top = float(colours.max()) if colours.size else 0.0
    if colours.dtype.kind == "f" and top <= 1.0:
        colours = colours * 255.0
    elif top > 255:
        colours = colours / 257.0
    out: NDArray[np.uint8] = np.clip(np.rint(np.nan_to_num(colours)), 0, 255).astype(np.uint8)
    return out


def unpacked(packed: Column) -> NDArray[np.uint8]:
    """(P, 3) uint8 of colours packed into 32 bits (PCL): blue lowest."""
    bits = np.ascontiguousarray(packed).view(np.uint32)
    return np.stack([bits >> 16 & 255, bits >> 8 & 255, bits & 255], axis=1).astype(np.uint8)


def columns_of(cloud: Cloud, format_name: str) -> Columns:
    """The columns to write: the file's own if it is of this format, else x, y, z, colour and the rest; labels."""
    own = cloud.source.get("format") == format_name
    if own:
        columns = dict(cloud.fields)
    else:
        exact = cloud.origin.any()
        places = cloud.world_xyz if exact else cloud.xyz
        columns = dict(zip("xyz", places.T, strict=True))
        if cloud.rgb is not None:
            columns.update(zip(("red", "green", "blue"), cloud.rgb.T, strict=True))
        taken = cloud.source.get("consumed", ())
        columns.update({name: values for name, values in cloud.fields.items() if name not in taken})
    if cloud.instance is not None:
        name = cloud.source.get("label", LABEL) if own else LABEL
        before = columns.get(name)
        kind = before.dtype if before is not None and _fits(cloud.instance, before.dtype) else np.dtype(np.int32)
        columns[name] = cloud.instance.astype(kind)
    if cloud.semantic is not None:
        before = columns.get(CLASS)
        kind = before.dtype if before is not None and _fits(cloud.semantic, before.dtype) else np.dtype(np.int32)
        columns[CLASS] = cloud.semantic.astype(kind)
    return columns


def _fits(values: NDArray[np.int32], kind: np.dtype[Any]) -> bool:
    limits = np.iinfo(kind) if kind.kind in "iu" else None
    return limits is not None and (not len(values) or (values.min() >= limits.min and values.max() <= limits.max))
