"""What layers hold as clicks and pictures, and masks as labels. Knows nothing of napari.

napari counts (row, column) and has whole numbers at the centres of pixels; clicks are (x, y) from the image's corner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import InputError
from clickmask.core.frames import Image
from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click
from clickmask.predict.predictor import Predictor


def rgb_of(data: NDArray[Any], limits: Sequence[float], is_rgb: bool) -> Image:
    """The picture as it is seen.

    Args:
        data: (H, W) values, or (H, W, 3 or 4) colours, uint8 or 0 to 1.
        limits: values that are shown black and white; of no matter for colours.
        is_rgb: whether the last axis is colours.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: more axes than a picture has.
    """
    if data.ndim != (3 if is_rgb else 2):
        raise InputError(
            f"A picture has two axes and maybe colours, the layer has shape {data.shape}. Choose a 2D layer."
        )
    if is_rgb and data.dtype == np.uint8:
        return np.ascontiguousarray(data[:, :, :3])
    low, high = (0.0, 1.0) if is_rgb else (float(limits[0]), float(limits[1]))
    scaled = np.clip((data.astype(np.float32) - low) / max(high - low, 1e-12), 0, 1)
    bytes_ = np.round(scaled * 255).astype(np.uint8)
    return np.ascontiguousarray(bytes_[:, :, :3]) if is_rgb else np.repeat(bytes_[:, :, None], 3, axis=2)


def clicks_of(points_yx: NDArray[Any], positive: Iterable[Any]) -> tuple[Click, ...]:
    """(N, 2) points of a layer as clicks in their order, each with its sign."""
    signs = [bool(sign) for sign in positive]
    return tuple(Click(float(x) + 0.5, float(y) + 0.5, s) for (y, x), s in zip(points_yx, signs, strict=True))


def labelled(labels: NDArray[Any], mask: BoolMask, number: int) -> NDArray[Any]:
    """(H, W) labels in which `number` is the mask, as far as no other object holds the pixel."""
    rest = np.where(labels == number, 0, labels)
    return np.where(mask & (rest == 0), number, rest).astype(labels.dtype)


def free_number(labels: NDArray[Any]) -> int:
    """One above the highest label."""
    return int(labels.max(initial=0)) + 1


class Answers:
    """Masks for lists of clicks on one picture; only what differs from the list before is asked again.

    Args:
        predictor: the model; forgets what image it had.
        rgb: (H, W, 3) uint8.
    """

    def __init__(self, predictor: Predictor, rgb: Image) -> None:
        self._predictor = predictor
        self._clicks: tuple[Click, ...] = ()
        predictor.set_image(rgb)

    def mask(self, clicks: Sequence[Click]) -> BoolMask:
        """(H, W) bool, nothing without a click.

        Raises:
            PromptError: a click outside the picture; those before it are taken.
        """
        same = next((i for i, (a, b) in enumerate(zip(self._clicks, clicks, strict=False)) if a != b), None)
        kept = min(len(self._clicks), len(clicks)) if same is None else same
        for _ in self._clicks[kept:]:
            self._predictor.undo()
        self._clicks = self._clicks[:kept]
        for click in clicks[kept:]:
            self._predictor.add_click(click.x, click.y, positive=click.positive)
            self._clicks = (*self._clicks, click)
        return self._predictor.mask

    def next_object(self) -> None:
        """The object is finished as it is; the next one has no click yet."""
        self._predictor.next_object()
        self._clicks = ()
