"""The edit guarantee: which pixels of an object an answer of the model may change, and which it never may.

All arrays are (h, w) bool on one grid, usually a window of the image; points are (row, column) on it.

A *new object* takes the answer as it is, without protected pixels. A *correction* has a base, the mask as it stood:
of what the answer would change (8-connected components of base xor answer), a positive prompt accepts only
components that turn on and that it touches, a negative one only components that turn off. What is not accepted stays
as it was, to the bit, and is offered as ghosts. A clicked pixel always gets its click's sign, unless it is protected.

The rule comes from FocalClick (Chen et al., CVPR 2022), made strict, with ownership added.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import PixelSource
from clickmask.core.masks import BoolMask, BoxXyxy

Points = tuple[tuple[int, int], ...]
Protected = Callable[[BoxXyxy], BoolMask]
"""Pixels of a half-open box of the image that the object may not take, (h, w) bool."""

_NEIGHBOURS = [(i, j, float(np.hypot(i, j))) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]


def nothing_protected(box_xyxy: BoxXyxy) -> BoolMask:
    """No pixel at all."""
    return np.zeros((box_xyxy[3] - box_xyxy[1], box_xyxy[2] - box_xyxy[0]), dtype=bool)


@dataclass(frozen=True, eq=False)
class EditRules:
    """What an editing session adds to a bare prediction.

    Attributes:
        protected: pixels that the object may not take.
        threshold_logit: pixels with a logit above it belong to the answer; None for the model's own.
        largest_share: a component larger than this part of the base waits for a confirmation.
        reach: pixels that a click may grow over even ground where the model ignores it, at most.
        radius: of the disc that obeys a click where not even that grows, in pixels.
    """

    protected: Protected = nothing_protected
    threshold_logit: float | None = None
    largest_share: float = 0.5
    reach: float = 12.0
    radius: float = 3.0


@dataclass(frozen=True, eq=False)
class Asked:
    """What the newest prompt asks for.

    Attributes:
        points: pixels that it touches.
        positive: their sign; None for a box, which says nothing about single pixels.
        inside: the only pixels that it may change; None for all.
        standing: earlier clicked pixels with their signs, which keep them.
    """

    points: Points = ()
    positive: bool | None = True
    inside: BoolMask | None = None
    standing: tuple[tuple[int, int, bool], ...] = ()

    @property
    def opposed(self) -> Points:
        """Standing pixels of the other sign, without those that are touched again."""
        return tuple((i, j) for i, j, sign in self.kept if sign != self.positive)

    @property
    def kept(self) -> tuple[tuple[int, int, bool], ...]:
        """The standing pixels that this prompt does not overrule: by touching them, or by going round them."""
        touched, inside = set(self.points), self.inside if self.positive is not None else None
        return tuple(
            (i, j, sign)
            for i, j, sign in self.standing
            if (i, j) not in touched and (inside is None or not inside[i, j])
        )


@dataclass(frozen=True, eq=False)
class Ground:
    """What lies under the masks.

    Attributes:
        protected: pixels that must not turn on.
        frozen: pixels that must not change at all: an ignore region.
        image: (h, w, 3) uint8 pixels, for growing a click that the model ignores; None goes straight to the disc.
    """

    protected: BoolMask
    frozen: BoolMask | None = None
    image: PixelSource | None = None

    def may_change(self, base: BoolMask) -> BoolMask:
        """Pixels of an object with the mask `base` that an edit may change."""
        free = ~self.protected | base
        return free if self.frozen is None else free & ~self.frozen


@dataclass(frozen=True, eq=False)
class Edited:
    """The outcome of an edit.

    Attributes:
        mask: the accepted mask.
        accepted: pixels that changed because the answer says so.
        obeyed: pixels that changed because a click says so and the answer does not.
        ghosts: pixels that the answer would change as well; xor with `mask` takes them.
        waiting: the prompt's own component is so large that it is among the ghosts until it is confirmed.
    """

    mask: BoolMask
    accepted: BoolMask
    obeyed: BoolMask
    ghosts: BoolMask
    waiting: bool = False


@dataclass
class _Work:
    """A mask on its way, and the pixels that clicks had to claim for themselves."""

    mask: BoolMask
    obeyed: BoolMask = field(init=False)

    def __post_init__(self) -> None:
        self.obeyed = np.zeros_like(self.mask)


def begin(answer: BoolMask, asked: Sequence[Asked], ground: Ground, rules: EditRules) -> Edited:
    """A new object: the answer without protected pixels, every click obeyed, the newest of two on one pixel.

    Args:
        answer: of the model.
        asked: all prompts, oldest first.
        ground: what lies under it.
        rules: of the session.
    """
    nothing = np.zeros_like(answer)
    allowed = ground.may_change(nothing)
    inside = _loop(asked)
    taken = answer & allowed if inside is None else answer & allowed & inside
    work = _Work(taken.copy())
    signs = _signs(asked)
    for (row, column), sign in signs.items():
        opposed = tuple(p for p, other in signs.items() if other != sign)
        _obey(work, (row, column), sign, _without(allowed, opposed), ground, rules)
    return Edited(work.mask, taken & ~work.obeyed, work.obeyed, nothing)


def _signs(asked: Sequence[Asked]) -> dict[tuple[int, int], bool]:
    """Clicked pixels with their signs: the newest counts, and a loop overrules what was clicked inside it before."""
    signs: dict[tuple[int, int], bool] = {}
    for one in asked:
        if one.positive is None:
            continue
        if one.inside is not None:
            signs = {point: sign for point, sign in signs.items() if not one.inside[point]}
        signs.update(dict.fromkeys(one.points, one.positive))
    return signs


def _loop(asked: Sequence[Asked]) -> BoolMask | None:
    """Inside of the newest loop round the object, unless a later positive prompt goes beyond it."""
    beyond: list[tuple[int, int]] = []
    for one in reversed(asked):
        if one.positive and one.inside is not None:
            return None if any(not one.inside[p] for p in beyond) else one.inside
        beyond += one.points if one.positive else ()
    return None


def correct(base: BoolMask, answer: BoolMask, asked: Asked, ground: Ground, rules: EditRules) -> Edited:
    """A correction of `base`: see the module's text."""
    allowed = ground.may_change(base)
    change = (base ^ answer) & allowed
    kept = _without(allowed, asked.opposed)
    accepted, waiting = _accepted(base, change, asked, rules)
    work = _Work(base ^ accepted)
    for point in asked.points if asked.positive is not None else ():
        own = _components(waiting, (point,)) if waiting is not None and waiting[point] else None
        _obey(
            work, point, bool(asked.positive), kept if own is None else kept & own, ground, rules, small=own is not None
        )
    said = (*asked.points, *((i, j) for i, j, _ in asked.kept))
    left = _without(change & ~(work.mask ^ base), said)
    ghosts = _worth_showing(left)
    if waiting is not None:
        ghosts |= waiting & left
    return Edited(work.mask, accepted, work.obeyed, ghosts, waiting is not None)


