"""The edit guarantee for points: which points of an object an answer may change, and which it never may.

The rules are those of `clickmask.core.edit`, with points in place of pixels: points are connected where their voxels
touch, a click's neighbourhood is a ball. Rows are ascending numbers of points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from clickmask.core.prompts import Click, MaskPrompt, Prompts
from clickmask.predict.cloud_predictor import CloudPipeline
from clickmask.predict.clouds import NOWHERE, CloudClick, CloudFrame, CloudLogits, Rows, answer
from clickmask.predict.editing import asked_of_model
from clickmask.spatial.plan import CENTRE, level_of
from clickmask.spatial.voxels import voxelise

Chosen = NDArray[np.bool_]
NONE: Rows = np.zeros(0, dtype=np.int64)
RADIUS = 1.5
"""Of the ball, in voxels, that obeys a click which the model ignores, and that an opposed click keeps for itself."""
LEAST_GHOST = 8
"""Voxels of a proposal that is worth showing."""
SURE = 8.0
"""Logit of points that a click or a given mask decides."""
MOST_RIVALS = 32
"""Clicks of other objects that a network is told of, the nearest first."""


@dataclass(frozen=True, eq=False)
class PointRules:
    """What an editing session adds to a bare prediction.

    Attributes:
        protected: (K,) True for those of K rows that the object may not take.
        threshold_logit: points with a logit above it belong to the answer.
        largest_share: a component larger than this part of the object waits for a confirmation.
    """

    protected: Callable[[Rows], Chosen] = lambda rows: np.zeros(len(rows), dtype=bool)
    threshold_logit: float = 0.0
    largest_share: float = 0.5


@dataclass(frozen=True, eq=False)
class PointState:
    """An object of a session, as a value.

    Attributes:
        prompts: clicks on points: a click on row r is at (r + 0.5, 0.5); masks are one row high.
        mask: its points.
        logits: what the next answer goes on from; above the threshold exactly on the mask.
        ghosts: points that the model would change as well; xor takes them.
        waiting: the newest click's own change is among the ghosts.
        raw: the model's newest answer.
        base: the points that it corrected, None for a new object.
    """

    prompts: Prompts = field(default_factory=Prompts)
    mask: Rows = field(default_factory=lambda: NONE)
    logits: CloudLogits | None = None
    ghosts: Rows = field(default_factory=lambda: NONE)
    waiting: bool = False
    raw: CloudLogits | None = None
    base: Rows | None = None

    @staticmethod
    def of_mask(prompts: Prompts, mask: Rows) -> PointState:
        """An object whose points are given."""
        return PointState(prompts, mask, CloudLogits(mask, np.full(len(mask), SURE, dtype=np.float32)))


def follow_points(
    pipeline: CloudPipeline,
    frame: CloudFrame,
    state: PointState,
    prompts: Prompts,
    rules: PointRules,
    rivals: Sequence[Click] = (),
) -> PointState:
    """The state after all of `prompts`, of which `state` has the first ones.

    Clicks that came faster than the model are answered in one run. Corrections go one by one, because each changes
    only what is connected to its own click.

    Args:
        pipeline: the model.
        frame: the cloud.
        state: before.
        prompts: clicks and masks.
        rules: of the session.
        rivals: positive clicks on other objects.
    """
    for length in range(len(state.prompts) + 1, len(prompts) + 1):
        newest = prompts.items[length - 1]
        if isinstance(newest, MaskPrompt):
            state = PointState.of_mask(Prompts(prompts.items[:length]), newest.mask.columns())
    rest = len(prompts) - len(state.prompts)
    if state.prompts.initial_mask is None and rest > 1:
        state = replace(state, prompts=Prompts(prompts.items[:-1]))
    for length in range(len(state.prompts) + 1, len(prompts) + 1):
        state = _advance(pipeline, frame, state, Prompts(prompts.items[:length]), rules, rivals)
    return state


def _advance(
    pipeline: CloudPipeline,
    frame: CloudFrame,
    state: PointState,
    prompts: Prompts,
    rules: PointRules,
    rivals: Sequence[Click],
) -> PointState:
    """The state after one more click."""
    clicks = [_placed(frame, click) for click in asked_of_model(prompts).clicks]
    others = _nearest([_placed(frame, click) for click in rivals], clicks[-1])
    raw = answer(pipeline.backend, pipeline.options, frame, clicks, state.logits, others)
    return edited(frame, replace(state, prompts=prompts), raw, rules)


def edited(frame: CloudFrame, state: PointState, raw: CloudLogits, rules: PointRules) -> PointState:
    """The state that an answer leads to under the rules of a session.

    Args:
        frame: the cloud.
        state: before the answer, with the newest click among its prompts.
        raw: the answer.
        rules: of the session.
    """
    correcting = state.prompts.initial_mask is not None
    clicked = [(row_of(click), click.positive) for click in state.prompts.clicks]
    rows = np.union1d(np.union1d(raw.rows, state.mask), np.array([row for row, _ in clicked], dtype=np.int64))
    was = np.isin(rows, state.mask, assume_unique=True) if correcting else np.zeros(len(rows), dtype=bool)
    work = _Work(frame, rows, raw.at(rows) > rules.threshold_logit, was, ~rules.protected(rows) | was)
    if not correcting:
        mask, ghosts, waiting = work.begin(clicked), np.zeros(len(rows), dtype=bool), False
    else:
        mask, ghosts, waiting = work.correct(clicked, rules.largest_share)
    values = raw.at(rows)
    if correcting and state.logits is not None:
        values = np.where(mask == work.answer, values, state.logits.at(rows))
    values = np.clip(values, NOWHERE, -NOWHERE)
    sure = rules.threshold_logit + 1e-3
    held = np.where(mask, np.maximum(values, sure), np.minimum(values, rules.threshold_logit)).astype(np.float32)
    base = state.mask if correcting else None
    return PointState(state.prompts, rows[mask], CloudLogits(rows, held), rows[ghosts], waiting, raw, base)


def row_of(click: Click) -> int:
    """The row that a click falls on."""
    return int(click.x)


def components(xyz: NDArray[np.float32], voxel: float, rows: Rows) -> NDArray[np.int64]:
    """(K,) number of the connected component of each row: points are connected where their voxels touch.

    Args:
        xyz: (P, 3) points.
        voxel: edge of a voxel.
        rows: (K,) of the points.
    """
    if not len(rows):
        return NONE
    voxels = voxelise(xyz[rows], voxel)
    table = level_of(voxels.coords).neighbours[:, :CENTRE]  # the other half says the same from the other side
    source, slot = np.nonzero(table < len(voxels))
    pairs = coo_array((np.ones(len(source), dtype=np.int8), (source, table[source, slot])), shape=(len(voxels),) * 2)
    labels = connected_components(pairs, directed=False)[1]
    return np.asarray(labels[voxels.row_of_point], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Work:
    """Rows at work: what the model says of them, what was, and which may change."""

    frame: CloudFrame
    rows: Rows
    answer: Chosen
    was: Chosen
    allowed: Chosen

    def begin(self, clicked: Sequence[tuple[int, bool]]) -> Chosen:
        """A new object: the answer without protected points, every click obeyed, the newest of two on one point."""
        mask = self.answer & self.allowed
        signs = dict(clicked)
        for row, sign in signs.items():
            opposed = [other for other, its in signs.items() if its != sign]
            mask = self._obeyed(mask, row, sign, opposed)
        return mask

    def correct(self, clicked: Sequence[tuple[int, bool]], largest_share: float) -> tuple[Chosen, Chosen, bool]:
        """A correction: the mask, what is proposed as well, and whether the click's own change waits."""
        row, sign = clicked[-1]
        at = self._at(row)
        standing = [r for r, s in clicked[:-1] if r != row and self.was[self._at(r)] == s]
        opposed = [r for r in standing if self.was[self._at(r)] != sign]
        change = (self.was ^ self.answer) & self.allowed
        wanted = change & (~self.was if sign else self.was)
        for other in opposed:
            wanted &= ~self._ball(other, wanted)
        wanted[at] |= change[at] and self.was[at] != sign
        touched = self._component(wanted, at)
        waiting = bool(self.was.any()) and bool(touched.sum() > largest_share * self.was.sum())
        mask = self.was if waiting else self.was ^ touched
        mask = self._obeyed(mask, row, sign, opposed, touched if waiting else None)
        left = change & ~(mask ^ self.was)
        left[[self._at(r) for r in (row, *standing)]] = False
        ghosts = self._worth_showing(left & ~touched) | (left & touched)
        return mask, ghosts, waiting

    def _obeyed(
        self, mask: Chosen, row: int, sign: bool, opposed: Sequence[int], inside: Chosen | None = None
    ) -> Chosen:
        """The mask with the sign of a click on its point, and on those of a ball round it that may change."""
        at = self._at(row)
        if mask[at] == sign or not self.allowed[at]:
            return mask
        free = self.allowed & (mask != sign)
        free[[self._at(other) for other in opposed]] = False
        ball = self._ball(row, free if inside is None else free & inside)
        ball[at] = True
        return np.asarray(mask ^ ball)

    def _at(self, row: int) -> int:
        return int(np.searchsorted(self.rows, row))

    def _ball(self, row: int, among: Chosen) -> Chosen:
        """Those `among` the rows that lie near a row."""
        near = np.zeros(len(self.rows), dtype=bool)
        places = np.flatnonzero(among)
        away = self.frame.xyz[self.rows[places]] - self.frame.xyz[row]
        near[places[(away**2).sum(axis=1) <= (RADIUS * self.frame.voxel) ** 2]] = True
        return near

    def _component(self, among: Chosen, at: int) -> Chosen:
        out = np.zeros(len(self.rows), dtype=bool)
        if among[at]:
            places = np.flatnonzero(among)
            labels = components(self.frame.xyz, self.frame.voxel, self.rows[places])
            out[places[labels == labels[np.searchsorted(places, at)]]] = True
        return out

    def _worth_showing(self, left: Chosen) -> Chosen:
        """The components of at least `LEAST_GHOST` voxels: slivers along an outline are no proposal."""
        out = np.zeros(len(self.rows), dtype=bool)
        places = np.flatnonzero(left)
        if len(places):
            labels = components(self.frame.xyz, self.frame.voxel, self.rows[places])
            cells = np.floor(self.frame.xyz[self.rows[places]] / self.frame.voxel).astype(np.int64)
            taken = np.unique(np.column_stack([labels, cells]), axis=0)[:, 0]
            large = np.bincount(taken, minlength=int(labels.max()) + 1) >= LEAST_GHOST
            out[places[large[labels]]] = True
        return out


def _placed(frame: CloudFrame, click: Click) -> CloudClick:
    """A click on a row as a place in the cloud's metres."""
    x, y, z = (frame.xyz[row_of(click)].astype(np.float64) @ frame.turn + frame.shift).tolist()
    return CloudClick(x, y, z, click.positive)


def _nearest(rivals: Sequence[CloudClick], click: CloudClick) -> list[CloudClick]:
    away = [float(np.linalg.norm(np.subtract(rival.xyz, click.xyz))) for rival in rivals]
    return [rivals[i] for i in np.argsort(away, kind="stable")[:MOST_RIVALS]]
