"""From clicks on a cloud to logits of its points: crop, voxels, network, back to points; grown where it must.

Only a crop round the object is touched, so a click in five million points costs what a click in a hundred
thousand costs. The crop grows while the mask touches a side of it behind which there are more points (as
nnInteractive's AutoZoom does with volumes; Isensee et al. 2025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import PromptError
from clickmask.encode.voxel_clicks import VoxelFeatures, cubes
from clickmask.spatial.cloud import corners
from clickmask.spatial.grid import CellIndex
from clickmask.spatial.plan import Level, Plan, make_plan
from clickmask.spatial.scale import suggest_voxel
from clickmask.spatial.upright import upright
from clickmask.spatial.voxels import Voxels, voxelise

BLOCK = 1 << 18
NOWHERE = -16.0
"""Logit of points that no crop has reached yet."""

Rows = NDArray[np.int64]
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CloudClick:
    """A place on the object (positive) or off it, in metres of the cloud as it was given."""

    x: float
    y: float
    z: float
    positive: bool = True

    def __post_init__(self) -> None:
        if not np.isfinite(self.xyz).all():
            raise PromptError(f"A click needs finite coordinates, got {self.xyz}.")

    @property
    def xyz(self) -> tuple[float, float, float]:
        """(x, y, z)."""
        return (self.x, self.y, self.z)


class CloudBackend(Protocol):
    """A runtime that holds a network for voxels."""

    depth: int
    """Levels of the plan that it wants."""

    def run(self, plan: Plan, channels: Values) -> Values:
        """(N,) logits of (N, C) voxels."""
        ...


@dataclass(frozen=True)
class CloudOptions:
    """How a model looks at a cloud.

    Attributes:
        encoding: ``distances`` (our own) or ``cubes`` (InterObject3D).
        voxel: edge of a voxel in metres; None chooses one for each cloud.
        edge: shortest edge of a crop, in voxels.
        margin: voxels between the clicks or the mask and the crop's sides.
        most_voxels: a crop does not grow beyond this many.
        growths: how often a crop may grow in one answer.
        level: turn clouds upright by their largest plane.
        smooth: mix logits of touching voxels at points between them; else a point takes its voxel's logit.
        force: half the edge, in voxels, of cubes round clicks in which points take the clicked label; 0 for none.
            As published for InterObject3D it is 1; half of that makes sure that a clicked point keeps its label.
    """

    encoding: str = "distances"
    voxel: float | None = None
    edge: float = 72.0
    margin: float = 20.0
    most_voxels: int = 60_000
    growths: int = 3
    level: bool = True
    smooth: bool = True
    force: float = 0.5


@dataclass(frozen=True, eq=False)
class CloudLogits:
    """Logits of some points of a cloud; all others count as far below any threshold.

    Attributes:
        rows: (K,) ascending rows of the cloud.
        values: (K,) float32.
    """

    rows: Rows
    values: Values

    def spread(self, count: int) -> Values:
        """(count,) logits of all points."""
        out = np.full(count, NOWHERE, dtype=np.float32)
        out[self.rows] = self.values
        return out

    def at(self, rows: Rows) -> Values:
        """Logits of other rows."""
        if not len(self.rows):
            return np.full(len(rows), NOWHERE, dtype=np.float32)
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[place] == rows, self.values[place], np.float32(NOWHERE))

    def over(self, before: CloudLogits | None) -> CloudLogits:
        """These logits, and those of before where these say nothing."""
        if before is None:
            return self
        kept = ~np.isin(before.rows, self.rows, assume_unique=True)
        rows = np.concatenate([self.rows, before.rows[kept]])
        order = np.argsort(rows)
        return CloudLogits(rows[order], np.concatenate([self.values, before.values[kept]])[order])


@dataclass(frozen=True, eq=False)
class CloudFrame:
    """A cloud made ready for clicks.

    Attributes:
        xyz: (P, 3) float32 metres, upright and round the origin.
        rgb: (P, 3) uint8, None without colour.
        voxel: edge of a voxel, metres.
        turn: (3, 3) what made it upright.
        shift: (3,) what was subtracted before the turn.
        rows: ascending rows of the points that have a place, None for all; the others are in no crop and no mask.
    """

    xyz: NDArray[np.float32]
    rgb: NDArray[np.uint8] | None
    voxel: float
    turn: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    shift: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    rows: Rows | None = None

    @staticmethod
    def of(
        xyz: NDArray[np.floating],
        rgb: NDArray[np.uint8] | None,
        options: CloudOptions,
        voxel: float | None = None,
        up_xyz: tuple[float, float, float] | None = None,
        absent: NDArray[np.bool_] | None = None,
    ) -> CloudFrame:
        """A frame of points; see `CloudOptions` for what is not told here.

        Args:
            xyz: (P, 3) metres.
            rgb: (P, 3), None without colour.
            options: how the model looks at clouds.
            voxel: edge of a voxel in metres, None to choose one.
            up_xyz: roughly up, None to guess.
            absent: (P,) True for points without a place.
        """
        rows = None if absent is None else np.flatnonzero(~absent)
        there = xyz if rows is None else xyz[rows]
        shift = np.round(np.asarray(there[: 1 << 20], dtype=np.float64).mean(axis=0), 3)
        turn = upright(there, up_xyz) if options.level else np.eye(3)
        small = _moved(xyz, shift, turn)
        size = voxel or options.voxel or suggest_voxel(small if rows is None else small[rows])
        return CloudFrame(small, rgb, size, turn, shift, rows)

    def place(self, clicks: Sequence[CloudClick], positive: bool) -> NDArray[np.float32]:
        """(K, 3) clicks of one sign in voxels."""
        given = np.array([c.xyz for c in clicks if c.positive == positive], dtype=np.float64).reshape(-1, 3)
        return ((given - self.shift) @ self.turn.T / self.voxel).astype(np.float32)

    @cached_property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and greatest coordinates of the points, in voxels."""
        there = self.xyz if self.rows is None else self.xyz[self.rows]
        low, high = (corner.astype(np.float64) / self.voxel for corner in corners(there))
        return low, high

    @cached_property
    def index(self) -> CellIndex:
        """Points by coarse cells."""
        return CellIndex(self.xyz, 16 * self.voxel, self.rows)


