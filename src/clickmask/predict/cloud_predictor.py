"""Click on a point cloud, get its objects: several at once, with undo and redo.

A positive click on one object is a negative one for all others (AGILE3D, Yue et al. 2024), and where two
objects claim a point the higher logit wins. State is a value: undo is the value before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import InputError, PromptError
from clickmask.predict.clouds import CloudBackend, CloudClick, CloudFrame, CloudLogits, CloudOptions, answer
from clickmask.spatial.cloud import check_xyz

REACH = 8.0
"""A click may lie this many voxels from the nearest point."""

Labels = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class CloudObject:
    """One object: its clicks in order and the newest answer, None before the first click."""

    clicks: tuple[CloudClick, ...] = ()
    logits: CloudLogits | None = None


@dataclass(frozen=True, eq=False)
class CloudState:
    """All objects of a cloud by their number, from 1."""

    objects: Mapping[int, CloudObject] = field(default_factory=dict)

    def labels(self, count: int) -> Labels:
        """(count,) int32: the object of each point, 0 for none; the highest logit above 0 wins."""
        best = np.zeros(count, dtype=np.float32)
        out = np.zeros(count, dtype=np.int32)
        for number, thing in sorted(self.objects.items()):
            if thing.logits is None:
                continue
            rows = thing.logits.rows[thing.logits.values > best[thing.logits.rows]]
            best[rows] = thing.logits.at(rows)
            out[rows] = number
        return out


@dataclass(frozen=True, eq=False)
class CloudPipeline:
    """A model for clouds: its name, how it looks at them, the network, and the digest of its weights."""

    name: str
    options: CloudOptions
    backend: CloudBackend
    sha256: str | None = None


def advance(
    pipeline: CloudPipeline, frame: CloudFrame, state: CloudState, number: int, click: CloudClick
) -> CloudState:
    """The state after one more click on an object. A pure function.

    The object is answered anew, and so is every other object that claimed the clicked place, now with a
    negative click there.
    """
    thing = state.objects.get(number, CloudObject())
    thing = CloudObject((*thing.clicks, click), thing.logits)
    objects = {**state.objects, number: thing}
    objects[number] = _answered(pipeline, frame, objects, number)
    if click.positive:
        for other, rival in state.objects.items():
            if other != number and rival.logits is not None and _claims(frame, rival.logits, click):
                objects[other] = _answered(pipeline, frame, objects, other)
    return CloudState(objects)


def _answered(
    pipeline: CloudPipeline, frame: CloudFrame, objects: Mapping[int, CloudObject], number: int
) -> CloudObject:
    thing = objects[number]
    rivals = [c for other, rival in objects.items() if other != number for c in rival.clicks if c.positive]
    logits = answer(pipeline.backend, pipeline.options, frame, thing.clicks, thing.logits, rivals)
    return CloudObject(thing.clicks, logits)


def _claims(frame: CloudFrame, logits: CloudLogits, click: CloudClick) -> bool:
    """Whether the point nearest to a click is in an object's mask."""
    row = nearest_row(frame, click.xyz)
    return row is not None and float(logits.at(np.array([row]))[0]) > 0


def nearest_row(frame: CloudFrame, xyz: Sequence[float]) -> int | None:
    """Row of the point nearest to a place in the cloud's metres; None if none is within `REACH` voxels."""
    place = ((np.asarray(xyz, dtype=np.float64) - frame.shift) @ frame.turn.T).astype(np.float32)
    reach = REACH * frame.voxel
    rows = frame.index.inside(place - reach, place + reach)
    if not len(rows):
        return None
    away = np.linalg.norm(frame.xyz[rows] - place, axis=1)
    return int(rows[int(away.argmin())]) if away.min() <= reach else None


