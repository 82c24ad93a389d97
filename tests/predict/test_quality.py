"""The predicted IoU of a mask."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.frames import LogitMap
from clickmask.core.prompts import Click, Prompts
from clickmask.predict.quality import FEATURES, Quality, features, independent_iou

SIZE_HW = (40, 60)
ONE = Prompts((Click(5, 5),))


def square(logit: float, box: tuple[float, float, float, float] = (0, 0, 60, 40)) -> LogitMap:
    """A square of 16 cells on a 10 x 10 grid with logits of one size."""
    values = np.full((10, 10), -logit, np.float32)
    values[2:6, 3:7] = logit
    return LogitMap(values, box)


def test_pixels_taken_as_independent() -> None:
    assert independent_iou(np.full((4, 4), 20, np.float32)) == pytest.approx(1)
    assert independent_iou(np.full((4, 4), -20, np.float32)) == pytest.approx(0, abs=1e-6)
    logits = np.log(np.array([[0.8 / 0.2, 0.3 / 0.7]])).astype(np.float32)
    assert independent_iou(logits) == pytest.approx(0.8 / (1 + 0.3))


def test_features_mean_what_they_say() -> None:
    named = dict(zip(FEATURES, features(square(5), ONE, SIZE_HW), strict=True))
    assert named["cells"] == pytest.approx(math.log(16))
    assert named["clicks"] == pytest.approx(math.log(2))
    assert named["unsure"] == 0 and named["cut"] == 0
    assert features(square(1), ONE, SIZE_HW)[1] == 4.0  # all 100 cells are unsure: limited


def test_only_inner_sides_count_as_cut() -> None:
    values = np.full((10, 10), 5, np.float32)
    inside, whole = (LogitMap(values, box) for box in ((10, 10, 20, 20), (0, 0, 60, 40)))
    assert features(inside, ONE, SIZE_HW)[4] == 1.0
    assert features(whole, ONE, SIZE_HW)[4] == 0.0
    touching = LogitMap(square(5).values, (0, 0, 20, 20))
    assert features(touching, ONE, SIZE_HW)[4] == 0.0


def test_an_empty_mask_is_worth_nothing() -> None:
    assert Quality(bias=5).expected_iou(LogitMap(np.full((4, 4), -3, np.float32), (0, 0, 4, 4)), ONE, (4, 4)) == 0.0


def test_a_surer_answer_scores_higher_and_a_cut_one_lower() -> None:
    quality = Quality(bias=-1, expected=1, cut=-3)
    sure, unsure = (quality.expected_iou(square(logit), ONE, SIZE_HW) for logit in (5.0, 1.5))
    assert sure > unsure
    full = np.full((10, 10), 5, np.float32)
    free, cut = (quality.expected_iou(LogitMap(full, box), ONE, SIZE_HW) for box in ((0, 0, 60, 40), (9, 9, 19, 19)))
    assert cut < free


def test_a_threshold_changes_what_is_judged() -> None:
    values = square(1.0).values
    assert features(LogitMap(values, (0, 0, 60, 40)), ONE, SIZE_HW, threshold_logit=-2.0)[2] == pytest.approx(
        math.log(100)
    )


@given(
    st.lists(st.floats(-40, 40), min_size=36, max_size=36),
    st.lists(st.floats(-50, 50), min_size=6, max_size=6),
)
def test_whatever_comes_the_score_is_a_share(values: list[float], weights: list[float]) -> None:
    logits = LogitMap(np.array(values, np.float32).reshape(6, 6), (2.0, 2.0, 14.0, 14.0))
    score = Quality(*weights).expected_iou(logits, ONE, SIZE_HW)
    assert 0 <= score <= 1
    assert score == replace(Quality(*weights)).expected_iou(logits, ONE, SIZE_HW)