def _moved(xyz: NDArray[np.floating], shift: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float32]:
    """Points shifted, exactly, and turned; block by block, so that no second copy in float64 is made."""
    out = np.empty(xyz.shape, dtype=np.float32)
    by, still = turn.T.astype(np.float32), np.array_equal(turn, np.eye(3))
    for first in range(0, len(xyz), BLOCK):
        part = np.asarray(xyz[first : first + BLOCK] - shift, dtype=np.float32)
        out[first : first + BLOCK] = part if still else part @ by
    return out


@dataclass(frozen=True, eq=False)
class Piece:
    """A crop made ready for the network; lengths in voxels."""

    rows: Rows
    xyz: NDArray[np.float32]
    voxels: Voxels
    plan: Plan
    features: VoxelFeatures


def answer(
    backend: CloudBackend,
    options: CloudOptions,
    frame: CloudFrame,
    clicks: Sequence[CloudClick],
    previous: CloudLogits | None = None,
    others: Sequence[CloudClick] = (),
) -> CloudLogits:
    """Logits of one object after its newest click. A pure function.

    Args:
        backend: the network.
        options: how the model looks at clouds.
        frame: the cloud.
        clicks: all clicks of the object, in order; at least one.
        previous: the answer before the newest click.
        others: positive clicks of other objects, which count as negative ones here.
    """
    positive = frame.place(clicks, True)
    negative = np.concatenate([frame.place(clicks, False), frame.place(others, True)])
    low, high = _box(options, frame, positive if len(positive) else negative, previous)
    piece = crop(frame, low, high, backend.depth)
    if piece is None:
        raise PromptError("No point of the cloud lies near the clicks.")
    values = _logits(backend, options, piece, positive, negative, previous)
    for _ in range(options.growths):
        grown = _grown(piece, values, low, high, frame)
        if grown is None or len(piece.voxels) * 1.3 > options.most_voxels:
            break
        low, high = grown
        piece = crop(frame, low, high, backend.depth) or piece
        values = _logits(backend, options, piece, positive, negative, previous)
    points = to_points(piece, values, options.smooth)
    if options.force:
        points = _forced(piece.xyz, points, positive, negative, options.force)
    return CloudLogits(piece.rows, points).over(previous)


def blank_answer(backend: CloudBackend, options: CloudOptions, frame: CloudFrame) -> Values:
    """(P,) logits of the whole cloud without any click: where InterObject3D's protocol starts."""
    none = np.zeros((0, 3), dtype=np.float32)
    low, high = frame.bounds
    piece = crop(frame, low - 1, high + 1, backend.depth)
    if piece is None:
        raise PromptError("The cloud holds no point.")
    return to_points(piece, _logits(backend, options, piece, none, none, None), options.smooth)


