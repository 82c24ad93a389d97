"""Clicking on clouds with a toy network: balls round positive clicks, cut where a negative click is nearer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickmask.core.errors import InputError, PromptError
from clickmask.predict.cloud_predictor import CloudPipeline, CloudPredictor
from clickmask.predict.clouds import CloudClick, CloudFrame, CloudLogits, CloudOptions, answer
from clickmask.spatial.grid import CellIndex

POSITIVE, NEGATIVE = 10, 11
"""Channels with the distances to clicks."""


class Balls:
    """Positive within `radius` voxels of a positive click, unless a negative one is nearer."""

    depth = 2

    def __init__(self, radius: float = 6.0) -> None:
        self.threshold = np.exp(-radius / 8)
        self.calls: list[int] = []

    def run(self, plan, channels):
        self.calls.append(len(channels))
        return (channels[:, POSITIVE] - np.maximum(channels[:, NEGATIVE], self.threshold)) * 20


def wall(side: int = 60, step: float = 0.05):
    """A level sheet of points and its rows by column."""
    x, y = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    return np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3) * step


def predictor(radius: float = 6.0, **options) -> tuple[CloudPredictor, Balls]:
    backend = Balls(radius)
    return CloudPredictor(CloudPipeline("balls", CloudOptions(voxel=0.05, **options), backend)), backend


def test_a_click_gives_what_lies_round_it():
    clicker, _ = predictor()
    xyz = wall()
    clicker.set_cloud(xyz)
    mask = clicker.add_click((1.5, 1.5, 0.0))
    away = np.linalg.norm(xyz - [1.5, 1.5, 0], axis=1)
    assert mask.shape == (3600,) and mask.dtype == bool
    assert mask[away < 0.2].all() and not mask[away > 0.45].any()


def test_rows_and_places_are_the_same_click():
    xyz = wall() + np.array([1e6, 5e6, 100.0])
    by_row, by_place = predictor()[0], predictor()[0]
    for each in (by_row, by_place):
        each.set_cloud(xyz)
    np.testing.assert_array_equal(by_row.add_click(1830), by_place.add_click(tuple(xyz[1830])))


def test_undo_redo_reset_walk_through_values():
    clicker, _ = predictor()
    clicker.set_cloud(wall())
    masks = [clicker.mask(), clicker.add_click(1830), clicker.add_click(1900), clicker.add_click(1831, positive=False)]
    assert len({mask.tobytes() for mask in masks}) == 4
    for mask in reversed(masks[:-1]):
        np.testing.assert_array_equal(clicker.undo() == 1, mask)
    assert not clicker.undo().any()
    for mask in masks[1:]:
        np.testing.assert_array_equal(clicker.redo() == 1, mask)
    clicker.undo()
    clicker.add_click(10)
    np.testing.assert_array_equal(clicker.redo(), clicker.labels)  # a new click ends what could be redone
    assert not clicker.reset().any()
    assert not clicker.undo().any()


def test_objects_compete_for_points():
    clicker, _ = predictor(radius=12)
    xyz = wall()
    clicker.set_cloud(xyz)
    first = clicker.add_click((1.0, 1.5, 0.0), object_id=1)
    second = clicker.add_click((1.4, 1.5, 0.0), object_id=2)
    assert first.sum() > clicker.mask(1).sum()  # the second click took points away from the first object
    assert not (clicker.mask(1) & second).any()
    labels = clicker.labels
    nearer = np.where(np.abs(xyz[:, 0] - 1.0) < np.abs(xyz[:, 0] - 1.4), 1, 2)
    both = labels > 0
    assert (labels[both] == nearer[both]).mean() > 0.95
    clicker.undo()
    np.testing.assert_array_equal(clicker.mask(1), first)


def test_a_click_beside_other_objects_leaves_them_alone():
    clicker, backend = predictor(radius=4)
    clicker.set_cloud(wall())
    before = clicker.add_click((0.5, 0.5, 0.0), object_id=1)
    backend.calls.clear()
    clicker.add_click((2.5, 2.5, 0.0), object_id=2)
    assert len(backend.calls) == 1
    np.testing.assert_array_equal(clicker.mask(1), before)


def test_the_crop_grows_while_the_mask_touches_its_border():
    xyz = wall(120)
    still, moving = Balls(60.0), Balls(60.0)
    frame = CloudFrame.of(xyz, None, CloudOptions(voxel=0.05))
    clicks = [CloudClick(3.0, 3.0, 0.0)]
    small = answer(still, CloudOptions(edge=30, margin=10, growths=0), frame, clicks)
    grown = answer(moving, CloudOptions(edge=30, margin=10), frame, clicks)
    assert still.calls == [900]
    assert len(moving.calls) > 1 and moving.calls == sorted(moving.calls)
    assert (grown.values > 0).sum() > 3 * (small.values > 0).sum()


def test_a_crop_that_holds_too_much_does_not_grow():
    backend = Balls(60.0)
    frame = CloudFrame.of(wall(120), None, CloudOptions(voxel=0.05))
    answer(backend, CloudOptions(edge=30, margin=10, most_voxels=1000), frame, [CloudClick(3.0, 3.0, 0.0)])
    assert len(backend.calls) == 1


def test_answers_outside_the_crop_stay():
    new = CloudLogits(np.array([1, 3]), np.array([5, -5], dtype=np.float32))
    old = CloudLogits(np.array([0, 1, 2]), np.array([1, 2, 3], dtype=np.float32))
    both = new.over(old)
    assert both.rows.tolist() == [0, 1, 2, 3]
    assert both.values.tolist() == [1, 5, 3, -5]
    assert both.at(np.array([2, 9])).tolist() == [3, -16]


def test_forced_points_take_the_clicked_label():
    frame = CloudFrame.of(wall(), None, CloudOptions(voxel=0.05))
    clicks = [CloudClick(1.0, 1.0, 0.0), CloudClick(1.0, 1.05, 0.0, positive=False)]
    options = CloudOptions(force=1.0, smooth=False)
    logits = answer(Balls(), options, frame, clicks).spread(3600)
    row = int(np.linalg.norm(wall() - [1.0, 1.05, 0], axis=1).argmin())
    assert logits[row] == -16
    assert logits[int(np.linalg.norm(wall() - [1.0, 0.95, 0], axis=1).argmin())] == 16


def test_a_clicked_point_keeps_its_label_whatever_the_network_says():
    class Nothing(Balls):
        def run(self, plan, channels):
            return np.full(len(channels), -5, dtype=np.float32)

    clicker = CloudPredictor(CloudPipeline("nothing", CloudOptions(voxel=0.05), Nothing()))
    clicker.set_cloud(wall())
    mask = clicker.add_click(1830)
    assert np.flatnonzero(mask).tolist() == [1830]


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0.05, 2))
def test_the_index_finds_exactly_the_points_of_a_box(seed, edge):
    rng = np.random.default_rng(seed)
    xyz = rng.normal(size=(200, 3)).astype(np.float32)
    low = rng.normal(size=3)
    high = low + rng.uniform(0, 2, 3)
    expected = np.flatnonzero(((xyz >= low) & (xyz < high)).all(axis=1))
    np.testing.assert_array_equal(CellIndex(xyz, edge).inside(low, high), expected)


def test_a_tilted_scan_is_answered_like_a_level_one():
    rng = np.random.default_rng(0)
    xyz = wall() + rng.normal(0, 0.001, (3600, 3))
    angle = 0.9
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    level, tilted = predictor()[0], predictor()[0]
    level.set_cloud(xyz)
    tilted.set_cloud(xyz @ tilt.T, up=tuple(tilt @ [0, 0, 1]))
    same = level.add_click(1830) == tilted.add_click(1830)
    assert same.mean() > 0.99
    assert np.ptp(tilted.frame.xyz[:, 2]) < 0.05


@pytest.mark.parametrize(
    ("xyz", "rgb", "text"),
    [
        (np.zeros((4, 2)), None, r"\(P, 3\) array"),
        (np.zeros((0, 3)), None, "no point"),
        (np.array([[0, 0, np.nan]]), None, "NaN or infinite"),
        (np.zeros((4, 3)), np.zeros((4, 3)), "uint8"),
        (np.zeros((4, 3)), np.zeros((3, 3), np.uint8), "one row a point"),
    ],
)
def test_bad_clouds_are_refused(xyz, rgb, text):
    with pytest.raises(InputError, match=text):
        predictor()[0].set_cloud(xyz, rgb)


def test_bad_clicks_are_refused():
    clicker, _ = predictor()
    with pytest.raises(PromptError, match="set_cloud"):
        clicker.add_click(0)
    clicker.set_cloud(wall())
    with pytest.raises(PromptError, match="rows 0 to 3599"):
        clicker.add_click(3600)
    with pytest.raises(PromptError, match="No point lies within"):
        clicker.add_click((50.0, 0.0, 0.0))
    with pytest.raises(PromptError, match="numbered from 1"):
        clicker.add_click(0, object_id=0)
    with pytest.raises(PromptError, match="x, y, z"):
        clicker.add_click((1.0, np.nan, 0.0))
