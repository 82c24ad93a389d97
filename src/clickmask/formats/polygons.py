"""Rings round masks and masks inside rings, with the convention always said.

`edge`: whole numbers are corners between pixels; a ring (1,1)(4,1)(4,4)(1,4) holds 9 pixels. COCO, YOLO, GeoJSON.
`center`: whole numbers are pixels, and the ring's own pixels belong to it; the same ring holds 16. LabelMe, OpenCV.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.formats.rle import mask_of

Ring = NDArray[np.float64]

# COCO draws on a grid five times as fine; part of what its polygons mean.
_COCO_SCALE = 5


@dataclass(frozen=True)
class Rings:
    """The outline of a mask.

    Attributes:
        outer: (N, 2) rings round the 4-connected parts.
        holes: (N, 2) rings round the holes in them.
    """

    outer: tuple[Ring, ...]
    holes: tuple[Ring, ...]


def edge_rings(mask: BoolMask) -> Rings:
    """Rings along pixel edges that hold exactly the pixels of `mask`, corners only.

    Outer rings run down their left side first, holes along their top first, each from its top left corner.
    """
    corners = _corners(mask)
    if corners.x.size == 0:
        return Rings((), ())
    vertical = _pairs(corners.x, corners.y, corners.above)
    horizontal = _pairs(corners.y, corners.x, corners.leftward)
    outer: list[Ring] = []
    holes: list[Ring] = []
    for loop in _loops(vertical.tolist(), horizontal.tolist(), corners.opens.tolist()):
        ring = np.stack((corners.x[loop], corners.y[loop]), axis=1).astype(np.float64)
        (outer if corners.opens[loop[0]] else holes).append(ring)
    return Rings(tuple(outer), tuple(holes))


def center_rings(mask: BoolMask) -> Rings:
    """Rings through pixel centres, as OpenCV traces them; thin parts become lines, which inclusive drawing restores."""
    if not mask.any():
        return Rings((), ())
    contours, hierarchy = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = [np.asarray(c, dtype=np.float64).reshape(-1, 2) for c in contours]
    is_hole = np.asarray(hierarchy).reshape(-1, 4)[:, 3] >= 0
    return Rings(
        tuple(r for r, hole in zip(rings, is_hole, strict=True) if not hole),
        tuple(r for r, hole in zip(rings, is_hole, strict=True) if hole),
    )


def fill_edge(rings: Sequence[Ring], size_hw: tuple[int, int]) -> BoolMask:
    """Union of rings, each filled to the same pixels as the COCO API."""
    mask = np.zeros(size_hw, dtype=bool)
    for ring in rings:
        part = _fill_like_coco(ring, size_hw)
        x0, y0, x1, y1 = part.box_xyxy
        mask[y0:y1, x0:x1] |= part.decode_crop()
    return mask


def fill_center(rings: Sequence[Ring], size_hw: tuple[int, int]) -> BoolMask:
    """Union of rings, each filled with its own outline included, to the same pixels as LabelMe."""
    image = Image.new("1", (size_hw[1], size_hw[0]))
    draw = ImageDraw.Draw(image)
    for ring in rings:
        points = [(float(x), float(y)) for x, y in ring]
        if len(points) > 1:
            draw.polygon(points, fill=1, outline=1)
        elif points:
            draw.point(points, fill=1)
    return np.array(image, dtype=bool)


@dataclass(frozen=True)
class _Corners:
    """Corner points of an outline. Where two pixels touch at a corner only, it is there twice, once for each.

    Attributes:
        x, y: (N,) int64 position.
        above: whether the corner's vertical side lies above it.
        leftward: whether its horizontal side lies left of it.
        opens: whether the pixel right below it is in the mask and the corner is that pixel's top left.
    """

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    above: NDArray[np.bool_]
    leftward: NDArray[np.bool_]
    opens: NDArray[np.bool_]


def _corners(mask: BoolMask) -> _Corners:
    padded = np.pad(mask, 1)
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    single = a ^ b ^ c ^ d
    falling = a & d & ~b & ~c  # two pixels touch like a backslash
    rising = b & c & ~a & ~d  # ... like a slash
    parts: list[
        tuple[NDArray[np.bool_], NDArray[np.bool_] | bool, NDArray[np.bool_] | bool, NDArray[np.bool_] | bool]
    ] = [
        (single, a ^ b, a ^ c, d & ~a & ~b & ~c),
        (falling, True, True, False),
        (falling, False, False, True),
        (rising, True, False, False),
        (rising, False, True, False),
    ]
    rows: list[NDArray[np.int64]] = []
    for where, above, leftward, opens in parts:
        y, x = np.nonzero(where)
        flags = [np.broadcast_to(f, where.shape)[y, x] for f in (above, leftward, opens)]
        rows.append(np.stack([x, y, *flags], axis=1).astype(np.int64))
    table = np.concatenate(rows)
    table = table[np.lexsort((table[:, 0], table[:, 1]))]
    return _Corners(table[:, 0], table[:, 1], table[:, 2] > 0, table[:, 3] > 0, table[:, 4] > 0)


def _pairs(line: NDArray[np.int64], along: NDArray[np.int64], ends: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Partner of each corner at the other end of its side: on one line, corners take turns to begin and end a side."""
    order = np.lexsort((~ends, along, line))
    partner = np.empty(len(order), dtype=np.int64)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    return partner


