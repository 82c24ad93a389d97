"""Who owns a pixel: protection, and what a new object takes from finished ones. Pure functions over values.

The project's policy decides about pixels that two objects want: ``yield`` leaves them to the finished one, ``take``
gives them to the new one when it is finished, ``overlap`` lets both have them. A locked object never loses a pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from clickmask.core.edit import Protected
from clickmask.core.masks import BoolMask, BoxXyxy, RunLengthMask, boxes_overlap, combined
from clickmask.core.prompts import MaskPrompt
from clickmask.store.values import ObjectValue, Policy, StoredObject

Objects = Mapping[int, StoredObject]


def keeps(value: ObjectValue, policy: Policy) -> bool:
    """Whether an object's pixels are closed to others."""
    if policy == "overlap":
        return False
    return value.locked or (policy == "yield" and value.protects)


def owner_at(objects: Objects, object_id: int | None, x: float, y: float, policy: Policy) -> StoredObject | None:
    """The object that keeps the pixel at a point from the one with this number (None: a new one)."""
    for other in objects.values():
        if other.id != object_id and keeps(other.value, policy) and (x, y) in other.value.mask:
            return other
    return None


def protected_by_others(objects: Objects, object_id: int | None, policy: Policy = "yield") -> list[RunLengthMask]:
    """Masks that the object with this number (None: a new one) must leave alone."""
    return [o.value.mask for o in objects.values() if o.id != object_id and keeps(o.value, policy)]


def protection(masks: Sequence[RunLengthMask]) -> Protected:
    """The pixels of the masks, by box."""

    def protected(box_xyxy: BoxXyxy) -> BoolMask:
        pixels = np.zeros((box_xyxy[3] - box_xyxy[1], box_xyxy[2] - box_xyxy[0]), dtype=bool)
        for mask in masks:
            if boxes_overlap(mask.box_xyxy, box_xyxy):
                pixels |= mask.crop(box_xyxy)
        return pixels

    return protected


def without(mask: RunLengthMask, others: Iterable[RunLengthMask]) -> RunLengthMask:
    """The mask minus every pixel of the others; the very same value if none is contested."""
    close = [o for o in others if boxes_overlap(o.box_xyxy, mask.box_xyxy)]
    if not close:
        return mask
    crop = mask.decode_crop() & ~protection(close)(mask.box_xyxy)
    if np.count_nonzero(crop) == mask.area:
        return mask
    return RunLengthMask.encode(crop, mask.box_xyxy[:2], mask.size_hw)


def yielding(base: RunLengthMask | None, mask: RunLengthMask, others: Iterable[RunLengthMask]) -> RunLengthMask:
    """A new mask of an object minus the pixels of others; what was its own before (`base`) stays, contested or not."""
    rest = without(mask, others)
    if rest is mask or base is None:
        return rest
    return combined(rest, combined(mask, base, np.logical_and), np.logical_or)


def losses(objects: Objects, object_id: int | None, mask: RunLengthMask) -> dict[int, RunLengthMask]:
    """What finished objects keep when another takes its pixels from them; only those that lose any."""
    left = {}
    for other in objects.values():
        if other.id == object_id or other.value.locked or not other.value.protects:
            continue
        rest = without(other.value.mask, [mask])
        if rest is not other.value.mask:
            left[other.id] = rest
    return left


def after_loss(value: ObjectValue, rest: RunLengthMask) -> ObjectValue | None:
    """An object that has lost pixels; None if it has none left."""
    if not rest:
        return None
    if value.phase == "finished":
        return replace(value, mask=rest)
    return replace(value, mask=rest, prompts=value.prompts.add(MaskPrompt(rest, painted=True)), ghosts=None)