def accept(edited_mask: BoolMask, ghosts: BoolMask, at: tuple[int, int] | None) -> tuple[BoolMask, BoolMask]:
    """Take all ghosts, or the component at a pixel.

    Returns:
        mask: with the ghosts taken.
        ghosts: those that are left.
    """
    taken = ghosts if at is None else _components(ghosts, (at,))
    return edited_mask ^ taken, ghosts & ~taken


def _accepted(base: BoolMask, change: BoolMask, asked: Asked, rules: EditRules) -> tuple[BoolMask, BoolMask | None]:
    """Pixels accepted, and the touched components that are too large to be accepted without asking."""
    if asked.positive is None:
        return change if asked.inside is None else change & asked.inside, None
    wanted = change & (~base if asked.positive else base)
    if asked.opposed:
        wanted &= ~_discs(wanted.shape, asked.opposed, rules.radius) | _at(wanted.shape, asked.points)
    if asked.inside is not None:
        return wanted & asked.inside, None
    touched = _components(wanted, asked.points)
    limit = rules.largest_share * np.count_nonzero(base)
    if not base.any() or np.count_nonzero(touched) <= limit:
        return touched, None
    return _split_by_size(touched, limit)


def _split_by_size(touched: BoolMask, limit: float) -> tuple[BoolMask, BoolMask | None]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(touched.astype(np.uint8), connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] <= limit
    small[0] = False
    accepted = np.asarray(small[labels])
    waiting = touched & ~accepted
    return accepted, waiting if waiting.any() else None


