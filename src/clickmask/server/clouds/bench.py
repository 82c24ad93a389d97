"""Shapes of points: connected where their voxels touch, grown and shrunk by voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial import cKDTree

from clickmask.core.errors import InputError
from clickmask.core.lines import PointXy
from clickmask.core.masks import RunLengthMask
from clickmask.predict.cloud_editing import components
from clickmask.predict.clouds import Rows
from clickmask.server.benches import Shaper
from clickmask.server.clouds.opened import OpenCloud


class PointBench:
    """See `benches.Bench`.

    Args:
        cloud: whose points the masks are; None for commands that need no places.
    """

    unit = "points"

    def __init__(self, cloud: OpenCloud | None) -> None:
        self._opened = cloud

    @property
    def _cloud(self) -> OpenCloud:
        if self._opened is None:
            raise InputError("The cloud is not open, so nothing is known of what touches what.")
        return self._opened

    @property
    def shapers(self) -> Mapping[str, tuple[str, Shaper]]:
        """What makes sense of points."""
        return {
            "keep_largest": ("largest part kept", lambda mask, _: self._kept(mask, None)),
            "remove_specks": ("specks removed", self._kept),
            "grow": ("grown", self._grown),
            "shrink": ("shrunk", self._shrunk),
        }

    def pieces(self, mask: RunLengthMask, line_xy: Sequence[PointXy] | None) -> list[RunLengthMask]:
        """Parts that do not touch."""
        if line_xy is not None:
            raise InputError("A line does not cut points. Leave it out to make an object of every part that is apart.")
        rows = mask.columns()
        labels = components(self._cloud.xyz, self._cloud.voxel, rows)
        sizes = np.bincount(labels)
        return [self._mask(rows[labels == label]) for label in np.argsort(-sizes, kind="stable").tolist()]

    def part_at(self, mask: RunLengthMask, x: float, y: float) -> RunLengthMask:
        """The part that holds a point."""
        rows = mask.columns()
        if (x, y) not in mask:
            return self._mask(rows[:0])
        labels = components(self._cloud.xyz, self._cloud.voxel, rows)
        return self._mask(rows[labels == labels[np.searchsorted(rows, int(x))]])

    def _kept(self, mask: RunLengthMask, largest: float | None) -> RunLengthMask:
        """Without parts of at most `largest` points; None keeps the largest part alone."""
        rows = mask.columns()
        labels = components(self._cloud.xyz, self._cloud.voxel, rows)
        sizes = np.bincount(labels)
        kept = sizes > largest if largest is not None else np.arange(len(sizes)) == np.argmax(sizes)
        return self._mask(rows[kept[labels]])

    def _grown(self, mask: RunLengthMask, voxels: float) -> RunLengthMask:
        """With every point within some voxels of it."""
        rows = mask.columns()
        return self._mask(np.union1d(rows, self._near(rows, voxels)))

    def _shrunk(self, mask: RunLengthMask, voxels: float) -> RunLengthMask:
        """Without every point that has one outside within some voxels."""
        rows = mask.columns()
        reach = voxels * self._cloud.voxel
        outside = self._near(rows, voxels)
        if not len(outside):
            return mask
        away = cKDTree(self._cloud.xyz[outside]).query(self._cloud.xyz[rows], distance_upper_bound=reach)[0]
        return self._mask(rows[~np.isfinite(away)])

    def _near(self, rows: Rows, voxels: float) -> Rows:
        """Points outside `rows` within some voxels of them."""
        xyz, reach = self._cloud.xyz, voxels * self._cloud.voxel
        mine = xyz[rows]
        low, high = mine.min(axis=0) - reach, mine.max(axis=0) + reach
        close = np.ones(len(self._cloud.xyz), dtype=bool)
        for axis in range(3):
            close &= (xyz[:, axis] >= low[axis]) & (xyz[:, axis] <= high[axis])
        close[rows] = False
        if self._cloud.absent is not None:
            close &= ~self._cloud.absent
        others = np.flatnonzero(close)
        if not len(others):
            return others
        away = cKDTree(mine).query(xyz[others], distance_upper_bound=reach)[0]
        return np.asarray(others[np.isfinite(away)])

    def _mask(self, rows: Rows) -> RunLengthMask:
        return RunLengthMask.of_columns(rows, len(self._cloud.xyz))
