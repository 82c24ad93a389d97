"""Run lengths as bytes: unsigned LEB128 varints, seven bits each, least significant first."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import StorageError
from clickmask.core.masks import RunLengthMask

COMPRESS_ABOVE = 4096
"""Bytes of varints above which zlib is worth its time."""
_MAX_BYTES = 10


@dataclass(frozen=True, slots=True)
class PackedRuns:
    """A mask's runs as they are kept: ``"varint"`` or ``"varint+zlib"``, and a digest of the whole mask."""

    codec: str
    blob: bytes
    digest: str


@lru_cache(maxsize=64)
def varints(runs: tuple[int, ...]) -> bytes:
    """The runs as varints."""
    values = np.asarray(runs, dtype=np.uint64)
    if values.size == 0:
        return b""
    lengths = np.ones(values.size, dtype=np.int64)
    for shift in range(7, 64, 7):
        lengths += values >= np.uint64(1 << shift)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    out = np.zeros(int(lengths.sum()), dtype=np.uint8)
    for index in range(int(lengths.max())):
        here = lengths > index
        part = (values[here] >> np.uint64(7 * index)) & np.uint64(0x7F)
        more = (lengths[here] > index + 1).astype(np.uint8) << 7
        out[starts[here] + index] = part.astype(np.uint8) | more
    return out.tobytes()


def from_varints(data: bytes) -> tuple[int, ...]:
    """Inverse of `varints`; ValueError for bytes that end inside a number or hold one above 2**63."""
    octets = np.frombuffer(data, dtype=np.uint8)
    if octets.size == 0:
        return ()
    ends = np.flatnonzero(octets < 0x80)
    if ends.size == 0 or ends[-1] != octets.size - 1:
        raise ValueError("Run lengths end in the middle of a number.")
    starts = np.concatenate(([0], ends[:-1] + 1))
    return tuple(_numbers(octets, starts, ends - starts + 1).tolist())


def _numbers(octets: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    if lengths.max() >= _MAX_BYTES:
        raise ValueError("A run length is larger than any image.")
    values = np.zeros(starts.size, dtype=np.int64)
    for index in range(int(lengths.max())):
        here = lengths > index
        values[here] |= (octets[starts[here] + index] & 0x7F).astype(np.int64) << (7 * index)
    return values


@lru_cache(maxsize=64)
def pack(mask: RunLengthMask) -> PackedRuns:
    """The runs as they are kept in the database."""
    plain = varints(mask.runs)
    head = repr((mask.size_hw, mask.box_xyxy)).encode()
    digest = hashlib.blake2b(head + plain, digest_size=20).hexdigest()
    if len(plain) > COMPRESS_ABOVE:
        return PackedRuns("varint+zlib", zlib.compress(plain, 6), digest)
    return PackedRuns("varint", plain, digest)


def unpack(codec: str, blob: bytes) -> tuple[int, ...]:
    """The runs of a kept blob; StorageError if it is damaged or of an unknown kind."""
    try:
        if codec == "varint+zlib":
            return from_varints(zlib.decompress(blob))
        if codec == "varint":
            return from_varints(blob)
    except (zlib.error, ValueError) as error:
        raise StorageError(f"A stored mask is damaged ({error}). Restore the project from a copy.") from error
    raise StorageError(f"A stored mask uses '{codec}', which this clickmask does not know. Install a newer clickmask.")
