from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clickmask.core.check import check_box, check_click, check_image, check_mask
from clickmask.core.errors import ImageError, PromptError
from clickmask.core.prompts import Box, Click


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ([[0]], "got list. Use numpy.asarray"),
        (np.zeros((4, 5), np.uint8), r"got shape \(4, 5\) and dtype uint8. clickmask.read_image"),
        (np.zeros((4, 5, 4), np.uint8), r"got shape \(4, 5, 4\)"),
        (np.zeros((4, 5, 3), np.float32), "dtype float32"),
        (np.zeros((0, 5, 3), np.uint8), r"at least one pixel, got shape \(0, 5, 3\)"),
        (np.zeros((4, 0, 3), np.uint8), r"at least one pixel, got shape \(4, 0, 3\)"),
    ],
)
def test_images_of_another_form_are_refused(image: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        check_image(image)


def test_a_good_image_is_passed_on_as_it_is() -> None:
    image = np.zeros((1, 1, 3), np.uint8)
    assert check_image(image) is image


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((3, 4, 1), bool), r"Expected an \(H, W\) mask, got shape \(3, 4, 1\)"),
        (np.zeros((4, 3), bool), "The mask is 3 x 4 pixels but the image is 4 x 3"),
        (np.full((3, 4), np.nan), "dtype float64"),
        (np.full((3, 4), 0.3, np.float32), "dtype float32.*mask > 0.5"),
        (np.full((3, 4), "a"), "bool or integers"),
        (np.full((3, 4), None), "bool or integers"),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask: Any, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        check_mask(mask, (3, 4))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_every_non_zero_value_of_a_mask_is_object(dtype: type) -> None:
    mask = np.array([[0, 1, 2]]).astype(dtype)
    checked = check_mask(mask, (1, 3))
    assert checked.dtype == bool
    assert checked.tolist() == [[False, True, True]]


@pytest.mark.parametrize("point", [(0, 0), (3.999, 2.999)])
def test_clicks_on_the_image_pass(point: tuple[float, float]) -> None:
    assert check_click(Click(*point), (3, 4)) == Click(*point)


@pytest.mark.parametrize("point", [(4, 0), (0, 3), (-0.001, 0), (0, -0.001)])
def test_clicks_outside_are_refused(point: tuple[float, float]) -> None:
    with pytest.raises(PromptError, match=r"outside the image, which is 4 x 3 pixels: X must be in \[0, 4\)"):
        check_click(Click(*point), (3, 4))


def test_boxes_are_cut_to_the_image() -> None:
    assert check_box(Box(-5, 1, 2, 99), (3, 4)) == Box(0, 1, 2, 3)
    assert check_box(Box(0, 0, 4, 3), (3, 4)) == Box(0, 0, 4, 3)


@pytest.mark.parametrize("corners", [(4, 0, 9, 3), (-5, 0, 0, 3), (0, 3, 4, 5), (0, -2, 4, 0)])
def test_boxes_that_miss_the_image_are_refused(corners: tuple[float, float, float, float]) -> None:
    with pytest.raises(PromptError, match="lies outside the image, which is 4 x 3 pixels"):
        check_box(Box(*corners), (3, 4))
