"""Surfaces to put into made-up scenes: points on boxes, turned bodies, blobs and mugs, with printed colours.

A shape stands on z = 0 over the origin, metres, z up. Points are drawn evenly over its surface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Colours = NDArray[np.uint8]
MOST_POINTS = 60_000


@dataclass(frozen=True, eq=False)
class Shape:
    """Points on a surface.

    Attributes:
        xyz: (P, 3) float32 metres.
        rgb: (P, 3) uint8.
        flat_top: whether other things can stand on it.
    """

    xyz: Points
    rgb: Colours
    flat_top: bool = False

    @property
    def extent(self) -> NDArray[np.float32]:
        """(3,) width, depth and height, metres."""
        low, high = self.xyz.min(axis=0), self.xyz.max(axis=0)
        return np.asarray(high - low, dtype=np.float32)

    def turned(self, angle: float) -> Shape:
        """Turned about the vertical, radians."""
        return replace(self, xyz=self.xyz @ about_z(angle).T)

    def moved(self, x: float, y: float, z: float) -> Shape:
        """Shifted by metres."""
        return replace(self, xyz=self.xyz + np.array([x, y, z], dtype=np.float32))

    def scaled(self, factor: float) -> Shape:
        """Made larger or smaller about the origin."""
        return replace(self, xyz=self.xyz * np.float32(factor))

    def tinted(self, rng: np.random.Generator) -> Shape:
        """With its colours mixed anew."""
        mix = rng.permutation(3)
        gain = rng.uniform(0.5, 1.3, 3)
        return replace(self, rgb=np.clip(self.rgb[:, mix] * gain, 0, 255).astype(np.uint8))

    def thinned(self, spacing: float, rng: np.random.Generator) -> Shape:
        """With about one point per `spacing` squared, if the shape has more, its area taken from its extent."""
        width, depth, height = self.extent
        area = 2 * (width * depth + width * height + depth * height)
        keep = int(area / spacing**2) + 50
        if keep >= len(self.xyz):
            return self
        chosen = rng.choice(len(self.xyz), keep, replace=False)
        return replace(self, xyz=self.xyz[chosen], rgb=self.rgb[chosen])


def about_z(angle: float) -> NDArray[np.float32]:
    """(3, 3) the turn about the vertical axis by radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=np.float32)


def _count(area: float, spacing: float) -> int:
    return int(np.clip(area / spacing**2, 40, MOST_POINTS))


def painted(xyz: Points, rng: np.random.Generator) -> Colours:
    """(P, 3) uint8 colours: plain, or striped and patched like printed packages."""
    palette = rng.integers(20, 250, (4, 3))
    index = np.zeros(len(xyz), dtype=np.int64)
    if rng.random() < 0.55:
        for _ in range(int(rng.integers(1, 3))):
            way = rng.normal(size=3) * (rng.random(3) < 0.6)
            size = float(np.ptp(xyz, axis=0).max()) + 1e-3
            wave = xyz @ (way / size) * rng.uniform(1, 5) + rng.uniform(0, 4)
            index += np.floor(wave).astype(np.int64)
    colours = palette[index % int(rng.integers(1, 5))]
    shade = rng.normal(0, rng.uniform(1, 12), (len(xyz), 1))
    return np.clip(colours + shade, 0, 255).astype(np.uint8)


def box(size: NDArray[np.floating], spacing: float, rng: np.random.Generator, bottom: bool = False) -> Shape:
    """A box of (3,) `size`; its bottom is left out unless asked for, as no scanner sees it."""
    width, depth, height = (float(v) for v in size)
    areas = np.array([depth * height, depth * height, width * height, width * height, width * depth, width * depth])
    if not bottom:
        areas[5] = 0
    count = _count(areas.sum(), spacing)
    side = rng.choice(6, count, p=areas / areas.sum())
    xyz = rng.uniform(-0.5, 0.5, (count, 3))
    axis, sign = side // 2, np.where(side % 2 == 0, 0.5, -0.5)
    xyz[np.arange(count), axis] = sign
    places = ((xyz + np.array([0, 0, 0.5])) * [width, depth, height]).astype(np.float32)
    return Shape(places, painted(places, rng), flat_top=True)


def turned_body(
    radii: NDArray[np.floating], heights: NDArray[np.floating], spacing: float, rng: np.random.Generator
) -> Shape:
    """The surface that a polyline of radii and heights draws when it turns about the vertical axis."""
    steps = np.hypot(np.diff(radii), np.diff(heights))
    rings = np.pi * (radii[1:] + radii[:-1]) * steps
    count = _count(float(rings.sum()), spacing)
    part = rng.choice(len(rings), count, p=rings / rings.sum())
    along = rng.random(count)
    # even over a cone's surface: more points where it is wide
    a, b = radii[part], radii[part + 1]
    wide = np.abs(b - a) > 1e-6
    root = np.sqrt(a**2 + along * (b**2 - a**2))
    along = np.where(wide, (root - a) / np.where(wide, b - a, 1), along)
    r = a + along * (b - a)
    z = heights[part] + along * (heights[part + 1] - heights[part])
    angle = rng.uniform(0, 2 * np.pi, count)
    xyz = np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=1).astype(np.float32)
    return Shape(xyz, painted(xyz, rng))


