"""Made-up scenes: rooms, table tops and streets, seen by simulated scanners.

Everything stands where things stand: on the floor, against a wall, on a table, on one another. What is
hidden is missing, as in a scan. With catalogues of furniture scenes hold real models; without them,
primitives alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clickmask.train.clouds.furniture import Model
from clickmask.train.clouds.scanner import Scanner, scan, thinned
from clickmask.train.clouds.shapes import Colours, Points, Shape, blob, box, painted, primitive, turned_body

BACKGROUND = 0
"""Instance of what surrounds all things: the floor of a room, the table, the ground."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A labelled cloud, z up.

    Attributes:
        xyz: (P, 3) float32 metres.
        rgb: (P, 3) uint8, None without colour.
        instance: (P,) int32.
        surroundings: instances that are no things: floor, walls, table, ground, facades.
        voxel: size of voxels that suits the cloud, metres.
        kind: room, tabletop, street or scan.
    """

    xyz: Points
    rgb: Colours | None
    instance: NDArray[np.int32]
    surroundings: tuple[int, ...]
    voxel: float
    kind: str


class Parts:
    """Shapes put together, each an instance of its own."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._labels: list[int] = []
        self.surroundings: list[int] = []
        self.count = 0

    def add(self, shape: Shape, surrounding: bool = False, label: int | None = None) -> int:
        """Put a shape into the scene; returns its instance."""
        if label is None:
            label, self.count = self.count, self.count + 1
            if surrounding:
                self.surroundings.append(label)
        self._shapes.append(shape)
        self._labels.append(label)
        return label

    def seen(self, eyes: NDArray[np.floating], scanner: Scanner, edge: float, rng: np.random.Generator) -> Scene:
        """What a scanner records, thinned to one point per cube of `edge` metres."""
        xyz = np.concatenate([shape.xyz for shape in self._shapes]).astype(np.float32)
        rgb = np.concatenate([shape.rgb for shape in self._shapes])
        sizes = [len(shape.xyz) for shape in self._shapes]
        instance = np.repeat(np.array(self._labels, dtype=np.int32), sizes)
        rows, places = scan(xyz, eyes, scanner, rng)
        kept = thinned(places, edge, rng)
        rows, places = rows[kept], places[kept]
        light = rng.uniform(0.75, 1.15) + 0.12 * np.sin(places @ rng.normal(size=3) * 0.7)
        colour = np.clip(rgb[rows] * light[:, None] + rng.normal(0, 4, (len(rows), 3)), 0, 255)
        return Scene(places, colour.astype(np.uint8), instance[rows], tuple(self.surroundings), 0.0, "")


def plane(size: Sequence[float] | NDArray[np.floating], spacing: float, rng: np.random.Generator) -> Shape:
    """A level rectangle of (2,) `size` round the origin at z = 0."""
    width, depth = (float(v) for v in size)
    count = int(width * depth / spacing**2)
    xyz = np.zeros((count, 3), dtype=np.float32)
    xyz[:, :2] = rng.uniform(-0.5, 0.5, (count, 2)) * [width, depth]
    return Shape(xyz, painted(xyz, rng), flat_top=True)