def _obey(
    work: _Work,
    point: tuple[int, int],
    sign: bool,
    allowed: BoolMask,
    ground: Ground,
    rules: EditRules,
    small: bool = False,
) -> None:
    """Give a clicked pixel its sign, in place: over even ground, else in a disc."""
    row, column = point
    if work.mask[row, column] == sign or not allowed[row, column]:
        return
    margin = int(np.ceil(max(rules.reach, rules.radius)))
    top, left = max(row - margin, 0), max(column - margin, 0)
    window = (slice(top, row + margin + 1), slice(left, column + margin + 1))
    here = (row - top, column - left)
    free = allowed[window] & (work.mask[window] != sign)
    region = _disc(free.shape, *here, rules.radius) & free
    if ground.image is not None and not small:
        grown = _grow(ground.image[window], free, here, rules.reach)
        if np.count_nonzero(grown) > np.count_nonzero(region):
            region = grown
    region[here] = True
    work.mask[window] ^= region
    work.obeyed[window] |= region


def _grow(image: NDArray[np.uint8], free: BoolMask, point: tuple[int, int], reach: float) -> BoolMask:
    """Free pixels within the geodesic distance `reach`: steps cost length and a quarter of the colour crossed."""
    # Plain numbers: over a few hundred pixels NumPy's calls would cost more than what they compute.
    colours = cv2.blur(image, (3, 3)).tolist()
    open_ = free.tolist()
    height, width = free.shape
    best = {point: 0.0}
    queue = [(0.0, *point)]
    while queue:
        distance, i, j = heapq.heappop(queue)
        if distance > best[i, j]:
            continue
        red, green, blue = colours[i][j]
        for di, dj, length in _NEIGHBOURS:
            y, x = i + di, j + dj
            if not (0 <= y < height and 0 <= x < width and open_[y][x]):
                continue
            r, g, b = colours[y][x]
            further = distance + length + 0.25 * max(abs(r - red), abs(g - green), abs(b - blue))
            if further <= reach and further < best.get((y, x), np.inf):
                best[y, x] = further
                heapq.heappush(queue, (further, y, x))
    region = np.zeros_like(free)
    rows, columns = np.array(list(best)).T
    region[rows, columns] = True
    return region


def _components(mask: BoolMask, points: Sequence[tuple[int, int]]) -> BoolMask:
    """The 8-connected components of `mask` that hold any of the points."""
    hit = [p for p in points if mask[p]]
    if not hit:
        return np.zeros_like(mask)
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    chosen = np.zeros(count, dtype=bool)
    chosen[[labels[p] for p in hit]] = True
    return np.asarray(chosen[labels])


def _worth_showing(ghosts: BoolMask) -> BoolMask:
    """The components that are three pixels thick somewhere: slivers along an outline are no proposal."""
    core = cv2.erode(ghosts.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    rows, columns = np.nonzero(core)
    return _components(ghosts, list(zip(rows.tolist(), columns.tolist(), strict=True)))


def _without(mask: BoolMask, points: Sequence[tuple[int, int]]) -> BoolMask:
    return mask & ~_at(mask.shape, points) if points else mask


def _at(size_hw: tuple[int, ...], points: Sequence[tuple[int, int]]) -> BoolMask:
    mask = np.zeros(size_hw, dtype=bool)
    for point in points:
        mask[point] = True
    return mask


def _disc(size_hw: tuple[int, ...], row: int, column: int, radius: float) -> BoolMask:
    margin = int(radius)
    top, left = max(row - margin, 0), max(column - margin, 0)
    rows, columns = np.ogrid[top : min(row + margin + 1, size_hw[0]), left : min(column + margin + 1, size_hw[1])]
    mask = np.zeros(size_hw, dtype=bool)
    mask[rows, columns] = (rows - row) ** 2 + (columns - column) ** 2 <= radius * radius
    return mask


def _discs(size_hw: tuple[int, ...], points: Sequence[tuple[int, int]], radius: float) -> BoolMask:
    mask = np.zeros(size_hw, dtype=bool)
    for row, column in points:
        mask |= _disc(size_hw, row, column, radius)
    return mask
