"""How masks are worked on as shapes: what a part of one is, and what it becomes when it is grown or cleaned.

What touches what differs between media, so each has a bench of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from clickmask.core import shaping
from clickmask.core.edit import accept
from clickmask.core.lines import PointXy
from clickmask.core.masks import BoolMask, RunLengthMask

Shaper = Callable[[RunLengthMask, float], RunLengthMask]
"""(mask, amount) -> mask."""


class Bench(Protocol):
    """The shapes of one medium."""

    @property
    def unit(self) -> str:
        """What an area counts, as it stands in the history: ``px``."""
        ...

    @property
    def shapers(self) -> Mapping[str, tuple[str, Shaper]]:
        """Operations of the command `shape` by name: what they are called in the history, and what they do."""
        ...

    def pieces(self, mask: RunLengthMask, line_xy: Sequence[PointXy] | None) -> list[RunLengthMask]:
        """The connected parts, or what a line cuts a mask into, the largest first. InputError: no lines here."""
        ...

    def part_at(self, mask: RunLengthMask, x: float, y: float) -> RunLengthMask:
        """The connected part of a mask at a point; empty if the mask is not there."""
        ...


def _by(rule: Callable[[BoolMask, float], BoolMask], reaches: bool = False) -> Shaper:
    """A shaping rule on run lengths; `reaches`: it goes as far beyond the mask as its amount says."""
    return lambda mask, amount: shaping.reshaped(mask, amount if reaches else 0, lambda pixels: rule(pixels, amount))


class PixelBench:
    """See `Bench`; pixels are connected to their 8 neighbours."""

    unit = "px"
    shapers: Mapping[str, tuple[str, Shaper]] = {
        "fill_holes": ("holes filled", _by(lambda mask, _: shaping.fill_holes(mask))),
        "keep_largest": ("largest part kept", _by(lambda mask, _: shaping.keep_largest(mask))),
        "remove_specks": ("specks removed", _by(shaping.remove_specks)),
        "smooth": ("smoothed", _by(shaping.smooth, reaches=True)),
        "grow": ("grown", _by(shaping.grow, reaches=True)),
        "shrink": ("shrunk", _by(shaping.shrink)),
    }

    def pieces(self, mask: RunLengthMask, line_xy: Sequence[PointXy] | None) -> list[RunLengthMask]:
        """Parts, or what lies on the sides of a line."""
        x0, y0 = mask.box_xyxy[:2]
        crop = mask.decode_crop()
        if line_xy is None:
            found = shaping.parts(crop)
        else:
            found = shaping.cut(crop, [(x - x0, y - y0) for x, y in line_xy])
        return [RunLengthMask.encode(piece, (x0, y0), mask.size_hw) for piece in found]

    def part_at(self, mask: RunLengthMask, x: float, y: float) -> RunLengthMask:
        """The connected pixels round one."""
        if (x, y) not in mask:
            return RunLengthMask.empty(mask.size_hw)
        x0, y0 = mask.box_xyxy[:2]
        crop = mask.decode_crop()
        part, _ = accept(np.zeros_like(crop), crop, (int(y) - y0, int(x) - x0))
        return RunLengthMask.encode(part, (x0, y0), mask.size_hw)


PIXELS = PixelBench()