class Floor:
    """Footprints that are taken, so that no two things stand in one place."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float, float]] = []

    def put(
        self, shape: Shape, low: NDArray[np.floating], high: NDArray[np.floating], gap: float, rng: np.random.Generator
    ) -> tuple[float, float] | None:
        """A free place in the rectangle for a shape, `gap` metres from all others; None after many tries."""
        half = shape.extent[:2] / 2
        middle = (shape.xyz[:, :2].min(axis=0) + shape.xyz[:, :2].max(axis=0)) / 2
        if (high - low - 2 * half <= 0).any():
            return None
        for _ in range(25):
            x, y = rng.uniform(low + half, high - half)
            mine = (x - half[0] - gap, y - half[1] - gap, x + half[0] + gap, y + half[1] + gap)
            if not any(mine[0] < t[2] and t[0] < mine[2] and mine[1] < t[3] and t[1] < mine[3] for t in self._taken):
                self._taken.append((x - half[0], y - half[1], x + half[0], y + half[1]))
                return float(x - middle[0]), float(y - middle[1])
        return None


def _pick(models: Sequence[Model], low: float, high: float, rng: np.random.Generator) -> Shape | None:
    """A random model whose largest side lies in a range of metres."""
    for _ in range(40 if models else 0):
        model = models[int(rng.integers(len(models)))]
        if low <= float(model.shape.extent.max()) <= high and model.category != "Staircases":
            return model.shape.tinted(rng) if rng.random() < 0.5 else model.shape
    return None


def room(models: Sequence[Model], rng: np.random.Generator) -> Scene:
    """A furnished room, scanned from two to five places at eye height."""
    parts, floor = Parts(), Floor()
    size = rng.uniform(2.8, 6.0, 2)
    height = float(rng.uniform(2.3, 3.0))
    parts.add(plane(size, 0.025, rng), surrounding=True)
    walls = int(rng.integers(0, 5))
    for side in rng.permutation(4)[:walls]:
        _wall(parts, int(side), size, height, rng)
    low, high = -size / 2 + 0.04, size / 2 - 0.04
    for _ in range(int(rng.integers(7, 23))):
        shape = _pick(models, 0.3, 2.6, rng) if rng.random() < 0.85 else None
        shape = shape or primitive(float(rng.uniform(0.3, 1.2)), 0.02, rng)
        if shape.extent[2] > height or (shape.extent[2] < 0.12 and rng.random() < 0.7):
            continue
        shape = shape.turned(np.pi / 2 * rng.integers(4) + rng.normal(0, 0.06)).thinned(0.018, rng)
        place = floor.put(shape, *_strip(low, high, shape, rng), 0.01, rng)
        if place is None:
            continue
        shape = shape.moved(*place, 0.0)
        parts.add(shape)
        if shape.flat_top and shape.extent[2] < 1.4:
            _on_top(parts, shape, models, rng)
    eyes = rng.uniform([*(low * 0.9), 1.2], [*(high * 0.9), 1.9], (int(rng.integers(2, 6)), 3))
    scanner = Scanner(0.8, 0.8, 0.02, float(rng.uniform(0.001, 0.008)))
    return replace(parts.seen(eyes, scanner, 0.018, rng), voxel=0.045, kind="room")


def _strip(
    low: NDArray[np.floating], high: NDArray[np.floating], shape: Shape, rng: np.random.Generator
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Half of the time the strip along one wall, else the whole floor."""
    if rng.random() < 0.5:
        return low, high
    low, high = low.copy(), high.copy()
    axis = int(rng.integers(2))
    if rng.random() < 0.5:
        high[axis] = low[axis] + float(shape.extent[axis]) + 0.06
    else:
        low[axis] = high[axis] - float(shape.extent[axis]) - 0.06
    return low, high


def _wall(parts: Parts, side: int, size: NDArray[np.floating], height: float, rng: np.random.Generator) -> None:
    """A wall with doors, windows, pictures and curtains as thin things on it."""
    length, away = float(size[side % 2]), float(size[1 - side % 2]) / 2
    angle = (0.0, np.pi / 2, np.pi, -np.pi / 2)[side]

    def stand(shape: Shape) -> Shape:
        """From the x-z plane to this wall."""
        return shape.moved(0, away, 0).turned(angle)

    flat = plane((length, height), 0.028, rng)
    upright = Shape(np.stack([flat.xyz[:, 0], flat.xyz[:, 2], flat.xyz[:, 1] + height / 2], axis=1), flat.rgb)
    parts.add(stand(upright), surrounding=True)
    taken: list[tuple[float, float]] = []
    for _ in range(int(rng.integers(0, 5))):
        kind = int(rng.integers(3))
        wide = float(rng.uniform(*((0.7, 1.0), (0.5, 1.6), (0.25, 1.0))[kind]))
        tall = float((rng.uniform(1.9, 2.1), rng.uniform(0.6, 1.4), rng.uniform(0.25, 0.9))[kind])
        low = float((0.0, rng.uniform(0.7, 1.0), rng.uniform(1.0, 1.5))[kind])
        x = float(rng.uniform(-length / 2 + wide / 2, length / 2 - wide / 2)) if length > wide else 0.0
        if low + tall > height or any(abs(x - other) < (wide + width) / 2 + 0.03 for other, width in taken):
            continue
        taken.append((x, wide))
        thick = float(rng.uniform(0.02, 0.07))
        parts.add(stand(box(np.array([wide, thick, tall]), 0.02, rng).moved(x, -thick / 2, low)))


