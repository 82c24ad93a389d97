"""From photographs to training samples, each determined by the seed and its number alone."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clickmask.core.errors import RecipeError
from clickmask.core.frames import Image
from clickmask.core.masks import BoolMask
from clickmask.train.augment import IGNORE, Augmentation, Label, crop_sample, paste, recolour
from clickmask.train.clicks import ClickRules, Start, draw_start
from clickmask.train.photos import IGNORE_ID, LONGEST_SIDE, Photo, PhotoSource
from clickmask.train.scenes import scenes
from clickmask.train.targets import MIN_AREA, TargetRules, draw_target

ATTEMPTS = 200
"""Photographs tried for one sample before the data is called unusable."""
LEAST_SHARE = 1 / 400
"""Crops that show less of their object than this share of their pixels are drawn again."""
OTHER = 2
"""Label of pixels of other annotated objects, background to the loss; negative clicks look for them."""


@dataclass(frozen=True)
class DataRules:
    """How samples are drawn.

    Attributes:
        weights: chance of a set relative to 1.0, whatever its size; a set that is not named has 1.0.
        paste_sources: sets whose objects are whole and well cut, for copy-paste; all sets if none is present.
        targets, augmentation, clicks: rules of each step.
        longest_side: photographs are shrunk to this many pixels before anything else.
        scenes: number of made-up scenes that are learned from beside the photographs, as the set ``scenes``.
    """

    weights: tuple[tuple[str, float], ...] = ()
    paste_sources: tuple[str, ...] = ()
    targets: TargetRules = field(default_factory=TargetRules)
    augmentation: Augmentation = field(default_factory=Augmentation)
    clicks: ClickRules = field(default_factory=ClickRules)
    longest_side: int = LONGEST_SIDE
    scenes: int = 0


@dataclass(frozen=True, eq=False)
class Sample:
    """One training sample.

    Attributes:
        image: (S, S, 3) uint8.
        label: (S, S) 0, 1 or IGNORE.
        start: clicks and previous probabilities to begin with.
    """

    image: Image
    label: Label
    start: Start


@dataclass(frozen=True, eq=False)
class _Crop:
    """What a sample shows, before its first clicks.

    Attributes:
        image: (S, S, 3) uint8.
        label: (S, S) 0, 1, OTHER or IGNORE.
        rng_state: of the generator that its clicks are drawn with.
    """

    image: Image
    label: Label
    rng_state: Any


class SampleMaker:
    """Draws samples from photographs; the decoded ones are kept in memory up to a budget.

    Args:
        photos: at least one.
        rules: how to draw.
        seed: of everything random.
        cache_bytes: memory for decoded photographs.
    """

    def __init__(self, photos: Sequence[PhotoSource], rules: DataRules, seed: int, cache_bytes: int = 4 << 30) -> None:
        self._photos, self._rules = photos, rules
        self._seed, self._cache_bytes = seed, cache_bytes
        self._groups = _by_group([*photos, *scenes(rules.scenes)])
        names = sorted(self._groups)
        weights = np.array([dict(rules.weights).get(name, 1.0) for name in names])
        if weights.min() < 0 or weights.sum() <= 0:
            raise RecipeError(f"data.weights leave none of the sets {', '.join(names)} with a chance above 0.")
        self._names, self._chances = names, weights / weights.sum()
        photographed = [name for name in names if name in {photo.group for photo in photos}]
        self._sources = [name for name in photographed if name in rules.paste_sources] or photographed
        self._decoded: dict[tuple[str, int], Photo] = {}
        self._crops: dict[tuple[int, int], _Crop] = {}
        self._kept_crops = 0
        self._budget = cache_bytes

    def with_budget_of(self, share: float) -> SampleMaker:
        """The same samples, drawn with an empty memory for photographs and a share of its budget."""
        return SampleMaker(self._photos, self._rules, self._seed, int(self._cache_bytes * share))

    def with_clicks(self, clicks: ClickRules) -> SampleMaker:
        """The same crops with other first clicks, out of the same memory of photographs."""
        other = copy(self)
        other._rules = replace(self._rules, clicks=clicks)
        return other

    def remember_crops(self, count: int) -> None:
        """Keep the last `count` crops, for others that draw the same ones; see `with_clicks`."""
        self._kept_crops = count

    def sample(self, index: int, side: int) -> Sample:
        """Sample number `index` at side x side pixels.

        Raises:
            RecipeError: no usable object in many photographs.
        """
        crop = self._crops.get((index, side)) or self._crop(index, side)
        if self._kept_crops:
            self._crops[index, side] = crop
            while len(self._crops) > self._kept_crops:
                del self._crops[next(iter(self._crops))]
        rng = np.random.default_rng()
        rng.bit_generator.state = crop.rng_state
        label = crop.label
        start = draw_start(label == 1, label == IGNORE, label == OTHER, self._rules.clicks, rng)
        return Sample(crop.image, np.where(label == OTHER, 0, label).astype(np.uint8), start)

    def _crop(self, index: int, side: int) -> _Crop:
        rng = np.random.default_rng((self._seed, index))
        for _ in range(ATTEMPTS):
            photo = self._draw_photo(self._names, self._chances, rng)
            mask = draw_target(photo, self._rules.targets, rng)
            if mask is None:
                continue
            image, label = self._compose(photo, mask, rng)
            image, label = crop_sample(image, label, side, self._rules.augmentation, rng)
            if np.count_nonzero(label == 1) >= int(side * side * LEAST_SHARE):
                image = recolour(image, self._rules.augmentation, rng)
                return _Crop(image, label, rng.bit_generator.state)
        raise RecipeError(
            f"No object of {MIN_AREA} pixels or more was found in {ATTEMPTS} photographs drawn at random (their longer "
            f"side is brought to {self._rules.longest_side} pixels). Are the masks empty, or ignored altogether? For "
            "small objects in large photographs try --set data.longest_side=2048."
        )

    def _compose(self, photo: Photo, mask: BoolMask, rng: np.random.Generator) -> tuple[Image, Label]:
        """Image and label (0, 1, OTHER, IGNORE), perhaps with an object of another photograph on it."""
        label = np.where(photo.ids != 0, OTHER, 0).astype(np.uint8)
        label[photo.ids == IGNORE_ID] = IGNORE
        label[mask] = 1
        settings = self._rules.augmentation
        chance = rng.random()
        if chance >= settings.paste_probability + settings.occluder_probability:
            return photo.image, label
        source = self._draw_photo(self._sources, None, rng)
        alpha = draw_target(source, self._rules.targets, rng)
        if alpha is None:
            return photo.image, label
        image, pasted = paste(photo.image, source.image, alpha, rng)
        if chance < settings.paste_probability:
            label[label == 1] = OTHER
            label[pasted] = 1
        else:
            label[pasted] = OTHER
        return image, label

    def _draw_photo(self, names: Sequence[str], chances: np.ndarray | None, rng: np.random.Generator) -> Photo:
        name = names[int(rng.choice(len(names), p=chances))]
        index = int(rng.integers(len(self._groups[name])))
        photo = self._decoded.get((name, index))
        if photo is None:
            photo = self._groups[name][index].decode(self._rules.longest_side)
            size = photo.image.nbytes + photo.ids.nbytes
            if size <= self._budget:
                self._budget -= size
                self._decoded[name, index] = photo
        return photo


def _by_group(photos: Sequence[PhotoSource]) -> dict[str, list[PhotoSource]]:
    groups: dict[str, list[PhotoSource]] = {}
    for photo in photos:
        groups.setdefault(photo.group, []).append(photo)
    return groups
