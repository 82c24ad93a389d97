"""Mask records: the binary layout in which masks travel. Little-endian; see docs/annotator-protocol.md, section 6."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from clickmask.core.masks import RunLengthMask
from clickmask.store.runs import from_varints, varints
from clickmask.store.values import StoredObject

MEDIA_TYPE = "application/vnd.clickmask.masks"

_MAGIC = b"M1"
_MASK, _GHOSTS, PREVIEW = 0, 1, 2
_SETTLED = 1
_HEADER = struct.Struct("<2sBBIIIiiIII")


@dataclass(frozen=True)
class MaskRecord:
    """A mask of an object at a revision, or what is proposed for it; `box_xyxy` and `runs` as in RunLengthMask."""

    object_id: int
    rev: int
    seq: int
    settled: bool
    box_xyxy: tuple[int, int, int, int]
    runs: tuple[int, ...]
    ghosts: bool = False
    preview: bool = False

    def mask(self, size_hw: tuple[int, int]) -> RunLengthMask:
        """The mask in an image of `size_hw`."""
        return RunLengthMask(size_hw, self.box_xyxy, self.runs)


def record(stored: StoredObject, seq: int = 0) -> bytes:
    """The record of an object as it stands."""
    value = stored.value
    return mask_record(stored.id, stored.rev, value.mask, seq=seq, settled=value.settled)


def records(stored: StoredObject, seq: int = 0) -> list[bytes]:
    """The record of an object, and that of its ghosts if it has any."""
    ghosts = stored.value.ghosts
    own = [record(stored, seq)]
    if ghosts is not None:
        settled = stored.value.settled
        own.append(mask_record(stored.id, stored.rev, ghosts, seq=seq, settled=settled, kind=_GHOSTS))
    return own


def mask_record(object_id: int, rev: int, mask: RunLengthMask, *, seq: int, settled: bool, kind: int = _MASK) -> bytes:
    """A record from its parts."""
    x0, y0, x1, y1 = mask.box_xyxy
    flags = _SETTLED if settled else 0
    head = _HEADER.pack(_MAGIC, kind, flags, seq, rev, object_id, x0, y0, x1 - x0, y1 - y0, len(mask.runs))
    return head + varints(mask.runs)


def parse_records(data: bytes) -> Iterator[MaskRecord]:
    """Records that follow one another; ValueError for bytes that are none."""
    at = 0
    while at < len(data):
        magic, kind, flags, seq, rev, object_id, x0, y0, width, height, count = _HEADER.unpack_from(data, at)
        if magic != _MAGIC or kind not in (_MASK, _GHOSTS, PREVIEW):
            raise ValueError(f"No mask record at byte {at}.")
        at += _HEADER.size
        end = _end_of_varints(data, at, count)
        box = (x0, y0, x0 + width, y0 + height)
        yield MaskRecord(
            object_id,
            rev,
            seq,
            bool(flags & _SETTLED),
            box,
            from_varints(data[at:end]),
            kind == _GHOSTS,
            kind == PREVIEW,
        )
        at = end


def _end_of_varints(data: bytes, start: int, count: int) -> int:
    at = start
    for _ in range(count):
        while data[at] & 0x80:
            at += 1
        at += 1
    return at