def _on_top(parts: Parts, under: Shape, models: Sequence[Model], rng: np.random.Generator) -> None:
    """Small things on something flat."""
    top = float(np.quantile(under.xyz[:, 2], 0.995))
    low, high = under.xyz[:, :2].min(axis=0) + 0.02, under.xyz[:, :2].max(axis=0) - 0.02
    floor = Floor()
    for _ in range(int(rng.integers(0, 7))):
        shape = _pick(models, 0.1, 0.5, rng) if rng.random() < 0.7 else None
        shape = (shape or primitive(float(rng.uniform(0.1, 0.35)), 0.01, rng)).turned(rng.uniform(0, 6.3))
        place = floor.put(shape, low, high, 0.005, rng)
        if place is not None:
            parts.add(shape.thinned(0.01, rng).moved(*place, top))


def tabletop(models: Sequence[Model], rng: np.random.Generator) -> Scene:
    """Things on a table, some stacked, some touching, before one depth camera."""
    parts, floor = Parts(), Floor()
    size = rng.uniform(0.7, 1.4, 2)
    spacing = 0.0045
    table = parts.add(plane(size, spacing, rng), surrounding=True)
    if rng.random() < 0.6:
        _behind_table(parts, table, size, rng)
    gap = float(rng.choice([0.0, 0.003, 0.02]))
    reach = size / 2 * rng.uniform(0.35, 0.9)
    for _ in range(int(rng.integers(2, 15))):
        scale = float(rng.uniform(0.06, 0.32))
        shape = _pick(models, 0.08, 0.35, rng) if rng.random() < 0.25 else None
        shape = (shape or primitive(scale, spacing, rng)).turned(rng.uniform(0, 6.3)).thinned(0.003, rng)
        place = floor.put(shape, -reach, reach, gap, rng)
        if place is None:
            continue
        shape = shape.moved(*place, 0.0)
        parts.add(shape)
        if shape.flat_top and rng.random() < 0.4:
            _stack(parts, shape, spacing, rng)
    return replace(_camera(parts, rng), voxel=0.01, kind="tabletop")


def _behind_table(parts: Parts, table: int, size: NDArray[np.floating], rng: np.random.Generator) -> None:
    """What a camera sees past the table: a floor below, a wall behind."""
    below = plane(size * 1.6, 0.012, rng).moved(float(rng.normal(0, 0.3)), 0.0, -float(rng.uniform(0.4, 0.8)))
    parts.add(below, label=table)
    if rng.random() < 0.5:
        wall = plane((float(size[0]) * 1.5, 1.5), 0.012, rng)
        xyz = np.stack([wall.xyz[:, 0], wall.xyz[:, 2] + size[1] / 2 + 0.2, wall.xyz[:, 1]], axis=1)
        parts.add(Shape(xyz.astype(np.float32), wall.rgb), label=table)


def _stack(parts: Parts, under: Shape, spacing: float, rng: np.random.Generator) -> None:
    """One or two things on top of another, smaller or larger than it."""
    top = float(under.xyz[:, 2].max())
    middle = (under.xyz[:, :2].min(axis=0) + under.xyz[:, :2].max(axis=0)) / 2
    for _ in range(int(rng.integers(1, 3))):
        shape = primitive(float(under.extent[:2].max()) * float(rng.uniform(0.5, 1.2)), spacing, rng)
        x, y = middle + rng.normal(0, 0.12, 2) * under.extent[:2]
        parts.add(shape.moved(float(x), float(y), top))
        if not shape.flat_top:
            return
        top += float(shape.extent[2])


