"""Photographs that a run does not learn from, so that it can be judged on them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

from clickmask.train.photos import PhotoSource

ONE_IN = 10
"""Without validation data one photograph in this many is held out."""
FEWEST = 5
"""Of fewer photographs than this none is spared."""


def split(
    photos: Sequence[PhotoSource], validation: Sequence[PhotoSource] | None, most: int
) -> tuple[list[PhotoSource], list[PhotoSource]]:
    """(training, validation) photographs.

    Without validation data one photograph in ten is held out: at least one of five or more, at most `most`, none
    of fewer than five. They are chosen by their names, so that the same data are always split in the same way.
    """
    if validation is not None:
        return list(photos), list(validation)
    count = min(max(len(photos) // ONE_IN, 1), most) if len(photos) >= FEWEST else 0
    order = sorted(range(len(photos)), key=lambda i: (zlib.crc32(_key(photos[i])), i))
    held = set(order[:count])
    return [p for i, p in enumerate(photos) if i not in held], [photos[i] for i in sorted(held)]


def names_digest(photos: Sequence[PhotoSource]) -> str:
    """Stands for the photographs and their order."""
    digest = hashlib.sha256()
    for photo in photos:
        digest.update(_key(photo) + b"\n")
    return digest.hexdigest()


def _key(photo: PhotoSource) -> bytes:
    return f"{photo.group}/{photo.name}".encode()
