"""Which object a sample is about, how it begins, which click comes next."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="training needs the train extra")

from clickmask.core.prompts import Click
from clickmask.train.clicks import ClickRules, draw_start, flawed_mask, next_click, random_clicks
from clickmask.train.photos import IGNORE_ID, Photo
from clickmask.train.targets import MIN_AREA, TargetRules, draw_target

SIDE = 64
ONE_CLICK, MANY, BOX, FLAWED = (
    ClickRules(starts=tuple(float(i == kind) for i in range(4)))
    for kind in range(4)  # type: ignore[arg-type]
)


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Target, ignored pixels and other objects, which do not overlap."""
    rng = np.random.default_rng(seed)
    ids = np.zeros((SIDE, SIDE), np.uint8)
    for number in (3, 2, 1):
        centre = tuple(int(v) for v in rng.integers(8, SIDE - 8, 2))
        axes = tuple(int(v) for v in rng.integers(4, 18, 2))
        cv2.ellipse(ids, centre, axes, float(rng.uniform(0, 180)), 0, 360, number, -1)
    return ids == 1, ids == 3, ids == 2


def at(mask: np.ndarray, click: Click) -> bool:
    assert click.x % 1 == 0.5 and click.y % 1 == 0.5, "clicks go to the middle of pixels"
    return bool(mask[int(click.y), int(click.x)])


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_random_clicks_lie_where_their_sign_says(seed: int) -> None:
    target, ignore, others = scene(seed)
    clicks = random_clicks(target, ignore, others, ClickRules(), np.random.default_rng(seed))
    positives = [c for c in clicks if c.positive]
    negatives = [c for c in clicks if not c.positive]
    assert 1 <= len(positives) <= 8 and len(negatives) <= 8
    assert all(at(target, c) for c in positives)
    assert not any(at(target | ignore, c) for c in negatives)


def test_numbers_of_random_clicks_follow_the_geometric_law() -> None:
    target, ignore, others = scene(1)
    rules = ClickRules(slots=24, gamma=0.8)
    rng = np.random.default_rng(0)
    draws = [random_clicks(target, ignore, others, rules, rng) for _ in range(1000)]
    positives = np.array([sum(c.positive for c in d) for d in draws])
    negatives = np.array([sum(not c.positive for c in d) for d in draws])
    n = np.arange(25)
    assert positives.min() == 1 and negatives.min() == 0
    assert abs(positives.mean() - np.average(n[1:], weights=0.8 ** n[1:])) < 0.45
    assert abs(negatives.mean() - np.average(n, weights=0.8**n)) < 0.45
    ratio = np.mean(positives == 2) / np.mean(positives == 1)
    assert 0.6 < ratio < 1.0