def _camera(parts: Parts, rng: np.random.Generator) -> Scene:
    """The table as one depth camera sees it from the front, now and then from two sides."""
    eyes: list[list[float]] = []
    for _ in range(1 if rng.random() < 0.8 else 2):
        away, tilt = rng.uniform(0.8, 1.3), np.radians(rng.uniform(22, 65))
        side = rng.normal(0, 0.3) if not eyes else rng.uniform(0, 2 * np.pi)
        eyes.append([away * np.cos(tilt) * np.sin(side), -away * np.cos(tilt) * np.cos(side), away * np.sin(tilt)])
    cell = float(rng.uniform(0.25, 0.4))
    scanner = Scanner(cell, cell, 0.004, float(rng.uniform(0.0004, 0.003)))
    return parts.seen(np.array(eyes), scanner, 0.003, rng)


def street(models: Sequence[Model], rng: np.random.Generator) -> Scene:
    """A street before a spinning lidar, without colour."""
    parts, floor = Parts(), Floor()
    length, width = float(rng.uniform(25, 45)), float(rng.uniform(9, 18))
    parts.add(plane((length, width + 6), 0.1, rng), surrounding=True)
    for side in (-1, 1):
        x = -length / 2
        while x < length / 2 and rng.random() < 0.85:
            wide, tall, deep = float(rng.uniform(6, 15)), float(rng.uniform(4, 12)), 3.0
            facade = box(np.array([wide, deep, tall]), 0.16, rng)
            parts.add(facade.moved(x + wide / 2, side * (width / 2 + 3 + deep / 2), 0.0), surrounding=True)
            x += wide + float(rng.choice([0.0, rng.uniform(0, 6)]))
    outdoors = [model for model in models if model.outdoors]
    low, high = np.array([-length / 2, -width / 2 - 2]), np.array([length / 2, width / 2 + 2])
    for _ in range(int(rng.integers(8, 26))):
        shape = _street_thing(outdoors, rng)
        place = floor.put(shape, low, high, 0.1, rng)
        if place is not None:
            parts.add(shape.moved(*place, 0.0))
    scanner = Scanner(0.25, float(rng.choice([0.4, 0.8, 1.3])), 0.0, float(rng.uniform(0.005, 0.02)), True, 40.0)
    eyes = rng.uniform([-length / 4, -width / 4, 1.6], [length / 4, width / 4, 2.2], (int(rng.integers(1, 6)), 3))
    return replace(parts.seen(eyes, scanner, 0.04, rng), rgb=None, voxel=0.12, kind="street")


def _street_thing(outdoors: Sequence[Model], rng: np.random.Generator) -> Shape:
    kind = rng.random()
    if kind < 0.5:
        shape = _pick(outdoors, 0.8, 8.0, rng)
        if shape is not None:
            return shape.turned(np.pi * rng.integers(2) + rng.normal(0, 0.1)).thinned(0.05, rng)
    if kind < 0.7:
        trunk_r, tall = float(rng.uniform(0.08, 0.3)), float(rng.uniform(1.5, 3.5))
        trunk = turned_body(np.array([trunk_r, trunk_r]), np.array([0, tall]), 0.05, rng)
        crown = blob(float(rng.uniform(1.5, 4)), 0.07, rng).moved(0, 0, tall * 0.8)
        return Shape(np.concatenate([trunk.xyz, crown.xyz]), np.concatenate([trunk.rgb, crown.rgb]))
    if kind < 0.85:
        radius, tall = float(rng.uniform(0.04, 0.15)), float(rng.uniform(1.5, 6))
        return turned_body(np.array([radius, radius, 0]), np.array([0, tall, tall]), 0.04, rng)
    if kind < 0.92:
        return box(rng.uniform([3.2, 1.5, 1.3], [5.5, 2.1, 2.6]), 0.05, rng).turned(rng.normal(0, 0.1))
    return primitive(float(rng.uniform(0.5, 2)), 0.05, rng)


MAKERS = {"room": room, "tabletop": tabletop, "street": street}
"""Scenes by kind."""
