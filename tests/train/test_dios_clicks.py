from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.core.prompts import Click
from clickmask.train.clicks import ClickRules, draw_start
from clickmask.train.dios_clicks import (
    BAND,
    MARGIN,
    SPACING,
    along_outline,
    band,
    dios_clicks,
    in_band,
    on_others,
    spaced,
)

SIZE_HW = (160, 200)
SEEDS = range(20)


def disk(x: int, y: int, radius: int) -> np.ndarray:
    return cv2.circle(np.zeros(SIZE_HW, np.uint8), (x, y), radius, 1, -1).astype(bool)


TARGET = disk(80, 80, 28)
OTHERS = disk(160, 30, 12) | disk(165, 130, 14)
IGNORE = disk(80, 40, 14) & ~TARGET
NOTHING = np.zeros(SIZE_HW, dtype=bool)


def radius_of(click: Click) -> float:
    return float(np.hypot(click.x - 80.5, click.y - 80.5))


def distances(clicks: tuple[Click, ...]) -> np.ndarray:
    points = np.array([(c.x, c.y) for c in clicks])
    gaps = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    return gaps[~np.eye(len(points), dtype=bool)]


@pytest.mark.parametrize("seed", SEEDS)
def test_positives_lie_well_inside_and_apart(seed: int) -> None:
    clicks = [c for c in dios_clicks(TARGET, NOTHING, OTHERS, np.random.default_rng(seed)) if c.positive]
    assert 1 <= len(clicks) <= 5
    assert all(radius_of(c) <= 28 - MARGIN + 0.5 for c in clicks)
    assert (distances(tuple(clicks)) >= SPACING).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_negatives_in_the_band_and_not_on_ignored_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for clicks in (in_band(TARGET, IGNORE, OTHERS, rng), along_outline(TARGET, IGNORE, OTHERS, rng)):
        assert len(clicks) <= 10
        for click in clicks:
            assert not click.positive
            assert not IGNORE[int(click.y), int(click.x)]
            assert 28 + MARGIN - 1 < radius_of(click) < 28 + BAND + 1


@pytest.mark.parametrize("seed", SEEDS)
def test_negatives_on_every_other_object(seed: int) -> None:
    clicks = on_others(TARGET, NOTHING, OTHERS, np.random.default_rng(seed))
    upper = sum(c.y < 80 for c in clicks)
    assert all(OTHERS[int(c.y), int(c.x)] and not c.positive for c in clicks)
    assert (upper > 0) == (upper < len(clicks))  # both or neither
    assert len(clicks) <= 10


def test_the_outline_is_covered_evenly() -> None:
    """Ten farthest points leave no gap as random ones do."""

    def widest_gap(clicks: tuple[Click, ...]) -> float:
        angles = np.sort([np.arctan2(c.y - 80.5, c.x - 80.5) for c in clicks])
        return float(np.diff([*angles, angles[0] + 2 * np.pi]).max())

    gaps = [widest_gap(along_outline(TARGET, NOTHING, NOTHING, np.random.default_rng(seed))) for seed in SEEDS]
    assert max(gaps) < np.radians(80)
    rng = np.random.default_rng(0)
    assert np.mean([widest_gap(spaced(band(TARGET, NOTHING), 10, False, rng)) for _ in SEEDS]) > np.mean(gaps)


def test_small_and_lonely_objects_still_get_a_click() -> None:
    tiny = NOTHING.copy()
    tiny[3, 4] = True
    for seed in SEEDS:
        clicks = dios_clicks(tiny, NOTHING, NOTHING, np.random.default_rng(seed))
        assert [(c.x, c.y) for c in clicks if c.positive] == [(4.5, 3.5)]
    everything = ~NOTHING
    assert all(c.positive for c in dios_clicks(everything, NOTHING, NOTHING, np.random.default_rng(0)))


def test_a_recipe_can_ask_for_them() -> None:
    rules = ClickRules(starts=(0.0, 1.0, 0.0, 0.0), sampler="dios")
    start = draw_start(TARGET, NOTHING, OTHERS, rules, np.random.default_rng(3))
    assert start.clicks == _after_the_draw_of_a_beginning(3)
    assert not start.previous.any()


def _after_the_draw_of_a_beginning(seed: int) -> tuple[Click, ...]:
    rng = np.random.default_rng(seed)
    rng.choice(4, p=(0.0, 1.0, 0.0, 0.0))
    return dios_clicks(TARGET, NOTHING, OTHERS, rng)
