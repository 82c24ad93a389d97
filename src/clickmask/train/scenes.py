"""Made-up scenes with exact outlines: scans, micrographs and foliage as no set of photographs shows them.

Nothing in them is real. They teach that an object is what an outline encloses, also where colours are absent,
contrast is low, noise is speckled and the neighbours look the same. The idea of learning from invented label maps
is that of SynthSeg (Billot et al. 2023); here single objects are clicked on, so every blob is an object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import Image
from clickmask.core.masks import BoolMask
from clickmask.train.photos import LONGEST_SIDE, Ids, Photo, shrunk_photo

GROUP = "scenes"
"""Set that made-up scenes belong to."""
SIDES = (256, 384)
"""Scenes have sides drawn from this range, in pixels."""
SUPERSAMPLING = 2
"""Scenes are drawn this much larger and averaged down, so that outlines mix as they do in a camera."""

Plane = NDArray[np.float32]
Drawn = tuple[Plane, Ids]
"""(H, W, 3) float32 colours of 0 to 255, and ids."""


@dataclass(frozen=True)
class Scene:
    """One made-up scene, decided by its number alone.

    Attributes:
        number: seed of the scene.
    """

    number: int

    @property
    def name(self) -> str:
        """See `clickmask.train.photos.PhotoSource`."""
        return f"scene-{self.number}"

    @property
    def group(self) -> str:
        """See `clickmask.train.photos.PhotoSource`."""
        return GROUP

    def decode(self, longest_side: int = LONGEST_SIDE) -> Photo:
        """Draw it; shrunk to `longest_side`."""
        rng = np.random.default_rng((7919, self.number))
        height, width = (int(rng.integers(*SIDES)) * SUPERSAMPLING for _ in range(2))
        colours, ids = KINDS[int(rng.integers(len(KINDS)))]((height, width), rng)
        small = (width // SUPERSAMPLING, height // SUPERSAMPLING)
        colours = np.asarray(cv2.resize(colours, small, interpolation=cv2.INTER_AREA), dtype=np.float32)
        ids = np.asarray(cv2.resize(ids, small, interpolation=cv2.INTER_NEAREST_EXACT), dtype=np.uint16)
        return shrunk_photo(self, _camera(colours, rng), ids, longest_side)


def scenes(count: int) -> list[Scene]:
    """The first `count` scenes."""
    return [Scene(number) for number in range(count)]


def _scan(size_hw: tuple[int, int], rng: np.random.Generator) -> Drawn:
    """A grey section of a body: organs of close grey values inside an outline, on black, speckled at times."""
    height, width = size_hw
    ids = np.zeros(size_hw, dtype=np.uint16)
    grey = np.full(size_hw, rng.uniform(0, 40), dtype=np.float32)
    body = _blob(size_hw, (width / 2, height / 2), 0.45 * min(size_hw), 0.12, rng)
    level = rng.uniform(50, 150)
    grey[body] = level
    for number in range(1, int(rng.integers(3, 12)) + 1):
        centre = (rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height)
        organ = _blob(size_hw, centre, min(size_hw) * rng.uniform(0.04, 0.2), rng.uniform(0.05, 0.35), rng) & body
        ids[organ] = number
        grey[organ] = level + rng.choice((-1, 1)) * rng.uniform(14, 90)
    grey += _clouds(size_hw, rng) * rng.uniform(5, 30)
    if rng.random() < 0.4:
        grey *= 1 + 0.6 * _grain(size_hw, rng.uniform(1.5, 4), rng)
    tint = np.ones(3) if rng.random() < 0.8 else rng.uniform(0.6, 1.2, 3)
    return (grey[..., None] * tint).astype(np.float32), ids


def _micrograph(size_hw: tuple[int, int], rng: np.random.Generator) -> Drawn:
    """Many cells of one kind, touching at times; dark on light or light on dark; stained or grey."""
    height, width = size_hw
    ids = np.zeros(size_hw, dtype=np.uint16)
    ground, cell = rng.uniform(0, 255, (2, 3)) if rng.random() < 0.6 else np.repeat(rng.uniform(0, 255, (2, 1)), 3, 1)
    if np.abs(ground - cell).mean() < 30:
        cell = 255 - ground
    image = np.empty((*size_hw, 3), dtype=np.float32)
    image[:] = ground
    image += _clouds(size_hw, rng)[..., None] * rng.uniform(4, 25)
    radius = min(size_hw) * rng.uniform(0.03, 0.12)
    wobble, rim = rng.uniform(0.02, 0.3), rng.random() < 0.4
    for number in range(1, int(rng.integers(6, 40)) + 1):
        centre = (rng.uniform(0, width), rng.uniform(0, height))
        mask = _blob(size_hw, centre, radius * rng.uniform(0.7, 1.4), wobble, rng)
        ids[mask] = number
        image[mask] = cell + rng.normal(0, 8, 3)
        if rim:
            inside = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
            image[mask & ~inside] = (cell + ground) / 2
        _shade(image, mask, rng)
    return image, ids


def _foliage(size_hw: tuple[int, int], rng: np.random.Generator) -> Drawn:
    """Leaves with veins over each other, on soil or other leaves."""
    height, width = size_hw
    ids = np.zeros(size_hw, dtype=np.uint16)
    image = np.empty((*size_hw, 3), dtype=np.float32)
    image[:] = rng.uniform((30, 30, 10), (140, 140, 100))
    image += (_clouds(size_hw, rng) * 25 + _grain(size_hw, rng.uniform(1, 5), rng) * 18)[..., None]
    leaf = rng.uniform((10, 60, 5), (150, 200, 90))
    shape = (rng.uniform(0.25, 0.7), rng.uniform(0, 0.12), int(rng.integers(3, 12)))
    for number in range(1, int(rng.integers(2, 22)) + 1):
        centre = (rng.uniform(0, width), rng.uniform(0, height))
        outline = _leaf(centre, min(size_hw) * rng.uniform(0.08, 0.35), shape, rng)
        mask = np.zeros(size_hw, dtype=np.uint8)
        cv2.fillPoly(mask, [outline.astype(np.int32)], 1)
        on = mask.astype(bool)
        if not on.any():
            continue
        ids[on] = number
        image[on] = leaf + rng.normal(0, 12, 3)
        _shade(image, on, rng)
        tip, stalk = outline[0], outline[len(outline) // 2]
        veins = np.zeros(size_hw, dtype=np.uint8)
        cv2.line(veins, _point(tip), _point(stalk), 1, int(rng.integers(2, 6)))
        image[(veins > 0) & on] += rng.uniform(-30, 40)
    return image, ids


def _mosaic(size_hw: tuple[int, int], rng: np.random.Generator) -> Drawn:
    """Shapes of any colour and texture over each other: flat, striped, clouded or grained."""
    height, width = size_hw
    ids = np.zeros(size_hw, dtype=np.uint16)
    image = np.empty((*size_hw, 3), dtype=np.float32)
    image[:] = _texture(size_hw, rng)
    for number in range(1, int(rng.integers(2, 9)) + 1):
        centre = (rng.uniform(0.05, 0.95) * width, rng.uniform(0.05, 0.95) * height)
        mask = _blob(size_hw, centre, min(size_hw) * rng.uniform(0.06, 0.3), rng.uniform(0, 0.6), rng)
        ids[mask] = number
        image[mask] = _texture(size_hw, rng)[mask]
        if rng.random() < 0.5:
            _shade(image, mask, rng)
    return image, ids


KINDS: tuple[Callable[[tuple[int, int], np.random.Generator], Drawn], ...] = (
    _scan,
    _scan,
    _micrograph,
    _foliage,
    _mosaic,
)
"""Scans twice: of what people annotate besides photographs they are the most."""


def _blob(
    size_hw: tuple[int, int], centre_xy: tuple[float, float], radius: float, wobble: float, rng: np.random.Generator
) -> BoolMask:
    """A closed outline: an ellipse at any angle whose radius swings in a few low frequencies."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    swing = np.ones_like(angle)
    for frequency in range(2, 8):
        swing += wobble / (frequency - 1) * rng.normal() * np.cos(frequency * angle + rng.uniform(0, 2 * np.pi))
    stretch = np.exp(rng.normal(0, 0.3))
    points = np.stack([np.cos(angle) * stretch, np.sin(angle) / stretch], axis=1) * np.maximum(swing, 0.15)[:, None]
    points = points @ _turn(rng) * radius + centre_xy
    mask = np.zeros(size_hw, dtype=np.uint8)
    cv2.fillPoly(mask, [points.astype(np.int32)], 1)
    return mask.astype(bool)


