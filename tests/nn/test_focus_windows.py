from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from clickmask.nn.focus_windows import (  # noqa: E402
    LEAST_PART,
    boundary_labels,
    draw_window,
    draw_windows,
)

SIDE = 64


def mask_of(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[y0:y1, x0:x1] = True
    return mask


@given(
    st.integers(0, SIDE - 1), st.integers(0, SIDE - 1), st.integers(1, SIDE), st.integers(1, SIDE), st.integers(0, 50)
)
def test_windows_lie_inside_the_sample_and_have_a_size(x: int, y: int, width: int, height: int, seed: int) -> None:
    x0, y0, x1, y1 = draw_window(mask_of(x, y, x + width, y + height), np.random.default_rng(seed))
    assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
    assert min(x1 - x0, y1 - y0) >= LEAST_PART - 1e-9


def test_a_small_object_is_always_in_its_window() -> None:
    for seed in range(50):
        x0, y0, x1, y1 = draw_window(mask_of(20, 30, 30, 40), np.random.default_rng(seed))
        assert x0 < 25 / SIDE < x1 and y0 < 35 / SIDE < y1
        assert x1 - x0 < 0.3


def test_a_large_object_is_seen_whole_or_at_its_outline() -> None:
    mask = mask_of(8, 8, 56, 56)
    windows = np.array([draw_window(mask, np.random.default_rng(seed)) for seed in range(400)])
    widths = windows[:, 2] - windows[:, 0]
    assert 0.3 < np.mean(widths < 0.67) < 0.5
    for x0, y0, x1, y1 in windows[widths < 0.5]:
        columns, rows = np.arange(SIDE)[int(x0 * SIDE) : int(x1 * SIDE) + 1], np.arange(SIDE)[int(y0 * SIDE) :]
        inside = mask[rows[0] : int(y1 * SIDE) + 1, columns]
        assert 0 < inside.mean() < 1


def test_only_the_largest_part_is_gone_after() -> None:
    mask = mask_of(4, 4, 14, 14) | mask_of(60, 60, 62, 62)
    for seed in range(20):
        _, _, x1, y1 = draw_window(mask, np.random.default_rng(seed))
        assert x1 < 0.5 and y1 < 0.5


def test_a_sample_draws_the_same_window_again_and_an_empty_one_the_whole() -> None:
    labels = torch.zeros(3, 1, SIDE, SIDE)
    labels[1, 0, 10:40, 20:50] = 1
    labels[2, 0, 12:40, 20:50] = 1
    windows = draw_windows(labels)
    assert torch.equal(windows, draw_windows(labels.clone()))
    assert windows[0].tolist() == [0, 0, 1, 1]
    assert not torch.equal(windows[1], windows[2])


def test_boundaries_are_where_a_coarse_mask_is_wrong_and_a_little_more() -> None:
    labels = torch.zeros(1, 1, SIDE, SIDE)
    labels[0, 0, 8:40, 8:40] = 1  # on the coarse grid: nothing is wrong but its corners
    assert boundary_labels(labels)[0, 0, 20, :].max() == 0
    labels[0, 0, 8:40, 40:43] = 1  # three pixels that eight times eight do not hold
    wrong = boundary_labels(labels)[0, 0, 20]
    assert wrong[40:43].tolist() == [1, 1, 1]
    assert wrong[:36].max() == 0 and wrong[47:].max() == 0
