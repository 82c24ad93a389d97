"""Where a mask is most probably wrong, and where a click would tell most."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.uncertainty import LEAST_PIXELS, MOST_PLACES, UNSURE, uncertainty


def test_a_sure_mask_has_no_places() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[10:30, 10:30] = True
    found = uncertainty(np.where(mask, 0.99, 0.01).astype(np.float32), mask)
    assert not found.unsure.any() and found.places == ()


def test_the_doubtful_part_comes_before_the_long_soft_outline() -> None:
    mask = np.zeros((80, 120), dtype=bool)
    mask[10:70, 10:90] = True
    probability = np.where(mask, 0.99, 0.01).astype(np.float32)
    probability[9:11, 10:90] = probability[69:71, 10:90] = 0.5  # 320 pixels of seam
    probability[30:41, 60:71] = 0.6  # 121 pixels, in one piece
    found = uncertainty(probability, mask, offset_xy=(1000, 2000))
    first = found.places[0]
    assert (first.x, first.y, first.inside) == (1065.5, 2035.5, True)
    assert found.unsure[10, 50] and found.unsure[35, 65] and not found.unsure[50, 20]
    assert all(place.y == 2035.5 for place in found.places), "a seam of two pixels is nothing to click on"


def test_outside_the_mask_is_doubted_too_and_what_a_click_told_is_not_asked_again() -> None:
    mask = np.zeros((60, 60), dtype=bool)
    mask[5:25, 5:25] = True
    probability = np.where(mask, 0.99, 0.01).astype(np.float32)
    probability[35:50, 35:50] = 0.4
    (place,) = uncertainty(probability, mask).places
    assert (place.x, place.y, place.inside) == (42.5, 42.5, False)
    assert uncertainty(probability, mask, clicked=[(42, 42)]).places == ()


def test_an_empty_mask_without_doubt() -> None:
    found = uncertainty(np.zeros((4, 5), dtype=np.float32), np.zeros((4, 5), dtype=bool))
    assert found.places == () and not found.unsure.any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 60))
def test_places_are_unsure_apart_and_in_order(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.random((height // 6 + 1, width // 6 + 1)).astype(np.float32)
    probability = np.kron(coarse, np.ones((6, 6), dtype=np.float32))[:height, :width]
    mask = rng.random((height, width)) < 0.5 if seed % 2 else probability > 0.5
    found = uncertainty(probability, mask)
    assert len(found.places) <= MOST_PLACES
    assert [p.pixels for p in found.places] == sorted((p.pixels for p in found.places), reverse=True)
    for place in found.places:
        row, column = int(place.y), int(place.x)
        assert found.unsure[row, column] and place.inside == mask[row, column]
        assert place.pixels >= LEAST_PIXELS
    assert not (found.unsure & (np.where(mask, 1 - probability, probability) < UNSURE)).any()
