"""Which object of a photograph a sample is about."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from clickmask.core.masks import BoolMask
from clickmask.train.photos import IGNORE_ID, Photo

MIN_AREA = 80
"""Objects with fewer pixels are left out (80 is RITM's limit for SBD)."""


@dataclass(frozen=True, slots=True)
class TargetRules:
    """How targets are drawn.

    Attributes:
        union_probability: chance of joining touching regions into one target.
        whole_groups: sets whose ids are parts of one thing: the union of all ids is a target with this chance.
    """

    union_probability: float = 0.12
    whole_groups: tuple[tuple[str, float], ...] = (("ccp", 0.6), ("faces", 0.2))


def draw_target(photo: Photo, rules: TargetRules, rng: np.random.Generator) -> BoolMask | None:
    """(H, W) bool object mask, None if the photograph has no usable object."""
    ids, counts = np.unique(photo.ids, return_counts=True)
    usable = (ids != 0) & (ids != IGNORE_ID) & (counts >= MIN_AREA)
    ids, counts = ids[usable], counts[usable]
    if ids.size == 0:
        return None
    whole = dict(rules.whole_groups).get(photo.group, 0.0)
    if rng.random() < whole:
        return np.asarray((photo.ids != 0) & (photo.ids != IGNORE_ID))
    weights = np.sqrt(counts)
    chosen = rng.choice(ids, p=weights / weights.sum())
    mask = np.asarray(photo.ids == chosen)
    if ids.size > 1 and rng.random() < rules.union_probability:
        mask = mask | _touching(photo, mask, rng)
    return mask


def _touching(photo: Photo, mask: BoolMask, rng: np.random.Generator) -> BoolMask:
    """One region that touches `mask`; nothing if none does."""
    ring = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~mask
    near = np.unique(photo.ids[ring])
    near = near[(near != 0) & (near != IGNORE_ID)]
    return np.asarray(photo.ids == rng.choice(near)) if near.size else np.zeros_like(mask)