class CloudPredictor:
    """A cloud, its objects and their history: what users hold.

    >>> predictor = clickmask.load("points")         # doctest: +SKIP
    >>> predictor.set_cloud(xyz, rgb)                # doctest: +SKIP
    >>> mask = predictor.add_click((1.2, 0.4, 0.7))  # doctest: +SKIP
    """

    def __init__(self, pipeline: CloudPipeline) -> None:
        self.pipeline = pipeline
        self._frame: CloudFrame | None = None
        self._given: NDArray[np.floating] = np.zeros((0, 3))
        self._states: tuple[CloudState, ...] = (CloudState(),)
        self._position = 0

    def set_cloud(
        self,
        xyz: Any,
        rgb: Any = None,
        *,
        voxel_size: float | None = None,
        up: tuple[float, float, float] | None = None,
    ) -> None:
        """Open a cloud; what was clicked before is forgotten.

        Args:
            xyz: (P, 3) metres, any float or whole-number dtype, anywhere in the world.
            rgb: (P, 3) uint8, None without colour.
            voxel_size: edge of a voxel in metres; None chooses one by the cloud's extent and density.
            up: roughly up in the cloud's axes, None to guess; the exact direction is that of its ground plane.

        Raises:
            InputError: shapes, dtypes or values that are not accepted.
        """
        points = check_xyz(xyz)
        colours = check_rgb(rgb, len(points))
        if voxel_size is not None and not 0 < voxel_size < float("inf"):
            raise InputError(f"voxel_size is a length in metres above 0, got {voxel_size}.")
        if up is not None and not (np.isfinite(up).all() and np.linalg.norm(up) > 0):
            raise InputError(f"up is a direction like (0, 0, 1), got {up}.")
        self._given = points
        self._frame = CloudFrame.of(points, colours, self.pipeline.options, voxel_size, up)
        self._states, self._position = (CloudState(),), 0

    def add_click(self, point: int | Sequence[float], positive: bool = True, object_id: int = 1) -> NDArray[np.bool_]:
        """Click on a point; the object's new mask.

        Args:
            point: row of the point, or its x, y, z in metres; the nearest point is taken.
            positive: on the object, or on what is not the object.
            object_id: which object, from 1; a new number starts a new one.

        Returns:
            (P,) bool.

        Raises:
            PromptError: no such row, no point near, or a number below 1.
        """
        if object_id < 1:
            raise PromptError(f"Objects are numbered from 1, got {object_id}.")
        row = self._row(point)
        x, y, z = (float(v) for v in self._given[row])
        click = CloudClick(x, y, z, positive)
        state = advance(self.pipeline, self.frame, self.state, object_id, click)
        self._states = (*self._states[: self._position + 1], state)
        self._position += 1
        return self.mask(object_id)

    def mask(self, object_id: int = 1) -> NDArray[np.bool_]:
        """(P,) bool mask of one object; empty if it was never clicked."""
        return np.asarray(self.labels == object_id)

    @property
    def labels(self) -> Labels:
        """(P,) int32: the object of each point, 0 for none."""
        return self.state.labels(len(self.frame.xyz))

    @property
    def state(self) -> CloudState:
        """Everything known about the objects."""
        return self._states[self._position]

    @property
    def frame(self) -> CloudFrame:
        """The open cloud; PromptError before `set_cloud`."""
        if self._frame is None:
            raise PromptError("No cloud is open. Call set_cloud(xyz, rgb) first.")
        return self._frame

    @property
    def voxel_size(self) -> float:
        """Edge of a voxel in metres."""
        return self.frame.voxel

    def undo(self) -> Labels:
        """Take back the newest click, whichever object it was on; nothing happens before the first."""
        self._position = max(self._position - 1, 0)
        return self.labels

    def redo(self) -> Labels:
        """Make the click again that was taken back; nothing happens without one."""
        self._position = min(self._position + 1, len(self._states) - 1)
        return self.labels

    def reset(self) -> Labels:
        """Forget all clicks and their history; the cloud stays open."""
        self._states, self._position = (CloudState(),), 0
        return self.labels

    def _row(self, point: int | Sequence[float]) -> int:
        if isinstance(point, int | np.integer):
            if not 0 <= point < len(self.frame.xyz):
                raise PromptError(f"The cloud has rows 0 to {len(self.frame.xyz) - 1}, got {point}.")
            return int(point)
        place = np.asarray(point, dtype=np.float64)
        if place.shape != (3,) or not np.isfinite(place).all():
            raise PromptError(f"A click is the row of a point or its x, y, z, got {point!r}.")
        row = nearest_row(self.frame, [float(v) for v in place])
        if row is None:
            low, high = self._given.min(axis=0), self._given.max(axis=0)
            raise PromptError(
                f"No point lies within {REACH * self.voxel_size:.3g} m of the click {tuple(place.tolist())}. The cloud "
                f"reaches from {tuple(np.round(low, 3).tolist())} to {tuple(np.round(high, 3).tolist())}."
            )
        return row


def check_rgb(rgb: Any, count: int) -> NDArray[np.uint8] | None:
    """`rgb` if it is (count, 3) uint8 or None; InputError otherwise."""
    if rgb is None:
        return None
    colours = np.asarray(rgb)
    if colours.shape != (count, 3) or colours.dtype != np.uint8:
        raise InputError(
            f"Colours are a ({count}, 3) uint8 array, one row a point, got shape {colours.shape} of {colours.dtype}. "
            "Fractions of 1 become bytes with (255 * rgb).round().astype('uint8')."
        )
    return colours
