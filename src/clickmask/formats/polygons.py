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

from clickmask.core.errors import FormatError
from clickmask.core.masks import EMPTY_BOX, BoolMask, BoxXyxy, RunLengthMask
from clickmask.formats.annotation import Convention
from clickmask.formats.rle import mask_of

Ring = NDArray[np.float64]

LONGEST_OUTLINE = 20_000_000
"""Pixels along one ring. Longer ones are refused, for a few numbers in a file can claim any length."""

# COCO draws on a grid five times as fine; part of what its polygons mean.
_COCO_SCALE = 5
_POINTS_AT_ONCE = 2_000_000


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


def simplified(ring: Ring, tolerance: float) -> Ring:
    """Fewer points, none of them further than `tolerance` from the line (Douglas and Peucker, 1973)."""
    if tolerance <= 0 or len(ring) < 4:
        return ring
    fewer = cv2.approxPolyDP(ring.astype(np.float32).reshape(-1, 1, 2), tolerance, closed=True)
    return np.asarray(fewer, dtype=np.float64).reshape(-1, 2)


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


@dataclass(frozen=True)
class Part:
    """A connected part of a mask: its outer ring and the rings round its holes, each (N, 2)."""

    outer: Ring
    holes: tuple[Ring, ...] = ()


def edge_parts(mask: BoolMask) -> list[Part]:
    """The 4-connected parts of a mask, each with its holes, as rings along pixel edges in the order of `edge_rings`."""
    rings = edge_rings(mask)
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    holes: dict[int, list[Ring]] = {}
    for hole in rings.holes:
        x, y = hole[0].astype(int)  # its top left corner: the pixel above it belongs to the part
        holes.setdefault(int(labels[y - 1, x]), []).append(hole)
    corners = [ring[0].astype(int) for ring in rings.outer]
    return [Part(r, tuple(holes.get(int(labels[y, x]), ()))) for r, (x, y) in zip(rings.outer, corners, strict=True)]


def mask_of_parts(parts: Sequence[Part], size_hw: tuple[int, int], convention: Convention) -> RunLengthMask:
    """Union of polygons with holes. What lies outside the image is cut off; only the rings' own box is looked at.

    Args:
        parts: rings in pixels of the image.
        size_hw: of the image.
        convention: what whole numbers mean; with `center` the ring of a hole belongs to the object too.
    """
    x0, y0, x1, y1 = _box_of([p.outer for p in parts], size_hw)
    mask = np.zeros((y1 - y0, x1 - x0), dtype=bool)
    for part in parts:
        _add_part(mask, (x0, y0), part, convention)
    return RunLengthMask.encode(mask, (x0, y0), size_hw)


def _add_part(mask: BoolMask, corner_xy: tuple[int, int], part: Part, convention: Convention) -> None:
    """Set the pixels of a part in a mask whose corner is given; each ring is looked at in its own box alone."""
    height, width = mask.shape
    outer = part.outer - corner_xy
    x0, y0, x1, y1 = _box_of([outer], (height, width))
    filled = _filled(outer - (x0, y0), (y1 - y0, x1 - x0), convention)
    for ring in part.holes:
        inside = ring - corner_xy - (x0, y0)
        left, top, right, bottom = _box_of([inside], (y1 - y0, x1 - x0))
        size_hw = (bottom - top, right - left)
        hole = _filled(inside - (left, top), size_hw, convention)
        if convention == "center":
            hole &= ~_outline(inside - (left, top), size_hw)
        filled[top:bottom, left:right] &= ~hole
    mask[y0:y1, x0:x1] |= filled


def mask_of_rings(rings: Sequence[Ring], size_hw: tuple[int, int], convention: Convention) -> RunLengthMask:
    """Union of rings, see `mask_of_parts`."""
    return mask_of_parts([Part(ring) for ring in rings], size_hw, convention)


def ellipse_ring(centre_xy: tuple[float, float], radii_xy: tuple[float, float], degrees: float = 0.0) -> Ring:
    """(360, 2) points of an ellipse, turned clockwise as one sees it."""
    angles, turn = np.arange(360) * (np.pi / 180), np.deg2rad(degrees)
    x, y = radii_xy[0] * np.cos(angles), radii_xy[1] * np.sin(angles)
    turned = np.stack((x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)), axis=1)
    return np.asarray(turned + np.array(centre_xy), dtype=np.float64)


def box_ring(x0: float, y0: float, x1: float, y1: float, degrees: float = 0.0, about_corner: bool = False) -> Ring:
    """(4, 2) corners of a rectangle, turned clockwise about its centre or about its first corner."""
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=np.float64)
    if not degrees:
        return corners
    turn = np.deg2rad(degrees)
    about = corners[0] if about_corner else corners.mean(axis=0)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray((corners - about) @ matrix + about)


