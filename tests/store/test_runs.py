from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.errors import StorageError
from clickmask.core.masks import RunLengthMask
from clickmask.store import runs


@given(st.lists(st.integers(0, 2**40), max_size=60))
def test_varints_are_lossless(values: list[int]) -> None:
    assert runs.from_varints(runs.varints(tuple(values))) == tuple(values)


def test_varint_bytes_are_leb128() -> None:
    assert runs.varints((0, 1, 127, 128, 300)) == bytes([0, 1, 0x7F, 0x80, 0x01, 0xAC, 0x02])


@pytest.mark.parametrize("data", [b"\x80", b"\x01\xff", b"\xff" * 12 + b"\x01"])
def test_cut_or_oversized_numbers_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"number|larger"):
        runs.from_varints(data)


@pytest.mark.parametrize("side", [8, 400])
def test_packed_masks_come_back(side: int) -> None:
    mask = RunLengthMask.encode(np.random.default_rng(1).random((side, side)) > 0.5)
    packed = runs.pack(mask)
    assert packed.codec == ("varint" if side == 8 else "varint+zlib")
    assert runs.unpack(packed.codec, packed.blob) == mask.runs


def test_digest_tells_masks_of_other_places_apart() -> None:
    part = np.ones((2, 2), dtype=bool)
    here, there = (RunLengthMask.encode(part, (x, 0), (8, 8)) for x in (1, 2))
    assert runs.pack(here).digest != runs.pack(there).digest


@pytest.mark.parametrize(("codec", "blob"), [("varint", b"\x80"), ("varint+zlib", b"junk"), ("morse", b"")])
def test_damaged_blobs_are_storage_errors(codec: str, blob: bytes) -> None:
    with pytest.raises(StorageError, match="stored mask"):
        runs.unpack(codec, blob)
