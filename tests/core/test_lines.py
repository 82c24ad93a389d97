from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clickmask.core.lines import (
    along_line,
    deepest_points,
    line_pixels,
    loop_box,
    loop_mask,
    stroke_box,
    stroke_mask,
)
from clickmask.formats.polygons import edge_rings

SIZE = (13, 16)
points = st.tuples(st.floats(-4, 20), st.floats(-4, 17))


def inside_by_ray(x: float, y: float, loop: list[tuple[float, float]]) -> bool:
    """Even-odd rule for one point."""
    inside = False
    for (ax, ay), (bx, by) in zip(loop, [*loop[1:], loop[0]], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside


@given(st.lists(points, min_size=1, max_size=5), st.floats(0.3, 5))
def test_a_stroke_covers_the_centres_within_its_radius(line: list, radius: float) -> None:
    box = stroke_box(line, radius, SIZE)
    drawn = np.zeros(SIZE, dtype=bool)
    drawn[box[1] : box[3], box[0] : box[2]] = stroke_mask(line, radius, box)
    for i in range(SIZE[0]):
        for j in range(SIZE[1]):
            away = min(distance((j + 0.5, i + 0.5), a, b) for a, b in zip(line, line[1:] or line, strict=False))
            if abs(away - radius) > 1e-9:
                assert drawn[i, j] == (away <= radius)


def distance(p: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    (px, py), (ax, ay), (bx, by) = p, a, b
    square = (bx - ax) ** 2 + (by - ay) ** 2
    along = 0.0 if square == 0 else max(0.0, min(1.0, ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / square))
    return math.hypot(px - ax - along * (bx - ax), py - ay - along * (by - ay))


@given(st.lists(points, min_size=3, max_size=7))
def test_a_loop_covers_the_centres_inside_it(loop: list) -> None:
    box = loop_box([loop], SIZE)
    drawn = np.zeros(SIZE, dtype=bool)
    drawn[box[1] : box[3], box[0] : box[2]] = loop_mask([loop], box)
    for i in range(SIZE[0]):
        for j in range(SIZE[1]):
            near = min(distance((j + 0.5, i + 0.5), a, b) for a, b in zip(loop, [*loop[1:], loop[0]], strict=True))
            if near > 1e-6:
                assert drawn[i, j] == inside_by_ray(j + 0.5, i + 0.5, loop)


@given(st.integers(0, 10_000))
def test_the_rings_of_a_mask_cover_exactly_the_mask(seed: int) -> None:
    mask = np.random.default_rng(seed).random(SIZE) < 0.5
    rings = edge_rings(mask)
    loops = [ring.tolist() for ring in (*rings.outer, *rings.holes)]
    assert (loop_mask(loops, (0, 0, SIZE[1], SIZE[0])) == mask).all()


def test_the_square_of_the_conventions_holds_nine_pixels() -> None:
    assert loop_mask([[(1, 1), (4, 1), (4, 4), (1, 4)]], (0, 0, 6, 6)).sum() == 9


def test_places_and_pixels_along_a_line() -> None:
    line = [(0.5, 0.5), (4.5, 0.5), (4.5, 2.5)]
    assert along_line(line, [0, 0.5, 1]) == [(0.5, 0.5), (3.5, 0.5), (4.5, 2.5)]
    assert line_pixels(line, (2, 16)) == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 4)]
    assert line_pixels([(2.5, 2.5)], (9, 9)) == [(2, 2)]


def test_the_deepest_points_lie_in_the_widest_places() -> None:
    dumbbell = [
        (0, 0),
        (10, 0),
        (10, 4),
        (30, 4),
        (30, 0),
        (38, 0),
        (38, 8),
        (30, 8),
        (30, 6),
        (10, 6),
        (10, 10),
        (0, 10),
    ]
    found = deepest_points(dumbbell, 3)
    assert len(found) == 2
    assert math.dist(found[0], (5, 5)) < 1
    assert math.dist(found[1], (34, 4)) < 1
