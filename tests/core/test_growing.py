from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.frames import GROWN_FROM, Crop, LogitMap
from clickmask.core.growing import grow_mask


@st.composite
def grids(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int]]:
    """Smooth and rough grids, with a size to grow to."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    values = rng.normal(scale=3, size=(height, width)).astype(np.float32)
    if draw(st.booleans()):
        values = np.asarray(cv2.blur(values, (3, 3)))
    return values, (height * draw(st.integers(1, 9)) + draw(st.integers(0, 5)), width * draw(st.integers(1, 9)))


@given(grids(), st.data(), st.sampled_from([0.0, -0.7, 2.0]))
def test_it_is_the_resize_cut_and_compared(
    grid: tuple[np.ndarray, tuple[int, int]], data: st.DataObject, threshold: float
) -> None:
    values, (height, width) = grid
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    whole = np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR))[top:bottom, left:right]
    canvas = np.ones((bottom - top + 2, right - left + 3), dtype=bool)
    out = canvas[1:-1, 2:-1]
    grow_mask(values, (height, width), (left, top), threshold, out)
    clear = np.abs(whole - threshold) > 1e-4  # rounding may decide about what lies on the threshold
    np.testing.assert_array_equal(out[clear], (whole > threshold)[clear])
    assert canvas[0].all() and canvas[-1].all() and canvas[:, :2].all() and canvas[:, -1].all()


def test_large_masks_are_those_of_interpolated_logits() -> None:
    values = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32), (0, 0), 3)
    logits = LogitMap(values, (30.0, 20.0, 630.0, 420.0))
    assert GROWN_FROM < 600 / 50 and GROWN_FROM < 400 / 40
    size_hw = (430, 640)
    expected = logits.sample(Crop((0.0, 0.0, 640.0, 430.0), size_hw)) > 0.001
    mask = logits.mask(size_hw, 0.001)
    assert mask.any() and not mask.all()
    # warping rounds places to a thirty-second of a pixel, growing does not: only outlines may differ
    assert np.count_nonzero(mask != expected) < 0.002 * mask.size
    part, (x, y) = logits.mask_crop(size_hw, 0.001)
    np.testing.assert_array_equal(mask[y : y + part.shape[0], x : x + part.shape[1]], part)
    assert np.count_nonzero(mask) == np.count_nonzero(part)
    assert np.array_equal(logits.run_lengths(size_hw, 0.001).decode(), mask)
