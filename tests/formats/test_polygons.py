from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as reference

from clickmask.formats.polygons import Ring, center_rings, edge_rings, fill_center, fill_edge

from .golden import GOLDEN
from .strategies import masks

SQUARE = np.array([[1, 1], [4, 1], [4, 4], [1, 4]], dtype=np.float64)


def listed(rings: tuple[Ring, ...]) -> list[list[tuple[int, int]]]:
    return [[(int(x), int(y)) for x, y in ring] for ring in rings]


def turn(ring: Ring) -> float:
    """Twice the signed area; positive turns clockwise on the screen, where y points down."""
    x, y = ring[:, 0], ring[:, 1]
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def test_the_golden_mask_along_pixel_edges() -> None:
    rings = edge_rings(GOLDEN)
    assert listed(rings.outer) == [[(1, 1), (1, 4), (4, 4), (4, 1)], [(5, 3), (5, 5), (6, 5), (6, 3)]]
    assert listed(rings.holes) == [[(2, 2), (3, 2), (3, 3), (2, 3)]]


def test_the_golden_mask_through_pixel_centres() -> None:
    rings = center_rings(GOLDEN)
    assert sorted(map(sorted, listed(rings.outer))) == [[(1, 1), (1, 3), (3, 1), (3, 3)], [(5, 3), (5, 4)]]
    assert sorted(listed(rings.holes)[0]) == [(1, 2), (2, 1), (2, 3), (3, 2)]


def test_one_polygon_holds_9_or_16_pixels_by_convention() -> None:
    by_edge, by_center = fill_edge([SQUARE], (6, 6)), fill_center([SQUARE], (6, 6))
    assert by_edge.sum() == 9 and by_edge[1:4, 1:4].all()
    assert by_center.sum() == 16 and by_center[1:5, 1:5].all()


@given(masks())
def test_edge_rings_hold_exactly_the_mask(mask: NDArray[np.bool_]) -> None:
    rings = edge_rings(mask)
    depth = sum(
        (fill_edge([r], mask.shape).astype(int) for r in (*rings.outer, *rings.holes)), np.zeros(mask.shape, int)
    )
    np.testing.assert_array_equal(depth % 2 == 1, mask)


@given(masks())
def test_outer_rings_and_holes_turn_opposite_ways_and_have_corners_only(mask: NDArray[np.bool_]) -> None:
    rings = edge_rings(mask)
    assert all(turn(r) < 0 for r in rings.outer) and all(turn(r) > 0 for r in rings.holes)
    for ring in (*rings.outer, *rings.holes):
        steps = np.roll(ring, -1, axis=0) - ring
        assert ((steps[:, 0] == 0) != (steps[:, 1] == 0)).all()
        assert ((steps[:, 0] == 0) != (np.roll(steps, 1, axis=0)[:, 0] == 0)).all()


points = st.tuples(st.floats(-8, 32), st.floats(-8, 32))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside pycocotools
@given(st.lists(points, min_size=3, max_size=9), st.integers(1, 24), st.integers(1, 24))
def test_filling_agrees_with_the_coco_api_on_any_polygon(
    ring: list[tuple[float, float]], height: int, width: int
) -> None:
    flat = [v for point in ring for v in point]
    expected = reference.decode(reference.frPyObjects([flat], height, width))[:, :, 0]
    np.testing.assert_array_equal(fill_edge([np.array(ring)], (height, width)), expected.astype(bool))


def test_several_rings_are_one_union() -> None:
    mask = fill_edge([SQUARE, np.add(SQUARE, (2, 0))], (6, 8))
    assert mask.sum() == 15 and mask[1:4, 1:6].all()


def test_points_and_lines_through_pixel_centres_keep_their_pixels() -> None:
    assert fill_center([np.array([[2.0, 1.0]])], (4, 4)).nonzero() == ([1], [2])
    assert fill_center([np.array([[0.0, 1.0], [3.0, 1.0]])], (4, 4)).sum() == 4


def test_a_mask_without_pixels_has_no_rings() -> None:
    nothing = np.zeros((3, 3), dtype=bool)
    assert edge_rings(nothing).outer == center_rings(nothing).outer == ()