def fill_edge(rings: Sequence[Ring], size_hw: tuple[int, int]) -> BoolMask:
    """Union of rings, each filled to the same pixels as the COCO API."""
    mask = np.zeros(size_hw, dtype=bool)
    for ring in rings:
        _check_length(ring)
        part = _fill_like_coco(ring, size_hw)
        x0, y0, x1, y1 = part.box_xyxy
        mask[y0:y1, x0:x1] |= part.decode_crop()
    return mask


def fill_center(rings: Sequence[Ring], size_hw: tuple[int, int]) -> BoolMask:
    """Union of rings, each filled with its own outline included, to the same pixels as LabelMe."""
    image = Image.new("1", (size_hw[1], size_hw[0]))
    draw = ImageDraw.Draw(image)
    for ring in rings:
        _check_length(ring)
        points = [(float(x), float(y)) for x, y in ring]
        if len(points) > 1:
            draw.polygon(points, fill=1, outline=1)
        elif points:
            draw.point(points, fill=1)
    return np.array(image, dtype=bool)


def _filled(ring: Ring, size_hw: tuple[int, int], convention: Convention) -> BoolMask:
    return (fill_edge if convention == "edge" else fill_center)([ring], size_hw)


def _check_length(ring: Ring) -> None:
    length = float(np.abs(np.roll(ring, -1, axis=0) - ring).max(axis=1).sum())
    if length > LONGEST_OUTLINE:
        raise FormatError(
            f"A polygon's outline is {length:.3g} pixels long, the limit is {LONGEST_OUTLINE}. Its points lie far "
            "outside the image: the file is damaged, or its coordinates have another unit."
        )


def _outline(ring: Ring, size_hw: tuple[int, int]) -> BoolMask:
    image = Image.new("1", (size_hw[1], size_hw[0]))
    ImageDraw.Draw(image).line([(float(x), float(y)) for x, y in (*ring, ring[0])], fill=1)
    return np.array(image, dtype=bool)


def _box_of(rings: Sequence[Ring], size_hw: tuple[int, int]) -> BoxXyxy:
    """Box of whole pixels round all rings, one pixel wider for inclusive drawing, cut to the image."""
    if not rings:
        return EMPTY_BOX
    points = np.concatenate(list(rings))
    least = np.clip(np.floor(points.min(axis=0)) - 1, 0, (size_hw[1], size_hw[0])).astype(int)
    most = np.clip(np.ceil(points.max(axis=0)) + 2, 0, (size_hw[1], size_hw[0])).astype(int)
    return int(least[0]), int(least[1]), int(most[0]), int(most[1])


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
    fine = np.trunc(ring * _COCO_SCALE + 0.5).astype(np.int64)
    start, end = fine, np.roll(fine, -1, axis=0)
    points = np.cumsum(np.abs(end - start).max(axis=1) + 1)
    cuts = np.flatnonzero(np.diff(points // _POINTS_AT_ONCE)) + 1
    sides = zip(np.split(start, cuts), np.split(end, cuts), strict=True)
    return np.concatenate([_crossings_of(*_fine_outline(*some), size_hw) for some in sides])


def _crossings_of(x: NDArray[np.int64], y: NDArray[np.int64], size_hw: tuple[int, int]) -> NDArray[np.int64]:
    height, width = size_hw
    steps = np.flatnonzero(x[1:] != x[:-1])
    before, after = x[steps], x[steps + 1]
    column = (np.minimum(before, after) + 0.5) / _COCO_SCALE - 0.5
    on_image = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    row = np.minimum(y[steps], y[steps + 1])
    row_pixels = np.ceil(np.clip((row + 0.5) / _COCO_SCALE - 0.5, 0, height))
    return np.asarray(column[on_image] * height + row_pixels[on_image], dtype=np.int64)


def _fine_outline(start: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Points of consecutive sides on the fine grid, one per unit of each side's longer axis, both ends included."""
    delta = np.abs(end - start)
    steep = delta[:, 0] < delta[:, 1]
    flip = np.where(steep, start[:, 1] > end[:, 1], start[:, 0] > end[:, 0])
    low, high = np.where(flip[:, None], end, start), np.where(flip[:, None], start, end)
    length = delta.max(axis=1)
    side = np.repeat(np.arange(len(start)), length + 1)
    step = np.arange(len(side)) - np.repeat(np.cumsum(length + 1) - (length + 1), length + 1)
    step = np.where(flip[side], length[side] - step, step)  # from the ring's own start to its end
    slope = np.where(steep, high[:, 0] - low[:, 0], high[:, 1] - low[:, 1]) / np.maximum(length, 1)
    minor_start = np.where(steep, low[:, 0], low[:, 1])[side]
    minor = np.trunc(minor_start + slope[side] * step + 0.5).astype(np.int64)
    major = np.where(steep, low[:, 1], low[:, 0])[side] + step
    return np.where(steep[side], minor, major), np.where(steep[side], major, minor)
