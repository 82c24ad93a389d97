"""Masks of a volume as one tall picture: its slices lie below one another, all of the same height.

So an object of a volume is one mask, and whatever holds for masks (history, locks, who owns a pixel) holds for it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clickmask.core.masks import EMPTY_BOX, RunLengthMask, joint_box


def layer_of(mask: RunLengthMask, index: int, height: int) -> RunLengthMask:
    """One slice of a tall mask, (height, W), at a cost that grows with the slice alone.

    Args:
        mask: (N x height, W).
        index: of the slice, from 0.
        height: of a slice.
    """
    x0, y0, x1, y1 = mask.box_xyxy
    top, bottom = max(y0, index * height), min(y1, (index + 1) * height)
    size_hw = height, mask.size_hw[1]
    if top >= bottom:
        return RunLengthMask.empty(size_hw)
    width = x1 - x0
    ends = np.cumsum(mask.runs)
    low, high = (top - y0) * width, (bottom - y0) * width
    first, last = (int(np.searchsorted(ends, place, side="right")) for place in (low, high - 1))
    cuts = np.concatenate(([low], ends[first:last], [high]))
    values = np.arange(first, last + 1) % 2 == 1
    part = np.repeat(values, np.diff(cuts)).reshape(bottom - top, width)
    return RunLengthMask.encode(part, (x0, top - index * height), size_hw)


def with_layers(mask: RunLengthMask, layers: Mapping[int, RunLengthMask], height: int) -> RunLengthMask:
    """The tall mask with some of its slices replaced."""
    box = mask.box_xyxy
    for index, layer in layers.items():
        x0, y0, x1, y1 = layer.box_xyxy
        if layer:
            box = joint_box(box, (x0, y0 + index * height, x1, y1 + index * height))
    if box == EMPTY_BOX:
        return RunLengthMask.empty(mask.size_hw)
    x0, y0, x1, y1 = box
    part = mask.crop(box)
    for index, layer in layers.items():
        top, bottom = max(index * height, y0), min((index + 1) * height, y1)
        if top < bottom:
            part[top - y0 : bottom - y0] = layer.crop((x0, top - index * height, x1, bottom - index * height))
    return RunLengthMask.encode(part, (x0, y0), mask.size_hw)


def layers_with_pixels(mask: RunLengthMask, height: int) -> list[int]:
    """Numbers of the slices between the first and the last that the mask's box touches, those without a pixel too."""
    if not mask:
        return []
    _, y0, _, y1 = mask.box_xyxy
    return list(range(y0 // height, (y1 - 1) // height + 1))
