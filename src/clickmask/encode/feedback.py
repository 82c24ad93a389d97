"""What a network sees again: its mask, or another of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

import numpy as np

from clickmask.core.frames import FloatMap
from clickmask.core.masks import BoolMask
from clickmask.encode import Encoding

DECIDED_LOGIT = np.float32(8.0)
"""Logit of what follows from a mask that was given."""


class RecallingEncoding(Encoding, Protocol):
    """An encoding whose `feedback` is another answer than the mask."""

    def of_mask(self, mask: BoolMask) -> BoolMask:
        """That answer about a mask which the network has not made itself."""
        ...


def recalls(encoding: Encoding) -> bool:
    """True if the network sees another of its answers again than the mask."""
    return encoding.feedback not in (None, "logits")


def seen_again(encoding: Encoding, previous: FloatMap | None, maps: Mapping[str, FloatMap]) -> FloatMap | None:
    """(h, w) logits that `Encoding.encode` takes as `previous`; None at the start.

    Args:
        encoding: of the network.
        previous: (h, w) logits of the mask, None at the start.
        maps: other answers of the network at the last click; none at the start and after a mask that was given.
    """
    if not recalls(encoding):
        return previous
    name = str(encoding.feedback)
    if name in maps or previous is None:
        return maps.get(name)
    answer = cast(RecallingEncoding, encoding).of_mask(previous > 0)
    return np.where(answer, DECIDED_LOGIT, -DECIDED_LOGIT)
