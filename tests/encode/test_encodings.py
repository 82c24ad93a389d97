"""What every encoding keeps, and the constants of each as its paper or its authors' code has them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.prompts import Box, Click, Prompts
from clickmask.encode import ENCODINGS
from clickmask.encode.disk_mask import DiskMask
from clickmask.encode.edge_disks import EdgeDisks, edge_of
from clickmask.encode.fca_gaussian import FcaGaussian
from clickmask.encode.itis_gaussian import ItisGaussian
from clickmask.encode.tanh_distance import TanhDistance
from clickmask.encode.truncated_distance import TruncatedDistance

SIZE_HW = (40, 56)
HERE, THERE = Click(10.5, 6.5), Click(40.5, 30.5, positive=False)


def distance_to(click: Click) -> np.ndarray:
    rows, columns = np.indices(SIZE_HW) + 0.5
    return np.hypot(rows - click.y, columns - click.x)


@pytest.mark.parametrize("name", ENCODINGS.names())
@given(st.lists(st.tuples(st.floats(-20, 80), st.floats(-20, 80), st.booleans()), max_size=4))
def test_maps_are_what_the_encoding_declares(name: str, clicks: list[tuple[float, float, bool]]) -> None:
    encoding = ENCODINGS.get(name)()
    previous = np.random.default_rng(0).normal(0, 30, SIZE_HW).astype(np.float32)
    maps = encoding.encode(Prompts(tuple(Click(*c) for c in clicks)), previous, SIZE_HW)
    assert (maps.shape, maps.dtype) == ((encoding.channels, *SIZE_HW), np.dtype(np.float32))
    assert maps.min() >= 0 and maps.max() <= 1


@pytest.mark.parametrize("name", ENCODINGS.names())
def test_the_previous_answer_is_seen_exactly_where_it_is_declared(name: str) -> None:
    encoding = ENCODINGS.get(name)()
    previous = np.random.default_rng(0).normal(0, 3, SIZE_HW).astype(np.float32)
    with_it, without = (encoding.encode(Prompts((HERE,)), p, SIZE_HW) for p in (previous, None))
    if encoding.feedback is None:
        assert np.array_equal(with_it, without)
    else:
        np.testing.assert_allclose(with_it[0], 1 / (1 + np.exp(-previous)), rtol=1e-5)
        assert not without[0].any()
        assert np.array_equal(with_it[1:], without[1:])


@pytest.mark.parametrize("name", ENCODINGS.names())
def test_the_order_of_clicks_after_the_first_does_not_matter(name: str) -> None:
    encoding = ENCODINGS.get(name)()
    later = (THERE, Click(20.2, 9.1), Click(5.0, 33.0, positive=False))
    maps = [encoding.encode(Prompts((HERE, *order)), None, SIZE_HW) for order in (later, later[::-1])]
    assert np.array_equal(*maps)


def test_disks_of_fixed_radius() -> None:
    mask, positive, negative = DiskMask(radius=3).encode(Prompts((HERE, THERE)), None, SIZE_HW)
    assert not mask.any()
    assert np.array_equal(positive, distance_to(HERE) <= 3)
    assert np.array_equal(negative, distance_to(THERE) <= 3)
    alone = DiskMask(radius=3, previous=False)
    assert (alone.channels, alone.feedback) == (2, None)
    assert np.array_equal(alone.encode(Prompts((HERE, THERE)), None, SIZE_HW), [positive, negative])


@pytest.mark.parametrize("encoding", [DiskMask(), ItisGaussian()])
def test_a_box_before_any_mask_is_a_mask_of_doubt(encoding: DiskMask | ItisGaussian) -> None:
    (mask, *_) = encoding.encode(Prompts((Box(2, 3, 10, 8),)), None, SIZE_HW)
    assert (mask[3:8, 2:10] == 0.5).all()
    assert mask.sum() == 20


def test_dios_distances_are_cut_at_the_limit_and_at_it_without_a_click() -> None:
    positive, negative = TruncatedDistance(limit=20).encode(Prompts((HERE,)), None, SIZE_HW)
    np.testing.assert_allclose(positive, np.minimum(distance_to(HERE), 20) / 20, rtol=1e-6)
    assert (negative == 1).all()
    assert TruncatedDistance().limit == 255


def test_fbrs_distances_saturate() -> None:
    positive, negative = TanhDistance().encode(Prompts((HERE,)), None, SIZE_HW)
    np.testing.assert_allclose(positive, np.tanh(2 * distance_to(HERE) / 260), rtol=1e-5)
    assert (negative == 1).all()


def test_itis_gaussians_have_the_published_peak_and_floor() -> None:
    _, positive, negative = ItisGaussian().encode(Prompts((HERE,)), None, SIZE_HW)
    near = distance_to(HERE) <= 20
    density = np.exp(-(distance_to(HERE) ** 2) / 200) / (10 * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(positive[near], 25 * density[near], rtol=1e-5)
    assert positive.max() == pytest.approx(0.997, abs=1e-3)
    np.testing.assert_allclose(positive[~near], 0.135, atol=1e-3)
    assert (negative == positive.min()).all()


def test_fca_gives_the_first_positive_click_a_wide_gaussian_of_its_own() -> None:
    later = Click(50.5, 20.5)
    positive, negative, first = FcaGaussian().encode(Prompts((THERE, HERE, later)), None, SIZE_HW)
    nearest = np.minimum(distance_to(HERE), distance_to(later))
    np.testing.assert_allclose(positive, np.exp(-4 * math.log(2) * nearest**2 / 100), rtol=2e-4, atol=1e-7)
    np.testing.assert_allclose(first, np.exp(-4 * math.log(2) * distance_to(HERE) ** 2 / 900), rtol=2e-4, atol=1e-7)
    assert first[6, 10] == positive[6, 10] == negative[30, 40] == 1
    assert first[6, 10 + 15] == pytest.approx(0.5)  # half its height at half its width
    assert not FcaGaussian().encode(Prompts((THERE,)), None, SIZE_HW)[[0, 2]].any()


def test_edgeflow_sees_the_edge_and_disks() -> None:
    edge = np.full(SIZE_HW, -9, np.float32)
    edge[4:7] = 9
    maps = EdgeDisks(radius=3).encode(Prompts((HERE, THERE)), edge, SIZE_HW)
    assert (maps[0] > 0.5).sum() == 3 * SIZE_HW[1]
    assert np.array_equal(maps[1:], DiskMask(radius=3, previous=False).encode(Prompts((HERE, THERE)), None, SIZE_HW))
    assert EdgeDisks.feedback == "edge"


def test_an_edge_lies_on_both_sides_of_the_boundary_but_not_along_the_border() -> None:
    mask = np.zeros((20, 30), dtype=bool)
    mask[5:, 10:20] = True  # leaves the image at the bottom
    edge = edge_of(mask, width=2)
    assert np.array_equal(np.flatnonzero(edge[12]), [8, 9, 10, 11, 18, 19, 20, 21])
    assert np.array_equal(edge[19], edge[12])
    assert np.array_equal(np.flatnonzero(edge[:, 15]), [3, 4, 5, 6])
    assert not edge_of(np.zeros((5, 5), dtype=bool)).any()
    assert not edge_of(np.ones((5, 5), dtype=bool)).any()
