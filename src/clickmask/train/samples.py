"""From photographs to training samples, each determined by the seed and its number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from clickmask.core.errors import RecipeError
from clickmask.core.frames import Image
from clickmask.core.masks import BoolMask
from clickmask.train.augment import IGNORE, Augmentation, Label, crop_sample, paste, recolour
from clickmask.train.clicks import ClickRules, Start, draw_start
from clickmask.train.photos import IGNORE_ID, Encoded, Photo
from clickmask.train.targets import TargetRules, draw_target

ATTEMPTS = 20
"""Photographs tried for one sample before the data is called unusable."""
OTHER = 2
"""Label of pixels of other annotated objects, background to the loss; negative clicks look for them."""


@dataclass(frozen=True)
class DataRules:
    """How samples are drawn.

    Attributes:
        weights: chance of a set relative to 1.0; a set that is not named has 1.0.
        paste_sources: sets whose objects are whole and well cut, for copy-paste; all sets if none is present.
        targets, augmentation, clicks: rules of each step.
    """

    weights: tuple[tuple[str, float], ...] = ()
    paste_sources: tuple[str, ...] = ()
    targets: TargetRules = field(default_factory=TargetRules)
    augmentation: Augmentation = field(default_factory=Augmentation)
    clicks: ClickRules = field(default_factory=ClickRules)


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


class SampleMaker:
    """Draws samples from photographs, which stay encoded in memory; the decoded ones are kept up to a budget.

    Args:
        photos: at least one.
        rules: how to draw.
        seed: of everything random.
        cache_bytes: memory for decoded photographs.
    """

    def __init__(self, photos: Sequence[Encoded], rules: DataRules, seed: int, cache_bytes: int = 4 << 30) -> None:
        self._rules = rules
        self._seed = seed
        self._groups = _by_group(photos)
        names = sorted(self._groups)
        weights = np.array([dict(rules.weights).get(name, 1.0) for name in names])
        self._names, self._chances = names, weights / weights.sum()
        sources = [name for name in names if name in rules.paste_sources]
        self._sources = sources or names
        self._cache: dict[tuple[str, str], Photo] = {}
        self._budget = cache_bytes

    def sample(self, index: int, side: int) -> Sample:
        """Sample number `index` at side x side pixels.

        Raises:
            RecipeError: no usable object in many photographs.
        """
        rng = np.random.default_rng((self._seed, index))
        for _ in range(ATTEMPTS):
            photo = self._draw_photo(self._names, self._chances, rng)
            mask = draw_target(photo, self._rules.targets, rng)
            if mask is None:
                continue
            image, label = self._compose(photo, mask, rng)
            image, label = crop_sample(image, label, side, self._rules.augmentation, rng)
            if np.count_nonzero(label == 1) >= side * side // 400:
                return self._finish(image, label, rng)
        raise RecipeError(f"No object of usable size in {ATTEMPTS} photographs: are the masks empty?")

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

    def _finish(self, image: Image, label: Label, rng: np.random.Generator) -> Sample:
        image = recolour(image, self._rules.augmentation, rng)
        start = draw_start(label == 1, label == IGNORE, label == OTHER, self._rules.clicks, rng)
        return Sample(image, np.where(label == OTHER, 0, label).astype(np.uint8), start)

    def _draw_photo(self, names: Sequence[str], chances: np.ndarray | None, rng: np.random.Generator) -> Photo:
        group = self._groups[names[int(rng.choice(len(names), p=chances))]]
        encoded = group[int(rng.integers(len(group)))]
        key = (encoded.group, encoded.name)
        if key not in self._cache:
            photo = encoded.decode()
            if self._budget <= 0:
                return photo
            self._budget -= photo.image.nbytes + photo.ids.nbytes
            self._cache[key] = photo
        return self._cache[key]


def _by_group(photos: Sequence[Encoded]) -> dict[str, list[Encoded]]:
    groups: dict[str, list[Encoded]] = {}
    for photo in photos:
        groups.setdefault(photo.group, []).append(photo)
    return groups
