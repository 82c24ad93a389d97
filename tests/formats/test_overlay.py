from __future__ import annotations

import numpy as np

from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt
from clickmask.formats.overlay import NEGATIVE, POSITIVE, OverlayStyle, draw_overlay

GREY = np.full((60, 80, 3), 100, np.uint8)


def mask() -> np.ndarray:
    result = np.zeros((60, 80), dtype=bool)
    result[10:40, 20:60] = True
    return result


def test_the_tint_covers_the_inside_and_leaves_the_outside() -> None:
    picture = draw_overlay(GREY, mask(), style=OverlayStyle(tint=(200, 0, 0), opacity=0.5))
    assert picture[25, 40].tolist() == [150, 50, 50]
    assert picture[50, 5].tolist() == [100, 100, 100]


def test_the_outline_is_white_inside_and_dark_outside_the_edge() -> None:
    picture = draw_overlay(GREY, mask(), style=OverlayStyle(scale=0.7))
    assert picture[10, 40].min() == 255 and picture[39, 40].min() == 255
    assert picture[9, 40].max() < 30 and picture[40, 40].max() < 30


def test_an_outline_at_the_images_border_stays_white_inside() -> None:
    picture = draw_overlay(GREY, np.ones((60, 80), dtype=bool), style=OverlayStyle(scale=0.7))
    assert picture[0, 40].min() == 255 and picture[30, 79].min() == 255


def test_clicks_differ_in_colour_form_and_sign() -> None:
    nothing = np.zeros((60, 80), dtype=bool)
    picture = draw_overlay(GREY, nothing, [Click(20.5, 30.5), Click(60.5, 30.5, positive=False)])
    assert picture[30, 20].min() == 255 and picture[30, 60].min() == 255  # both have the bar
    assert picture[27, 20].min() == 255 and picture[27, 60].tolist() == list(NEGATIVE)  # only plus has the other
    assert picture[26, 23].tolist() == list(POSITIVE)
    assert picture[24, 54].tolist() == list(NEGATIVE) and picture[24, 14].tolist() != list(POSITIVE)  # corners


def test_a_box_is_drawn_on_its_own_outermost_pixels() -> None:
    picture = draw_overlay(GREY, np.zeros((60, 80), dtype=bool), [Box(10, 10, 30, 20)])
    assert picture[10, 10].min() == 255 and picture[19, 29].min() == 255 and picture[15, 20].tolist() == [100] * 3


def test_marks_at_the_edge_and_empty_masks_do_no_harm_and_inputs_stay() -> None:
    before = GREY.copy()
    prompts = [Click(0, 0), Click(79.9, 59.9, False), MaskPrompt(RunLengthMask.empty((60, 80)))]
    assert draw_overlay(GREY, np.zeros((60, 80), dtype=bool), prompts).shape == GREY.shape
    np.testing.assert_array_equal(GREY, before)