def _loops(vertical: list[int], horizontal: list[int], opens: list[bool]) -> list[list[int]]:
    """Corner numbers of each ring, beginning with its top left corner (corners are sorted by y, then x)."""
    seen = [False] * len(vertical)
    loops: list[list[int]] = []
    for start in range(len(vertical)):
        if seen[start]:
            continue
        first, second = (vertical, horizontal) if opens[start] else (horizontal, vertical)
        loop, corner = [], start
        while not seen[corner]:
            middle = first[corner]
            seen[corner] = seen[middle] = True
            loop += [corner, middle]
            corner = second[middle]
        loops.append(loop)
    return loops


def _fill_like_coco(ring: Ring, size_hw: tuple[int, int]) -> RunLengthMask:
    """Pixels of one ring by COCO's rule.

    Its outline is drawn on a grid five times as fine. Where it steps over a column of pixel centres, the pixels below
    change sides.
    """
    changes = np.sort(_crossings(ring, size_hw))
    return mask_of(np.diff(changes, prepend=0, append=size_hw[0] * size_hw[1]), size_hw)


def _crossings(ring: Ring, size_hw: tuple[int, int]) -> NDArray[np.int64]:
    """Positions in column order at which inside and outside change."""
    height, width = size_hw
    x, y = _fine_outline(ring)
    steps = np.flatnonzero(x[1:] != x[:-1])
    before, after = x[steps], x[steps + 1]
    column = (np.minimum(before, after) + 0.5) / _COCO_SCALE - 0.5
    on_image = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    row = np.minimum(y[steps], y[steps + 1])
    row_pixels = np.ceil(np.clip((row + 0.5) / _COCO_SCALE - 0.5, 0, height))
    return np.asarray(column[on_image] * height + row_pixels[on_image], dtype=np.int64)


def _fine_outline(ring: Ring) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Points of the closed outline on the fine grid, one per unit of each side's longer axis."""
    fine = np.trunc(ring * _COCO_SCALE + 0.5).astype(np.int64)
    start, end = fine, np.roll(fine, -1, axis=0)
    delta = np.abs(end - start)
    steep = delta[:, 0] < delta[:, 1]
    flip = np.where(steep, start[:, 1] > end[:, 1], start[:, 0] > end[:, 0])
    low, high = np.where(flip[:, None], end, start), np.where(flip[:, None], start, end)
    length = delta.max(axis=1)
    side = np.repeat(np.arange(len(ring)), length + 1)
    step = np.arange(len(side)) - np.repeat(np.cumsum(length + 1) - (length + 1), length + 1)
    step = np.where(flip[side], length[side] - step, step)  # from the ring's own start to its end
    slope = np.where(steep, high[:, 0] - low[:, 0], high[:, 1] - low[:, 1]) / np.maximum(length, 1)
    minor_start = np.where(steep, low[:, 0], low[:, 1])[side]
    minor = np.trunc(minor_start + slope[side] * step + 0.5).astype(np.int64)
    major = np.where(steep, low[:, 1], low[:, 0])[side] + step
    return np.where(steep[side], minor, major), np.where(steep[side], major, minor)