def _leaf(
    centre_xy: tuple[float, float], length: float, shape: tuple[float, float, int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(N, 2) outline of a leaf, its tip first and its stalk half-way: width, depth of teeth and their number."""
    width, depth, teeth = shape
    along = np.linspace(0, np.pi, 60)
    half = np.sin(along) ** rng.uniform(0.6, 1.4) * width * (1 + depth * np.sin(2 * teeth * along))
    bend = 0.15 * rng.normal() * np.sin(along)
    upper = np.stack([np.cos(along), half + bend], axis=1)
    lower = np.stack([np.cos(along), bend - half], axis=1)[::-1]
    return np.asarray(np.concatenate([upper, lower]) @ _turn(rng) * length / 2 + centre_xy)


def _turn(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _point(xy: NDArray[np.float64]) -> tuple[int, int]:
    return int(xy[0]), int(xy[1])


def _clouds(size_hw: tuple[int, int], rng: np.random.Generator) -> Plane:
    """(H, W) smooth values of about -1 to 1 in several octaves."""
    total = np.zeros(size_hw, dtype=np.float32)
    for cells in (3, 7, 15):
        coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        total += cv2.resize(coarse, size_hw[::-1], interpolation=cv2.INTER_CUBIC) * (3 / cells) ** 0.5
    return np.asarray(total / 2, dtype=np.float32)


def _grain(size_hw: tuple[int, int], grain: float, rng: np.random.Generator) -> Plane:
    """(H, W) noise of unit variance whose grains are about `grain` pixels wide."""
    small = (max(int(size_hw[0] / grain), 1), max(int(size_hw[1] / grain), 1))
    noise = rng.standard_normal(small, dtype=np.float32)
    return np.asarray(cv2.resize(noise, size_hw[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _texture(size_hw: tuple[int, int], rng: np.random.Generator) -> Plane:
    """(H, W, 3) colours: one, or two mixed by stripes, clouds or grain."""
    first, second = rng.uniform(0, 255, (2, 3))
    kind = int(rng.integers(4))
    if kind == 0:
        mix = np.zeros(size_hw, dtype=np.float32)
    elif kind == 1:
        ys, xs = np.mgrid[: size_hw[0], : size_hw[1]]
        phase = (xs * rng.normal() + ys * rng.normal()) * rng.uniform(0.02, 0.3)
        mix = (np.sin(phase) * 0.5 + 0.5).astype(np.float32)
    elif kind == 2:
        mix = np.clip(_clouds(size_hw, rng) * 0.5 + 0.5, 0, 1)
    else:
        mix = np.clip(_grain(size_hw, rng.uniform(1, 8), rng) * 0.25 + 0.5, 0, 1)
    mixed: Plane = (first + (second - first) * mix[..., None] * rng.uniform(0.2, 1)).astype(np.float32)
    return mixed


def _shade(image: Plane, mask: BoolMask, rng: np.random.Generator) -> None:
    """Light from one side across an object, in place."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return
    slope = rng.normal(0, 1, 2)
    across = (ys - ys.mean()) * slope[0] + (xs - xs.mean()) * slope[1]
    image[ys, xs] += (across / (np.abs(across).max() + 1e-6) * rng.uniform(0, 35))[:, None]


def _camera(colours: Plane, rng: np.random.Generator) -> Image:
    """Duller colours, blur and noise of an instrument, then 8 bits."""
    mean = colours.mean(axis=2, keepdims=True)
    colours = mean + (colours - mean) * np.float32(rng.uniform(0.15, 1))
    colours = np.asarray(cv2.GaussianBlur(colours, (0, 0), rng.uniform(0.3, 1.6)), dtype=np.float32)
    grey = rng.normal(0, rng.uniform(0, 9), (*colours.shape[:2], 1))
    return np.clip(colours + grey, 0, 255).astype(np.uint8)
