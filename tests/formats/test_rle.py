from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as reference

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats.rle import counts_of, mask_of, pack, unpack

from .golden import GOLDEN, GOLDEN_COUNTS, GOLDEN_PACKED
from .strategies import masks


def test_the_golden_mask() -> None:
    counts = counts_of(RunLengthMask.encode(GOLDEN))
    assert counts.tolist() == GOLDEN_COUNTS
    assert pack(counts) == GOLDEN_PACKED
    assert unpack(GOLDEN_PACKED).tolist() == GOLDEN_COUNTS
    np.testing.assert_array_equal(mask_of(counts, (5, 6)).decode(), GOLDEN)


def test_the_golden_mask_that_starts_with_one() -> None:
    mask = GOLDEN.copy()
    mask[0, 0] = True
    counts = counts_of(RunLengthMask.encode(mask))
    assert counts.tolist() == [0, 1, 5, 3, 2, 1, 1, 1, 2, 3, 9, 2]
    assert pack(counts) == "0152MNO0127O"


@given(masks())
def test_any_mask_comes_back_and_agrees_with_the_reference(mask: NDArray[np.bool_]) -> None:
    encoded = RunLengthMask.encode(mask)
    counts = counts_of(encoded)
    assert mask_of(counts, encoded.size_hw) == encoded
    packed = reference.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    assert pack(counts).encode() == packed
    np.testing.assert_array_equal(unpack(packed), counts)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=40))
def test_packing_numbers_of_any_size_is_lossless(numbers: list[int]) -> None:
    assert unpack(pack(np.array(numbers))).tolist() == numbers


def test_a_run_of_more_than_16_bits() -> None:
    mask = np.zeros((400, 400), dtype=bool)
    mask[0, 0] = mask[399, 399] = True
    counts = counts_of(RunLengthMask.encode(mask))
    assert counts.tolist() == [0, 1, 159_998, 1]
    assert unpack(pack(counts)).tolist() == counts.tolist()


def test_runs_of_length_zero_inside_are_read() -> None:
    assert mask_of(np.array([1, 1, 0, 2]), (2, 2)).decode().ravel("F").tolist() == [False, True, True, True]


@pytest.mark.parametrize("counts", [[3, 2], [40], [6, -3, 27]])
def test_runs_that_do_not_fill_the_image_are_refused(counts: list[int]) -> None:
    with pytest.raises(FormatError, match=r"sum to .*30 pixels"):
        mask_of(np.array(counts), (5, 6))


@pytest.mark.parametrize("text", ["6 3", "63é", "6P", "P" * 14 + "0", "\x00"])
def test_damaged_text_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="damaged"):
        unpack(text)
