"""A made-up scan for the tests of the page: a table top with a box and a ball."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import clickmask
from clickmask.spatial.cloud import Cloud

TABLE_STEP, THING_STEP = 0.009, 0.006
BOX_LOW, BOX_HIGH = np.array([0.06, -0.04, 0.0]), np.array([0.24, 0.12, 0.2])
BALL_MIDDLE, BALL_RADIUS = np.array([-0.2, -0.1, 0.1]), 0.1
NOISE = 0.0006


@dataclass(frozen=True)
class Scene:
    """Points of a written cloud, by what they belong to (0 table, 1 box, 2 ball)."""

    xyz: NDArray[np.float64]
    thing: NDArray[np.int64]

    def row(self, thing: int, near_xyz: tuple[float, float, float]) -> int:
        """Number in the file of the point of a thing that is nearest to a place."""
        distance = np.linalg.norm(self.xyz - near_xyz, axis=1) + 1e3 * (self.thing != thing)
        return int(distance.argmin())

    @property
    def box(self) -> int:
        """A point on the top of the box."""
        return self.row(1, (0.15, 0.04, 0.2))

    @property
    def ball(self) -> int:
        """A point on the upper side of the ball, turned to the first look."""
        return self.row(2, (-0.24, -0.17, 0.16))

    @property
    def table(self) -> int:
        """A point on the bare table."""
        return self.row(0, (-0.36, 0.3, 0.0))


def write_scene(path: Path) -> Scene:
    """Write the scan in the format of the path's ending."""
    parts = [_table(), _box(), _ball()]
    rng = np.random.default_rng(7)
    xyz = np.concatenate(parts)
    xyz += rng.normal(scale=NOISE, size=xyz.shape)
    thing = np.repeat([0, 1, 2], [len(p) for p in parts])
    colours = np.array([[176, 150, 120], [190, 50, 45], [214, 168, 52]])[thing]
    rgb = np.clip(colours + rng.normal(scale=6, size=xyz.shape), 0, 255).astype(np.uint8)
    clickmask.write_cloud(path, Cloud(xyz.astype(np.float32), rgb))
    return Scene(xyz, thing)


def _sheet(low: tuple[float, float], high: tuple[float, float], step: float) -> NDArray[np.float64]:
    a, b = np.meshgrid(np.arange(low[0], high[0], step), np.arange(low[1], high[1], step))
    return np.stack([a.ravel(), b.ravel()], axis=1)


def _table() -> NDArray[np.float64]:
    sheet = _sheet((-0.5, -0.4), (0.5, 0.4), TABLE_STEP)
    under_box = ((sheet > BOX_LOW[:2]) & (sheet < BOX_HIGH[:2])).all(axis=1)
    under_ball = np.linalg.norm(sheet - BALL_MIDDLE[:2], axis=1) < 0.3 * BALL_RADIUS
    sheet = sheet[~under_box & ~under_ball]
    return np.column_stack([sheet, np.zeros(len(sheet))])


def _box() -> NDArray[np.float64]:
    faces = []
    for axis in range(3):
        across = [k for k in range(3) if k != axis]
        sheet = _sheet(tuple(BOX_LOW[across]), tuple(BOX_HIGH[across]), THING_STEP)
        for side in (BOX_LOW, BOX_HIGH)[axis == 2 :]:
            face = np.empty((len(sheet), 3))
            face[:, across], face[:, axis] = sheet, side[axis]
            faces.append(face)
    return np.concatenate(faces)


def _ball() -> NDArray[np.float64]:
    count = int(4 * np.pi * BALL_RADIUS**2 / THING_STEP**2)
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    z = 1 - 2 * (np.arange(count) + 0.5) / count
    ring = np.sqrt(1 - z**2)
    return BALL_MIDDLE + BALL_RADIUS * np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)
