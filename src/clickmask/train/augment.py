"""Crops at every scale, flips, small turns, colours, copy-paste: a photograph becomes a training input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clickmask.core.frames import Image
from clickmask.core.masks import BoolMask, bounding_box

Label = NDArray[np.uint8]

IGNORE = 255
"""Label of pixels that do not count: outside the photograph's annotation."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Chances and ranges.

    Attributes:
        crop_kinds: chances of a crop round the object, of a wide crop, and of a crop inside the object.
        zoom_range: a crop round the object is this many times its box.
        aspect_sigma: spread of the logarithm of the crop's stretch.
        turn_probability: chance of a turn by up to `turn_degrees` either way.
        paste_probability: chance that an object of another photograph is pasted and becomes the target.
        occluder_probability: chance that an object of another photograph covers part of the target.
        colour_probability: chance of a change of brightness, contrast and saturation.
        blur_probability, noise_probability, jpeg_probability, grey_probability: chances of each.
    """

    crop_kinds: tuple[float, float, float] = (0.62, 0.30, 0.08)
    zoom_range: tuple[float, float] = (1.05, 2.1)
    aspect_sigma: float = 0.18
    turn_probability: float = 0.25
    turn_degrees: float = 20.0
    paste_probability: float = 0.15
    occluder_probability: float = 0.05
    colour_probability: float = 0.6
    blur_probability: float = 0.08
    noise_probability: float = 0.08
    jpeg_probability: float = 0.08
    grey_probability: float = 0.03


def crop_sample(
    image: Image, label: Label, side: int, settings: Augmentation, rng: np.random.Generator
) -> tuple[Image, Label]:
    """Cut a random crop out of a photograph and bring it to side x side.

    Args:
        image: (H, W, 3) uint8.
        label: (H, W) 0 background, 1 object, IGNORE.
        side: of the result.
        settings: chances and ranges.
        rng: source of chance.
    """
    box = bounding_box(label == 1)
    size = np.array(label.shape[::-1], dtype=np.float64)
    centre, extent = _draw_crop(np.array(box, dtype=np.float64), size, settings, rng)
    shrink = _shrink_for(extent, side)
    if shrink < 1:
        image, label = _shrunk(image, label, shrink)
        centre, extent = centre * shrink, extent * shrink
    matrix = _matrix(centre, extent, side, settings, rng)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    out_label = cv2.warpAffine(
        label, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=IGNORE
    )
    return np.asarray(out, dtype=np.uint8), np.asarray(out_label, dtype=np.uint8)


def _draw_crop(
    box: NDArray[np.float64], size: NDArray[np.float64], settings: Augmentation, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and extent (x, y) of a crop, mostly inside the photograph."""
    middle, extent = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    kind = rng.choice(3, p=settings.crop_kinds)
    if kind == 0:
        wanted = extent * rng.uniform(*settings.zoom_range) * np.exp(rng.normal(0, settings.aspect_sigma, 2))
        wanted = np.maximum(wanted, wanted.max() * 0.5)
        middle = middle + rng.uniform(-0.18, 0.18, 2) * extent
    elif kind == 1:
        wanted = size * rng.uniform(0.6, 1.0)
        wanted = np.maximum(wanted, np.minimum(extent * 1.1, size))
        middle = middle + rng.uniform(-0.5, 0.5, 2) * np.maximum(wanted - extent, 0)
    else:
        wanted = np.full(2, math.sqrt(extent.prod())) * rng.uniform(0.4, 1.0)
        middle = middle + rng.uniform(-0.5, 0.5, 2) * extent
    wanted = np.clip(wanted, 24, size)
    return np.clip(middle, wanted / 2, size - wanted / 2), wanted


def _shrink_for(extent: NDArray[np.float64], side: int) -> float:
    """Factor by which the photograph is averaged first, so that sampling does not alias."""
    ratio = float(extent.max()) / side
    return 1 / ratio if ratio > 1.4 else 1.0


def _shrunk(image: Image, label: Label, factor: float) -> tuple[Image, Label]:
    size = (max(round(image.shape[1] * factor), 1), max(round(image.shape[0] * factor), 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # plain INTER_NEAREST takes the first pixel of each block, which shifts the label by up to half a pixel
    return np.asarray(small, np.uint8), np.asarray(
        cv2.resize(label, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8
    )


def _matrix(
    centre: NDArray[np.float64],
    extent: NDArray[np.float64],
    side: int,
    settings: Augmentation,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """(2, 3) map from output pixel indices to input pixel indices: scale, flip, turn about the centre."""
    scale = extent / side * np.array([rng.choice((-1.0, 1.0)), 1.0])
    angle = 0.0
    if rng.random() < settings.turn_probability:
        angle = math.radians(rng.uniform(-settings.turn_degrees, settings.turn_degrees))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = turn @ np.diag(scale)
    offset = centre - 0.5 - linear @ np.full(2, side / 2 - 0.5)
    return np.hstack([linear, offset[:, None]])


def recolour(image: Image, settings: Augmentation, rng: np.random.Generator) -> Image:
    """Brightness, contrast, saturation, grey, blur, noise, compression, each by chance."""
    if rng.random() < settings.colour_probability:
        image = _tone(image, rng)
    if rng.random() < settings.grey_probability:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    if rng.random() < settings.blur_probability:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)), dtype=np.uint8)
    if rng.random() < settings.noise_probability:
        noisy = image + rng.normal(0, rng.uniform(2, 12), image.shape)
        image = np.clip(noisy, 0, 255).astype(np.uint8)
    if rng.random() < settings.jpeg_probability:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 80))])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return image


def _tone(image: Image, rng: np.random.Generator) -> Image:
    values = image.astype(np.float32)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + (values - grey) * rng.uniform(0.5, 1.5)
    mean = float(values.mean())
    values = (values - mean) * rng.uniform(0.65, 1.3) + mean + rng.uniform(-45, 45)
    values += rng.uniform(-12, 12, 3).astype(np.float32)
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def paste(image: Image, cutout: Image, alpha: BoolMask, rng: np.random.Generator) -> tuple[Image, BoolMask]:
    """Paste a cut-out object at a random place and size.

    Args:
        image: (H, W, 3) the ground.
        cutout: (h, w, 3) photograph of the object.
        alpha: (h, w) its mask.
        rng: source of chance.

    Returns:
        image: with the object on it, its outline softened by one pixel.
        mask: (H, W) the pasted object.
    """
    x0, y0, x1, y1 = bounding_box(alpha)
    height, width = image.shape[:2]
    goal = rng.uniform(0.25, 0.85) * min(height, width)
    factor = goal / max(x1 - x0, y1 - y0)
    size = (min(max(round((x1 - x0) * factor), 4), width), min(max(round((y1 - y0) * factor), 4), height))
    mode = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    part = cv2.resize(cutout[y0:y1, x0:x1], size, interpolation=mode).astype(np.float32)
    weight = cv2.resize(alpha[y0:y1, x0:x1].astype(np.float32), size, interpolation=mode)
    if rng.random() < 0.5:
        part, weight = part[:, ::-1], weight[:, ::-1]
    left, top = int(rng.integers(0, width - size[0] + 1)), int(rng.integers(0, height - size[1] + 1))
    soft = np.minimum(cv2.GaussianBlur(weight, (3, 3), 0.6), weight + 0.3)[..., None]
    out = image.copy()
    region = out[top : top + size[1], left : left + size[0]]
    region[:] = (region * (1 - soft) + part * soft).astype(np.uint8)
    mask = np.zeros((height, width), dtype=bool)
    mask[top : top + size[1], left : left + size[0]] = weight > 0.5
    return out, mask