def cylinder(scale: float, spacing: float, rng: np.random.Generator) -> Shape:
    """A can, now and then lying."""
    radius, height = scale * rng.uniform(0.15, 0.5), scale * rng.uniform(0.3, 1.2)
    shape = turned_body(np.array([0, radius, radius, 0]), np.array([0, 0, height, height]), spacing, rng)
    if rng.random() < 0.25:
        x, y, z = shape.xyz.T
        return Shape(np.stack([z - height / 2, y, x + radius], axis=1), shape.rgb)
    return replace(shape, flat_top=True)


def bottle(scale: float, spacing: float, rng: np.random.Generator) -> Shape:
    """A turned body with a random outline: bottles, vases, lamps, cones."""
    n = int(rng.integers(3, 7))
    heights = np.concatenate([[0], np.sort(rng.uniform(0, 1, n)), [1]]) * scale * rng.uniform(0.6, 1.4)
    radii = np.concatenate([[0], rng.uniform(0.08, 0.45, n) * scale, [0]])
    return turned_body(radii, heights, spacing, rng)


def bowl(scale: float, spacing: float, rng: np.random.Generator) -> Shape:
    """An open bowl or plate, inside and outside."""
    radius, height = scale * rng.uniform(0.35, 0.7), scale * rng.uniform(0.08, 0.5)
    t = np.linspace(0, 1, 7)
    outer_r, outer_h = radius * (0.4 + 0.6 * t ** rng.uniform(0.4, 1.2)), height * t
    wall = 0.004 + 0.02 * scale * rng.random()
    radii = np.concatenate([[0], outer_r, outer_r[::-1] - wall, [0]])
    heights = np.concatenate([[0], outer_h, outer_h[::-1] + wall * (t[::-1] < 1), [wall]])
    return turned_body(np.maximum(radii, 0), heights, spacing, rng)


def mug(scale: float, spacing: float, rng: np.random.Generator) -> Shape:
    """An open cylinder with a handle."""
    radius, height = scale * rng.uniform(0.25, 0.4), scale * rng.uniform(0.5, 0.9)
    body = turned_body(
        np.array([0, radius, radius, radius - 0.005, radius - 0.005, 0]),
        np.array([0, 0, height, height, 0.005, 0.005]),
        spacing,
        rng,
    )
    ring, tube = height * rng.uniform(0.25, 0.4), max(0.05 * scale, 0.004)
    count = _count(2 * np.pi**2 * ring * tube, spacing)
    a, b = rng.uniform(-np.pi / 2, np.pi / 2, count), rng.uniform(0, 2 * np.pi, count)
    reach = ring + tube * np.cos(b)
    handle = np.stack([radius + reach * np.cos(a), tube * np.sin(b), height / 2 + reach * np.sin(a)], axis=1)
    colours = np.broadcast_to(body.rgb[0], (count, 3))
    xyz = np.concatenate([body.xyz, handle.astype(np.float32)])
    return Shape(xyz, np.concatenate([body.rgb, colours]))


def blob(scale: float, spacing: float, rng: np.random.Generator) -> Shape:
    """A sphere bent by a few waves and pulled in each axis: fruit, toys, cushions, stones."""
    count = _count(2.5 * scale**2, spacing)
    way = rng.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    power = rng.uniform(0.4, 1.3)
    radius = np.ones(count)
    for _ in range(int(rng.integers(0, 5))):
        radius += rng.uniform(0, 0.18) * np.sin(way @ rng.normal(size=3) * rng.uniform(1, 4) + rng.uniform(0, 6))
    xyz = np.sign(way) * np.abs(way) ** power * radius[:, None] * rng.uniform(0.3, 0.6, 3) * scale
    xyz[:, 2] -= np.quantile(xyz[:, 2], 0.02)
    kept = xyz[xyz[:, 2] >= 0].astype(np.float32)
    return Shape(kept, painted(kept, rng))


def random_box(scale: float, spacing: float, rng: np.random.Generator) -> Shape:
    """A box of any proportion, now and then flat like a book."""
    size = scale * rng.uniform(0.25, 1.0, 3)
    if rng.random() < 0.2:
        size[2] *= 0.2
    return box(size, spacing, rng)


PRIMITIVES: tuple[tuple[Callable[[float, float, np.random.Generator], Shape], float], ...] = (
    (random_box, 0.34),
    (cylinder, 0.16),
    (bottle, 0.14),
    (bowl, 0.12),
    (mug, 0.10),
    (blob, 0.14),
)
"""Makers and how often each is taken."""


def primitive(scale: float, spacing: float, rng: np.random.Generator) -> Shape:
    """A random primitive of about `scale` metres with a point per `spacing` squared."""
    weights = np.array([weight for _, weight in PRIMITIVES])
    make = PRIMITIVES[int(rng.choice(len(PRIMITIVES), p=weights / weights.sum()))][0]
    return make(scale, spacing, rng).turned(rng.uniform(0, 2 * np.pi))
