"""Masks of volumes as shapes: worked on slice by slice, so that rows of neighbouring slices never touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clickmask.core.errors import InputError
from clickmask.core.layers import layer_of, layers_with_pixels, with_layers
from clickmask.core.lines import PointXy
from clickmask.core.masks import RunLengthMask
from clickmask.server.benches import PIXELS, Shaper

NOT_BY_SLICE = frozenset({"keep_largest"})
"""An object may well have its largest part on another slice."""


class SliceBench:
    """See `clickmask.server.benches.Bench`.

    Args:
        rows: of one slice.
    """

    unit = "voxels"

    def __init__(self, rows: int) -> None:
        self._rows = rows
        found = PIXELS.shapers.items()
        self.shapers: Mapping[str, tuple[str, Shaper]] = {
            name: (label, self._on_each(shaper)) for name, (label, shaper) in found if name not in NOT_BY_SLICE
        }

    def pieces(self, mask: RunLengthMask, line_xy: Sequence[PointXy] | None) -> list[RunLengthMask]:
        """InputError: an object of a volume is one thing over many slices."""
        raise InputError("Objects of volumes are not split. Take pixels away on the slices where they are too many.")

    def part_at(self, mask: RunLengthMask, x: float, y: float) -> RunLengthMask:
        """The part of a mask at a point, on the slice of that point."""
        index = int(y // self._rows)
        part = PIXELS.part_at(layer_of(mask, index, self._rows), x, y - index * self._rows)
        return with_layers(RunLengthMask.empty(mask.size_hw), {index: part}, self._rows)

    def _on_each(self, shaper: Shaper) -> Shaper:
        def shaped(mask: RunLengthMask, amount: float) -> RunLengthMask:
            layers = {i: layer_of(mask, i, self._rows) for i in layers_with_pixels(mask, self._rows)}
            return with_layers(mask, {i: shaper(layer, amount) for i, layer in layers.items() if layer}, self._rows)

        return shaped