def _box(
    options: CloudOptions, frame: CloudFrame, clicks: NDArray[np.float32], previous: CloudLogits | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners, in voxels, of a box round the clicks and the present mask, with a margin."""
    low, high = clicks.min(axis=0).astype(np.float64), clicks.max(axis=0).astype(np.float64)
    if previous is not None:
        mask = frame.xyz[previous.rows[previous.values > 0]] / frame.voxel
        if len(mask):
            low, high = np.minimum(low, mask.min(axis=0)), np.maximum(high, mask.max(axis=0))
    low, high = low - options.margin, high + options.margin
    short = np.maximum(options.edge - (high - low), 0) / 2
    return low - short, high + short


def crop(frame: CloudFrame, low: NDArray[np.float64], high: NDArray[np.float64], depth: int) -> Piece | None:
    """The points between two corners (in voxels) as voxels; None where there are none."""
    rows = frame.index.inside(low * frame.voxel, high * frame.voxel)
    if not len(rows):
        return None
    xyz = frame.xyz[rows] / np.float32(frame.voxel)
    voxels = voxelise(xyz, 1.0)
    rgb = None if frame.rgb is None else voxels.mean(frame.rgb[rows].astype(np.float32))
    features = VoxelFeatures.of(voxels.mean(xyz), rgb)
    return Piece(rows, xyz, voxels, make_plan(voxels.coords, depth), features)


def _logits(
    backend: CloudBackend,
    options: CloudOptions,
    piece: Piece,
    positive: NDArray[np.float32],
    negative: NDArray[np.float32],
    previous: CloudLogits | None,
) -> Values:
    if options.encoding == "cubes":
        signs = [piece.voxels.mean(cubes(piece.xyz, clicks)) for clicks in (positive, negative)]
        colour = piece.features.fixed[:, :3]
        return backend.run(piece.plan, np.concatenate([colour, np.stack(signs, axis=1)], axis=1))
    known = None
    if previous is not None:
        known = piece.voxels.mean(1 / (1 + np.exp(-np.clip(previous.at(piece.rows), -30, 30))))
    return backend.run(piece.plan, piece.features.channels(positive, negative, known))


def _grown(
    piece: Piece, values: Values, low: NDArray[np.float64], high: NDArray[np.float64], frame: CloudFrame
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Wider corners if the mask touches a side behind which the cloud goes on."""
    mask = piece.features.places[values > 0]
    if not len(mask):
        return None
    reach_low, reach_high = frame.bounds
    beyond_low = (mask.min(axis=0) < low + 2) & (reach_low < low)
    beyond_high = (mask.max(axis=0) > high - 2) & (reach_high > high)
    if not (beyond_low.any() or beyond_high.any()):
        return None
    wider = 0.5 * (high - low)
    return low - wider * beyond_low, high + wider * beyond_high


def to_points(piece: Piece, values: Values, smooth: bool) -> Values:
    """(K,) logits of the crop's points from those of its voxels.

    Smoothing touches points in voxels whose neighbours disagree: their logit is the mean of all touching
    voxels', weighted by a Gaussian of the distance to the mean point of each.
    """
    own = values[piece.voxels.row_of_point]
    if not smooth:
        return own
    rows = np.flatnonzero(_mixed(piece.plan.levels[0], values)[piece.voxels.row_of_point])
    if not len(rows):
        return own
    table = piece.plan.levels[0].neighbours[piece.voxels.row_of_point[rows]]
    there = table < len(values)
    safe = np.where(there, table, 0)
    away = piece.features.places[safe] - piece.xyz[rows][:, None, :]
    weight = np.exp(np.einsum("ijk,ijk->ij", away, away) * np.float32(-1.5)) * there
    out = own.copy()
    out[rows] = (weight * values[safe]).sum(axis=1) / weight.sum(axis=1)
    return out


def _mixed(level: Level, values: Values) -> NDArray[np.bool_]:
    """(N,) voxels with a neighbour on the other side of the threshold."""
    padded = np.append(values > 0, False)
    signs = padded[level.neighbours]
    there = level.neighbours < len(values)
    return np.asarray((signs != padded[:-1, None]).any(axis=1, where=there))


def _forced(
    xyz: NDArray[np.float32],
    values: Values,
    positive: NDArray[np.float32],
    negative: NDArray[np.float32],
    half_edge: float,
) -> Values:
    """Points in click cubes take the clicked label; where signs meet, the negative one."""
    values = np.where(cubes(xyz, positive, half_edge) > 0, np.float32(-NOWHERE), values)
    return np.where(cubes(xyz, negative, half_edge) > 0, np.float32(NOWHERE), values)
