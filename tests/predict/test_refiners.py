from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from clickmask.core.frames import Frame, LogitMap, whole
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompt, Prompts
from clickmask.core.protocols import Request, Result
from clickmask.predict.cascade import Cascade, cascade, changed_pixels
from clickmask.predict.connected import connected_to_clicks
from clickmask.predict.merge import LATE_CLICKS, PROGRESSIVE_MERGE
from clickmask.predict.pixel_diffusion import PixelDiffusion, affinities, diffuse
from clickmask.predict.stage import StageContext

from .toy import ToyBackend, picture

SIZE_HW = (24, 30)


def request(*prompts: Prompt, image: np.ndarray | None = None) -> Request:
    return Request(Frame.of(np.zeros((*SIZE_HW, 3), np.uint8) if image is None else image), Prompts(prompts))


def answer(values: np.ndarray) -> LogitMap:
    return LogitMap(values.astype(np.float32), whole((values.shape[0], values.shape[1])))


def random_answer(rng: np.random.Generator) -> LogitMap:
    return answer(40 * ndimage.gaussian_filter(rng.normal(size=SIZE_HW), 2))


# connected to clicks


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, -0.04, 1.5]))
def test_only_parts_with_a_positive_click_stay(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    given_ = random_answer(rng)
    clicks = [Click(rng.uniform(0, 30), rng.uniform(0, 24), bool(rng.random() < 0.7)) for _ in range(3)]
    step = connected_to_clicks(threshold)(lambda _: Result(given_))
    before = given_.mask(SIZE_HW, threshold)
    after = step(request(*clicks)).logits.mask(SIZE_HW, threshold)
    labels, _ = ndimage.label(before)  # 4-connected
    clicked = {labels[int(c.y), int(c.x)] for c in clicks if c.positive} - {0}
    assert np.array_equal(after, np.isin(labels, list(clicked)) if clicked else before)


def test_a_diagonal_touch_does_not_connect() -> None:
    values = np.full(SIZE_HW, -3.0)
    values[2:5, 2:5] = values[5:8, 5:8] = 3.0
    step = connected_to_clicks()(lambda _: Result(answer(values)))
    assert step(request(Click(3.5, 3.5))).logits.mask(SIZE_HW).sum() == 9


def test_islands_stay_from_a_share_of_the_clicked_part_on() -> None:
    values = np.full(SIZE_HW, -3.0)
    values[2:12, 2:12] = values[20:22, 2:4] = values[14:19, 15:20] = 3.0  # 100, 4 and 25 cells
    stage = connected_to_clicks(islands=0.1)
    after = stage(lambda _: Result(answer(values)))(request(Click(3.5, 3.5))).logits.mask(SIZE_HW)
    assert after.sum() == 125 and not after[20:22, 2:4].any()


def test_parts_are_those_of_the_grid_wherever_it_lies() -> None:
    values = np.full((10, 10), -3.0, np.float32)
    values[1:4, 1:4] = values[6:9, 6:9] = 3.0
    placed = LogitMap(values, (5.0, 4.0, 25.0, 24.0))
    step = connected_to_clicks()(lambda _: Result(placed))
    kept = step(request(Click(10, 9))).logits
    assert kept.box_xyxy == placed.box_xyxy
    assert (kept.values > 0).sum() == 9 and (kept.values[1:4, 1:4] > 0).all()


@pytest.mark.parametrize("prompts", [[Box(1, 1, 9, 9)], [MaskPrompt(RunLengthMask.empty(SIZE_HW)), Click(3.5, 3.5)]])
def test_boxes_alone_and_corrections_of_masks_pass_unchanged(prompts: list[Prompt]) -> None:
    given_ = random_answer(np.random.default_rng(0))
    assert connected_to_clicks()(lambda _: Result(given_))(request(*prompts)).logits is given_


# cascade


@dataclass
class Settling:
    """A network whose answer grows by one column a pass until `width`; it counts its passes."""

    width: int
    asked: list[LogitMap | None] = field(default_factory=list)

    def __call__(self, request: Request) -> Result:
        self.asked.append(request.previous)
        grown = 1 if request.previous is None else int((request.previous.values[0] > 0).sum()) + 1
        values = np.where(np.arange(30) < min(grown, self.width), 4.0, -4.0)
        passes = int(request.memo.get("passes", 0)) + 1
        return Result(answer(np.broadcast_to(values, SIZE_HW)), {"passes": passes})


def test_a_pass_that_changes_little_is_the_last() -> None:
    network = Settling(width=3)
    result = cascade(Cascade(settled_pixels=20))(network)(request(Click(1, 1)))
    assert len(network.asked) == 4  # three columns of 24 pixels, and the pass that adds none
    assert result.memo == {"passes": 4}
    assert result.logits.mask(SIZE_HW).sum() == 3 * 24
    assert all(before is not None for before in network.asked[1:])


def test_settled_counts_pixels() -> None:
    network = Settling(width=20)
    cascade(Cascade(settled_pixels=24))(network)(request(Click(1, 1)))
    assert len(network.asked) == 2


def test_at_most_the_published_four_further_passes() -> None:
    network = Settling(width=30)
    cascade(Cascade())(network)(request(Click(1, 1)))
    assert len(network.asked) == 5


def test_only_the_first_click_is_repeated_unless_told() -> None:
    for clicks, passes in ((1, 1), (None, 5)):
        network = Settling(width=30)
        cascade(Cascade(clicks=clicks))(network)(request(Click(1, 1), Click(2, 2)))
        assert len(network.asked) == passes


def test_another_grid_counts_as_changed() -> None:
    one, other = answer(np.ones((4, 5))), LogitMap(np.ones((4, 5), np.float32), (1.0, 0.0, 6.0, 4.0))
    assert changed_pixels(one, one, 0) == 0
    assert changed_pixels(one, other, 0) == 20


# pixel diffusion


def test_affinities_are_averages_that_stop_at_edges() -> None:
    image = np.full((*SIZE_HW, 3), 40, np.uint8)
    image[:, 15:] = 200
    weights = affinities(PixelDiffusion(dilations=(1,)), image)
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-5)
    right = 4  # the neighbour (0, 1) of eight in row-major order
    assert weights[right, 10, 14] < 1e-3  # across the edge
    np.testing.assert_allclose(weights[:, 10, 5], 1 / 8, atol=1e-5)  # in the plain