def test_negative_clicks_come_from_the_sources_asked_for() -> None:
    target, ignore, others = np.zeros((3, SIDE, SIDE), bool)
    target[20:40, 20:40], others[20:40, 50:60] = True, True
    rng = np.random.default_rng(0)

    def negatives(*sources: float) -> list[Click]:
        rules = ClickRules(negative_sources=sources)  # type: ignore[arg-type]
        return [c for _ in range(60) for c in random_clicks(target, ignore, others, rules, rng) if not c.positive]

    assert all(at(others, c) for c in negatives(0, 1, 0))
    ring = cv2.dilate(target.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    assert all(at(ring, c) for c in negatives(0, 0, 1)), "a tenth of the object's size wide"
    assert np.mean([at(others | ring, c) for c in negatives(1, 0, 0)]) < 0.4
    others[:] = False
    assert negatives(0, 1, 0), "without other objects the background is clicked"


def test_positive_clicks_keep_away_from_the_edge_mostly() -> None:
    target, ignore, others = np.zeros((3, SIDE, SIDE), bool)
    target[10:50, 10:50] = True
    inner = cv2.erode(target.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    rng = np.random.default_rng(0)
    draws = [random_clicks(target, ignore, others, ClickRules(), rng) for _ in range(400)]
    inside = [at(inner, c) for clicks in draws for c in clicks if c.positive]
    assert 0.9 < np.mean(inside) < 1.0


@pytest.mark.parametrize(
    "target",
    [np.ones((SIDE, SIDE), bool), np.eye(SIDE, dtype=bool), np.arange(SIDE * SIDE).reshape(SIDE, SIDE) == 77],
    ids=["everything", "a thin line", "one pixel"],
)
@pytest.mark.parametrize("rules", [ONE_CLICK, MANY, BOX, FLAWED], ids=["one", "many", "box", "flawed"])
def test_extreme_targets_have_a_beginning(target: np.ndarray, rules: ClickRules) -> None:
    nothing = np.zeros_like(target)
    for seed in range(15):
        start = draw_start(target, nothing, nothing, rules, np.random.default_rng(seed))
        assert start.previous.shape == target.shape and start.previous.dtype == np.float32
        assert start.previous.min() >= 0 and start.previous.max() <= 1
        assert all(at(target, c) == c.positive for c in start.clicks)


def test_each_kind_of_beginning() -> None:
    target, ignore, others = scene(2)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        one = draw_start(target, ignore, others, ONE_CLICK, rng)
        assert [c.positive for c in one.clicks] == [True] and not one.previous.any()
        many = draw_start(target, ignore, others, MANY, rng)
        assert any(c.positive for c in many.clicks) and not many.previous.any()
        box = draw_start(target, ignore, others, BOX, rng)
        inside = box.previous == 0.5
        assert not box.clicks and set(np.unique(box.previous)) == {0.0, 0.5}
        assert (inside & target).sum() > 0.6 * target.sum()
        flawed = draw_start(target, ignore, others, FLAWED, rng)
        assert flawed.previous.any()
        for click in flawed.clicks:
            assert at(target, click) == click.positive and not at(ignore, click)


def test_beginnings_come_as_often_as_asked() -> None:
    target, ignore, others = scene(2)
    rng = np.random.default_rng(0)
    kinds: Counter[str] = Counter()
    for _ in range(800):
        start = draw_start(target, ignore, others, ClickRules(), rng)
        if not start.previous.any():
            kinds["many" if len(start.clicks) > 1 else "one"] += 1
        else:
            kinds["box" if set(np.unique(start.previous)) <= {0.0, 0.5} else "flawed"] += 1
    assert abs(kinds["box"] / 800 - 0.1) < 0.04
    assert abs(kinds["flawed"] / 800 - 0.18) < 0.05


def test_empty_target_begins_with_a_negative_click_or_nothing() -> None:
    nothing, everything = np.zeros((SIDE, SIDE), bool), np.ones((SIDE, SIDE), bool)
    rng = np.random.default_rng(0)
    start = draw_start(nothing, nothing, nothing, ClickRules(), rng)
    assert [c.positive for c in start.clicks] == [False]
    assert draw_start(nothing, everything, nothing, ClickRules(), rng).clicks == ()


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), centred=st.sampled_from([0.0, 1.0]))
def test_next_click_corrects_an_error_that_counts(seed: int, centred: float) -> None:
    target, ignore, others = scene(seed)
    prediction = flawed_mask(target, others, np.random.default_rng(seed))
    rules = ClickRules(centred=centred)
    click = next_click(target, prediction, ignore, (), rules, np.random.default_rng(seed))
    if click is None:
        assert not ((prediction != target) & ~ignore).any()
    else:
        assert at((prediction != target) & ~ignore, click) and at(target, click) == click.positive


def test_next_click_is_none_without_error() -> None:
    target, ignore, _ = scene(3)
    for centred in (0.0, 1.0):
        rules = replace(ClickRules(), centred=centred)
        assert next_click(target, target, ignore, (), rules, np.random.default_rng(0)) is None


# Targets


def photo(ids: np.ndarray, group: str = "mine") -> Photo:
    return Photo("p", group, np.zeros((*ids.shape, 3), np.uint8), ids.astype(np.uint16))


def blocks() -> np.ndarray:
    """Two objects that touch, one apart, one too small, ignored pixels."""
    ids = np.zeros((60, 80), np.uint16)
    ids[5:25, 5:25], ids[5:25, 25:45] = 7, 9
    ids[40:55, 5:65] = 11
    ids[0:3, 70:75] = 13
    ids[40:, 70:] = IGNORE_ID
    return ids


def test_targets_are_objects_of_usable_size() -> None:
    ids = blocks()
    rules = TargetRules(union_probability=0.0)
    seen = set()
    for seed in range(60):
        mask = draw_target(photo(ids), rules, np.random.default_rng(seed))
        assert mask is not None
        values = np.unique(ids[mask])
        assert len(values) == 1
        assert np.array_equal(mask, ids == values[0])
        seen.add(int(values[0]))
    assert seen == {7, 9, 11}


def test_unions_join_objects_that_touch() -> None:
    ids = blocks()
    rng = np.random.default_rng(0)
    masks = [draw_target(photo(ids), TargetRules(union_probability=1.0), rng) for _ in range(60)]
    sets = {tuple(np.unique(ids[m])) for m in masks if m is not None}
    assert sets == {(7, 9), (11,)}


def test_sets_of_parts_give_the_whole() -> None:
    ids = blocks()
    rules = TargetRules(whole_groups=(("mine", 1.0),))
    whole = draw_target(photo(ids), rules, np.random.default_rng(0))
    assert whole is not None and np.array_equal(whole, (ids > 0) & (ids != IGNORE_ID))
    other = draw_target(photo(ids, "others"), rules, np.random.default_rng(0))
    assert other is not None and other.sum() < whole.sum()


@pytest.mark.parametrize("value", [0, IGNORE_ID])
def test_photographs_without_an_object_give_none(value: int) -> None:
    assert draw_target(photo(np.full((40, 40), value)), TargetRules(), np.random.default_rng(0)) is None
    tiny = np.zeros((40, 40), np.uint16)
    tiny.flat[: MIN_AREA - 1] = 1
    assert draw_target(photo(tiny), TargetRules(), np.random.default_rng(0)) is None
