from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click
from clickmask.evaluate import metrics
from clickmask.evaluate.records import ClickRecord, ObjectKey, ObjectRecords


def records(name: str, *ious: float) -> ObjectRecords:
    last = len(ious)
    return tuple(
        ClickRecord(
            ObjectKey("made-up", name, "1"),
            number,
            Click(0.5, 0.5),
            iou,
            iou / 2,
            0.1 * number,
            RunLengthMask.empty((4, 4)) if number == last else None,
        )
        for number, iou in enumerate(ious, start=1)
    )


OBJECTS = [
    records("at once", 0.95, 0.96, 0.96, 0.97, 0.97),
    records("third", 0.50, 0.85, 0.90, 0.89, 0.92),
    records("at the limit", 0.10, 0.20, 0.30, 0.40, 0.90),
    records("never", 0.10, 0.20, 0.30, 0.40, 0.8999),
    records("perfect", 0.60, 1.00),
]


@pytest.mark.parametrize(
    ("target", "noc", "nof", "as_published"),
    [
        # clicks per object: 1 2 5 5 2 | 1 2 5 5 2 | 1 3 5 5 2 | 1 5 5 5 2
        (0.80, 15 / 5, 0, 2),
        (0.85, 15 / 5, 0, 2),
        (0.90, 16 / 5, 1, 2),
        (0.95, 18 / 5, 3, 3),
    ],
)
def test_golden_table(target: float, noc: float, nof: int, as_published: int) -> None:
    curves = metrics.iou_curves(OBJECTS, 5)
    assert metrics.noc(curves, target) == pytest.approx(noc)
    assert metrics.nof(curves, target) == nof
    assert metrics.nof_at_limit(curves, target) == as_published


def test_a_success_at_the_very_last_click_is_no_failure() -> None:
    curves = metrics.iou_curves([records("late", *[0.1] * 19, 0.9)], 20)
    assert metrics.noc(curves, 0.9) == 20
    assert (metrics.nof(curves, 0.9), metrics.nof_at_limit(curves, 0.9)) == (0, 1)


def test_an_object_that_ended_early_keeps_its_iou() -> None:
    curves = metrics.iou_curves(OBJECTS[-1:], 5)
    assert curves.tolist() == [[0.6, 1.0, 1.0, 1.0, 1.0]]
    assert metrics.boundary_curves(OBJECTS[-1:], 3).tolist() == [[0.3, 0.5, 0.5]]


def test_iou_at_and_area_under_the_curve() -> None:
    curves = np.array([[0.2, 0.6, 1.0], [0.4, 0.8, 1.0]])
    assert metrics.mean_iou_at(curves, 1) == pytest.approx(0.3)
    assert metrics.mean_iou_at(curves, 3) == pytest.approx(1.0)
    assert metrics.auc(curves) == pytest.approx((0.5 + 0.85) / 2)
    assert metrics.auc(curves[:, :1]) == pytest.approx(0.3)


def test_seconds_per_click_is_over_clicks_not_objects() -> None:
    assert metrics.seconds_per_click([records("a", 0.1, 0.2), records("b", 0.3)]) == pytest.approx(
        (0.1 + 0.2 + 0.1) / 3
    )


def test_interval_holds_the_figure_and_repeats() -> None:
    curves = np.random.default_rng(0).uniform(size=(60, 20)).cumsum(axis=1) / 10
    low, high = metrics.interval(curves, metrics.auc)
    assert low < metrics.auc(curves) < high
    assert (low, high) == metrics.interval(curves, metrics.auc)
    assert metrics.interval(np.full((5, 3), 0.5), metrics.auc) == (0.5, 0.5)


def brute_force_band(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels that vanish after `width` erosions by 3 x 3, everything beyond the frame being outside."""
    core = ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=width, border_value=0)
    return mask & ~core


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_boundary_band_equals_repeated_erosion(seed: int, width: int) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(30, 40)), 3)
    mask = noise > 0
    assert np.array_equal(metrics.boundary_band(mask, width), brute_force_band(mask, width))


def test_boundary_iou_sees_what_iou_overlooks() -> None:
    truth = np.zeros((200, 200), dtype=bool)
    truth[20:180, 20:180] = True
    shifted = np.roll(truth, 3, axis=1)
    band = metrics.boundary_band(truth, metrics.boundary_width((200, 200)))
    assert metrics.boundary_width((200, 200)) == 6
    assert metrics.boundary_iou(truth, band) == 1.0
    assert metrics.boundary_iou(shifted, band) < 0.7
    ignore = np.zeros_like(truth)
    ignore[:, 10:190] = True
    assert metrics.boundary_iou(shifted, band, ignore) == 1.0


def test_an_empty_prediction_has_an_empty_band() -> None:
    empty = np.zeros((20, 20), dtype=bool)
    assert not metrics.boundary_band(empty, 2).any()