def test_undecided_pixels_take_the_side_of_their_colour() -> None:
    image = np.full((*SIZE_HW, 3), 40, np.uint8)
    image[:, 15:] = 200
    values = np.full(SIZE_HW, -4.0)
    values[:, :10], values[:, 10:15] = 4.0, -0.2
    out = diffuse(PixelDiffusion(), answer(values), request(Click(3.5, 3.5), image=image), 0.0)
    assert np.array_equal(out.mask(SIZE_HW), image[..., 0] == 40)


def test_clicks_are_sources() -> None:
    plain = np.full((*SIZE_HW, 3), 90, np.uint8)
    values = np.zeros(SIZE_HW)  # the network says nothing
    for positive in (True, False):
        out = diffuse(PixelDiffusion(), answer(values), request(Click(9.5, 7.5, positive), image=plain), 0.0)
        assert (out.values[6:9, 8:11] * (1 if positive else -1) > 0).all()


@pytest.mark.parametrize("threshold", [0.0, 0.8, -0.04])
def test_the_threshold_stays_where_it_was(threshold: float) -> None:
    """Where all neighbours agree, the answer keeps its sign against the pipeline's own threshold."""
    for side in (-1.0, 1.0):
        out = diffuse(PixelDiffusion(), answer(np.full(SIZE_HW, threshold + side)), request(), threshold)
        assert ((out.values > threshold) == (side > 0)).all()
        assert np.isfinite(out.values).all()


def test_diffusion_follows_the_crop_that_the_answer_covers() -> None:
    logits = LogitMap(np.ones((12, 15), np.float32), (6.0, 4.0, 26.0, 20.0))
    out = diffuse(PixelDiffusion(), logits, request(Click(1, 1, False), image=picture(SIZE_HW)), 0.0)
    assert out.box_xyxy == logits.box_xyxy and out.values.shape == (12, 15)
    assert (out.values > 0).all()  # the negative click lies outside the crop


# progressive merge, asked for by name


def test_late_clicks_change_only_what_they_ask_for() -> None:
    rng = np.random.default_rng(1)
    stage = PROGRESSIVE_MERGE.make(StageContext(ToyBackend()))
    for count in (LATE_CLICKS, LATE_CLICKS + 1):
        before, after = random_answer(rng), random_answer(rng)
        clicks = [Click(i + 0.5, 3.5) for i in range(count)]
        asked = Request(Frame.of(np.zeros((*SIZE_HW, 3), np.uint8)), Prompts(tuple(clicks)), before)
        mask = stage(lambda _, after=after: Result(after))(asked).logits.mask(SIZE_HW)
        if count == LATE_CLICKS:
            assert np.array_equal(mask, after.mask(SIZE_HW))
        else:
            gained = mask & ~before.mask(SIZE_HW)
            assert not (before.mask(SIZE_HW) & ~mask).any()
            assert ndimage.label(gained, np.ones((3, 3)))[1] <= 1
