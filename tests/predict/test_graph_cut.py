from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from clickmask.core.frames import Crop, Frame, LogitMap, whole
from clickmask.core.prompts import Click, Prompts
from clickmask.core.protocols import Request, Result
from clickmask.predict.graph_cut import GraphCut, cut, energy_of, graph_cut, working_grid
from clickmask.predict.grid_flow import minimise

from .toy import picture


def two_fields(size_hw: tuple[int, int] = (40, 60), edge: int = 33, noise: int = 6) -> np.ndarray:
    """An image with one vertical edge."""
    rng = np.random.default_rng(0)
    image = rng.integers(100 - noise, 100 + noise, (*size_hw, 3))
    image[:, edge:] += 60
    return image.astype(np.uint8)


def slope(size_hw: tuple[int, int], edge: float, steepness: float = 0.4) -> LogitMap:
    """The object is on the left; the network is unsure round `edge`."""
    columns = np.arange(size_hw[1]) + 0.5
    values = np.broadcast_to((edge - columns) * steepness, size_hw).astype(np.float32)
    return LogitMap(values, whole(size_hw))


def asked(image: np.ndarray, *clicks: Click) -> Request:
    return Request(Frame.of(image), Prompts(clicks))


def test_the_outline_moves_to_the_edge_of_the_image() -> None:
    image = two_fields()
    answer = slope((40, 60), edge=30, steepness=0.15)
    out = cut(GraphCut(), answer, asked(image, Click(10.5, 20.5)), 0.0)
    truth = np.zeros((40, 60), bool)
    truth[:, :33] = True
    assert not np.array_equal(answer.mask((40, 60)), truth)
    assert np.array_equal(out.mask((40, 60)), truth)


def test_the_network_is_believed_where_the_image_is_plain() -> None:
    answer = slope((40, 60), edge=30)
    out = cut(GraphCut(), answer, asked(np.full((40, 60, 3), 90, np.uint8), Click(10.5, 20.5)), 0.0)
    assert np.array_equal(out.mask((40, 60)), answer.mask((40, 60)))
    np.testing.assert_array_equal(out.values, answer.values)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.6, -0.04]), st.sampled_from([0.0, 1.0, 2.5]))
def test_clicked_pixels_have_their_label(seed: int, threshold: float, radius: float) -> None:
    rng = np.random.default_rng(seed)
    image = picture((37, 41), seed % 7)
    values = 3 * ndimage.gaussian_filter(rng.normal(size=(37, 41)), 3) / 0.1
    clicks = [Click(rng.uniform(0, 41), rng.uniform(0, 37), bool(rng.random() < 0.5)) for _ in range(5)]
    answer = LogitMap(values.astype(np.float32), whole((37, 41)))
    if not (answer.values > threshold).any():
        return
    mask = cut(GraphCut(click_radius=radius), answer, asked(image, *clicks), threshold).mask((37, 41), threshold)
    newest = {(int(c.y), int(c.x)): c.positive for c in clicks}
    assert all(mask[place] == positive for place, positive in newest.items())


def test_the_cut_is_the_minimum_and_the_answer_stays_soft() -> None:
    image, answer = two_fields(noise=40), slope((40, 60), edge=30, steepness=0.1)
    chosen = GraphCut(band=1e9)
    out = cut(chosen, answer, asked(image), 0.0)
    labels = out.values > 0
    energy = energy_of(image, answer.values, chosen.strength)
    assert np.array_equal(minimise(energy), labels)
    assert energy.value(labels) < energy.value(answer.values > 0)
    agreeing = labels == (answer.values > 0)
    np.testing.assert_array_equal(out.values[agreeing], answer.values[agreeing])
    assert (~agreeing).any() and set(out.values[~agreeing].tolist()) <= {1.0, -1.0}


def test_it_works_at_the_image_s_resolution_where_it_can() -> None:
    logits = LogitMap(np.ones((32, 32), np.float32), (10.0, 20.0, 410.0, 220.0))
    assert working_grid(GraphCut(), logits, (300, 400)) == Crop((10.0, 20.0, 400.0, 220.0), (200, 390))
    small = working_grid(GraphCut(max_pixels=10_000), logits, (300, 400))
    assert small.box_xyxy == (10.0, 20.0, 400.0, 220.0)
    assert 9_000 < small.size_hw[0] * small.size_hw[1] <= 10_000
    out = cut(GraphCut(max_pixels=10_000), logits, asked(picture((300, 400)), Click(50, 50)), 0.0)
    assert out.values.shape == small.size_hw and out.box_xyxy == small.box_xyxy


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 9), (9, 1), (2, 2)])
@pytest.mark.parametrize("value", [-3.0, 3.0])
def test_tiny_frames_and_one_sided_answers(size_hw: tuple[int, int], value: float) -> None:
    answer = LogitMap(np.full((4, 4), value, np.float32), whole(size_hw))
    out = cut(GraphCut(), answer, asked(np.zeros((*size_hw, 3), np.uint8)), 0.0)
    assert out.mask(size_hw).all() == (value > 0)


def test_pixels_far_from_the_outline_are_held() -> None:
    """A bright dot in the object is an edge of the image, but not near the outline of the answer."""
    image = two_fields((60, 60), edge=45)
    image[10, 10] = 255
    values = slope((60, 60), edge=45, steepness=3).values.copy()
    values[10, 10] = -0.1
    out = cut(GraphCut(band=4), LogitMap(values, whole((60, 60))), asked(image), 0.0)
    assert not out.mask((60, 60))[30, 50] and out.mask((60, 60))[30, 5]


def test_through_the_stage_the_memo_travels() -> None:
    answer = slope((40, 60), 30)
    step = graph_cut(GraphCut())(lambda request: Result(answer, {"inner": 1}))
    assert step(asked(two_fields(), Click(3, 3))).memo == {"inner": 1}
