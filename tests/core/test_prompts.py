from __future__ import annotations

import math

import numpy as np
import pytest

from clickmask.core.errors import PromptError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompts, map_clicks

MASK = RunLengthMask.encode(np.eye(3, dtype=bool))


def test_adding_gives_a_new_value_in_order() -> None:
    start = Prompts()
    one = start.add(Click(1, 2))
    three = one.add(Box(0, 0, 2, 2)).add(Click(3, 4, positive=False))
    assert len(start) == 0
    assert len(one) == 1
    assert [type(p) for p in three] == [Click, Box, Click]


def test_the_newest_of_each_kind_counts() -> None:
    other = RunLengthMask.empty((3, 3))
    prompts = Prompts(
        (MaskPrompt(MASK), Box(0, 0, 1, 1), Click(1, 2), Box(0, 0, 2, 2), Click(3, 4, False), MaskPrompt(other))
    )
    assert prompts.clicks == (Click(1, 2), Click(3, 4, False))
    assert prompts.last_click == Click(3, 4, False)
    assert prompts.box == Box(0, 0, 2, 2)
    assert prompts.initial_mask is other
    assert Prompts().last_click is None
    assert Prompts().box is None
    assert Prompts().initial_mask is None


def test_points_of_one_sign_are_an_array_even_without_any() -> None:
    prompts = Prompts((Click(1, 2), Click(3, 4, False), Click(5, 6)))
    assert prompts.points_xy(positive=True).tolist() == [[1, 2], [5, 6]]
    assert prompts.points_xy(positive=False).tolist() == [[3, 4]]
    assert Prompts().points_xy(positive=True).shape == (0, 2)


def test_clicks_move_and_keep_their_sign() -> None:
    moved = map_clicks((Click(1, 2), Click(3, 4, False)), np.array([[10.0, 20.0], [30.0, 40.0]]))
    assert moved == (Click(10, 20), Click(30, 40, False))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_coordinates_are_finite(bad: float) -> None:
    with pytest.raises(PromptError, match="A click needs finite coordinates, got"):
        Click(bad, 1)
    with pytest.raises(PromptError, match="A click needs finite coordinates, got"):
        Click(1, bad)
    with pytest.raises(PromptError, match="A box needs finite coordinates, got"):
        Box(0, 0, bad, 1)


@pytest.mark.parametrize("corners", [(1, 0, 1, 2), (2, 0, 1, 2), (0, 3, 1, 3)])
def test_a_box_has_an_inside(corners: tuple[float, float, float, float]) -> None:
    with pytest.raises(PromptError, match="X0 < X1 and Y0 < Y1"):
        Box(*corners)
