"""Masks from slice to slice, with a model that knows what is bright, on objects whose every slice is known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.spatial.volumes import affine_of

import clickmask
from clickmask.core.errors import InputError, PromptError
from clickmask.core.frames import LogitMap, whole
from clickmask.core.masks import RunLengthMask
from clickmask.core.protocols import Result
from clickmask.core.window import Window
from clickmask.predict.propagate import (
    BORDER,
    JUMP,
    LIMIT,
    SMALL,
    UNLIKE,
    UNSURE,
    VANISHED,
    Ended,
    Looks,
    StopRules,
    carry,
    propagate,
    reason_to_stop,
)
from clickmask.spatial.volume import Plane, Volume

SHAPE = (12, 40, 48)


def ball(center=(5, 20, 24), radius=(3.5, 12, 14)):
    grid = np.stack(np.mgrid[:12, :40, :48], axis=-1)
    return (((grid - np.array(center)) / np.array(radius)) ** 2).sum(axis=-1) <= 1


def volume_of(inside, **place):
    return Volume(np.where(inside, 200, 60).astype(np.int16), affine_of(**place))


def bright_part(request):
    """A step that answers with the bright parts that positive clicks are on, whatever was answered before."""
    bright = (request.frame.pixels[:, :, 0] > 128).astype(np.uint8)
    _, parts = cv2.connectedComponents(bright, connectivity=4)
    clicked = {int(parts[int(c.y), int(c.x)]) for c in request.prompts.clicks if c.positive} - {0}
    values = np.where(np.isin(parts, list(clicked)), np.float32(8), np.float32(-8))
    return Result(LogitMap(values, whole(request.frame.size_hw)), request.memo)


@pytest.fixture(scope="module")
def pipeline():
    return replace(clickmask.load("flood").pipeline, step=bright_part)


def carried_to_6(predictor, pipeline):
    mask = RunLengthMask.encode(ball()[5])
    return carry(pipeline, predictor.frame(6), Looks.of(predictor.frame(5), mask), mask, 6)


@pytest.fixture
def predictor(pipeline):
    return clickmask.VolumePredictor(pipeline)


def opened(predictor, inside, plane=Plane.AXIAL, **place):
    volume = volume_of(inside, **place)
    predictor.set_volume(volume, plane, Window.of_range(0, 255))
    return volume


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("signs", [(-1, -1, 1), (1, 1, -1)])
def test_one_click_fills_the_object_in_every_plane(predictor, plane, signs):
    inside = ball()
    opened(predictor, inside, plane, signs=signs)
    index, row, column = predictor.slicing.pixel((24, 20, 5))
    predictor.add_click(index, column + 0.5, row + 0.5)
    done = predictor.propagate(index)
    small = {k for k in range(predictor.slicing.count) if 0 < predictor.slicing.take(inside, k).sum() < 8}
    wanted = inside.copy()
    for k in small:
        predictor.slicing.take(wanted, k)[:] = False
    np.testing.assert_array_equal(predictor.voxels, wanted)
    assert {end.reason for end in done.ended} <= {VANISHED, SMALL, JUMP, UNSURE}
    indices = [carried.index for carried in done.carried]
    forward = [i for i in indices if i > index]
    assert indices == [
        *range(index + 1, index + 1 + len(forward)),
        *range(index - 1, index - 1 - len(indices) + len(forward), -1),
    ]


def test_it_goes_to_the_border_or_to_the_slice_that_was_asked_for(predictor):
    inside = np.zeros(SHAPE, bool)
    inside[:, 10:30, 10:30] = True
    opened(predictor, inside)
    predictor.add_click(4, 20, 20)
    assert predictor.propagate(4, "forward", to=7).ended == (Ended(LIMIT, 7),)
    assert predictor.voxels.any(axis=(1, 2)).nonzero()[0].tolist() == [4, 5, 6, 7]
    assert predictor.propagate(4, "backward").ended == (Ended(BORDER, 0),)
    predictor.undo()
    assert predictor.voxels.any(axis=(1, 2)).nonzero()[0].tolist() == [4, 5, 6, 7]
    predictor.redo()
    np.testing.assert_array_equal(predictor.voxels[:8], inside[:8])
    assert not predictor.voxels[8:].any()


def test_it_stops_where_the_object_ends_at_once(predictor):
    inside = np.zeros(SHAPE, bool)
    inside[3:8, 10:30, 10:30] = True
    opened(predictor, inside)
    predictor.add_click(5, 20, 20)
    done = predictor.propagate(5)
    np.testing.assert_array_equal(predictor.voxels, inside)
    assert [(end.reason, end.index) for end in done.ended] == [(VANISHED, 8), (VANISHED, 2)]


def test_a_mask_stays_with_its_own_object(predictor):
    """Another thing of the same grey, on every slice, is not connected and not taken."""
    inside = ball()
    other = np.zeros(SHAPE, bool)
    other[:, 36:39, 2:6] = True
    opened(predictor, inside | other)
    predictor.add_click(5, 24, 20)
    predictor.propagate(5)
    assert not (predictor.voxels & other).any()


def test_a_carried_mask_can_be_corrected_and_carried_again(predictor):
    inside = ball()
    opened(predictor, inside)
    predictor.add_click(5, 24, 20)
    predictor.propagate(5)
    before = predictor.voxels
    predictor.set_mask(6, np.zeros(SHAPE[1:], bool) | (np.arange(48) > 24))
    assert (predictor.voxels != before)[6].any()
    np.testing.assert_array_equal(np.delete(predictor.voxels, 6, 0), np.delete(before, 6, 0))
    with pytest.raises(PromptError, match="no mask on slice 11"):
        predictor.propagate(11)


def test_what_cannot_be_asked(predictor, pipeline):
    with pytest.raises(PromptError, match="No volume is open"):
        predictor.add_click(0, 1, 1)
    opened(predictor, ball())
    with pytest.raises(InputError, match="slices 0 to 11, got 12"):
        predictor.add_click(12, 1, 1)
    with pytest.raises(PromptError, match="outside"):
        predictor.add_click(5, 48, 1)
    predictor.add_click(5, 24, 20)
    for direction, to in (("both", 7), ("forward", 5), ("forward", 12), ("backward", 6), ("up", None)):
        with pytest.raises(InputError):
            predictor.propagate(5, direction, to=to)
    mask = RunLengthMask.encode(ball()[5])
    with pytest.raises(InputError, match="follow one another"):
        list(propagate(pipeline, predictor.frame, mask, 5, range(7, 9)))
    with pytest.raises(InputError, match="cannot go"):
        carry(pipeline, predictor.frame(5), Looks.of(predictor.frame(5), mask), RunLengthMask.empty(SHAPE[1:]), 5)


def test_logits_give_the_mask_and_quality_is_a_probability(predictor, pipeline):
    opened(predictor, ball())
    mask = RunLengthMask.encode(ball()[5])
    carried = carry(pipeline, predictor.frame(6), Looks.of(predictor.frame(5), mask), mask, 6)
    assert carried.logits.run_lengths(SHAPE[1:], pipeline.threshold_logit) == carried.mask
    assert 0 <= carried.quality <= 1
    shared, union = (ball()[5] & ball()[6]).sum(), (ball()[5] | ball()[6]).sum()
    assert carried.overlap == pytest.approx(shared / union)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (StopRules(least_pixels=10_000), SMALL),
        (StopRules(least_overlap=1.01), JUMP),
        (StopRules(least_quality=1.01), UNSURE),
        (StopRules(least_likeness=1.01), UNLIKE),
        (StopRules(0, 0, 0, 0), None),
    ],
)
def test_each_rule_stops(predictor, pipeline, rules, reason):
    opened(predictor, ball())
    carried = carried_to_6(predictor, pipeline)
    assert reason_to_stop(carried, rules) == reason


def test_an_empty_mask_has_vanished(predictor, pipeline):
    opened(predictor, ball())
    carried = carried_to_6(predictor, pipeline)
    gone = type(carried)(6, RunLengthMask.empty(SHAPE[1:]), carried.logits, 1.0, 0.0, 0.0)
    assert reason_to_stop(gone, StopRules()) == VANISHED
    assert "nothing is left" in Ended(VANISHED, 6).sentence


def test_looks_tell_an_object_from_what_is_round_it(predictor):
    opened(predictor, ball())
    mask = RunLengthMask.encode(ball()[5])
    looks = Looks.of(predictor.frame(5), mask)
    grey = predictor.frame(5).pixels[:, :, 0]
    assert (looks(grey)[ball()[5]] > 0).mean() > 0.9
    assert (looks(grey)[~ball()[5]] < 0).mean() > 0.9
    everything = RunLengthMask.encode(np.ones(SHAPE[1:], bool))
    assert not Looks.of(predictor.frame(5), everything)(grey).any()
