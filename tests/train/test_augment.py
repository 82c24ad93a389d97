"""Crops, colours and pasting: the label stays with the image, whatever happens to it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from clickmask.train.augment import IGNORE, Augmentation, crop_sample, paste, recolour

STILL = Augmentation(turn_probability=0.0)
TURNING = Augmentation(turn_probability=1.0)
AROUND = replace(STILL, crop_kinds=(1.0, 0.0, 0.0))
WIDE = replace(STILL, crop_kinds=(0.0, 1.0, 0.0))
INSIDE = replace(STILL, crop_kinds=(0.0, 0.0, 1.0))


def painted(seed: int, size_hw: tuple[int, int] = (300, 400)) -> tuple[np.ndarray, np.ndarray]:
    """A smooth blob as label, and the same blob as brightness: 0 or 255 in all channels."""
    rng = np.random.default_rng(seed)
    height, width = size_hw
    label = np.zeros(size_hw, np.uint8)
    centre = (int(rng.uniform(0.3, 0.7) * width), int(rng.uniform(0.3, 0.7) * height))
    axes = (int(rng.uniform(0.1, 0.3) * width), int(rng.uniform(0.1, 0.3) * height))
    cv2.ellipse(label, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return np.repeat(label[:, :, None] * 255, 3, axis=2), label


@pytest.mark.parametrize("settings", [AROUND, WIDE, INSIDE, TURNING], ids=["around", "wide", "inside", "turned"])
@pytest.mark.parametrize("side", [64, 128, 256])
def test_label_and_image_stay_together(settings: Augmentation, side: int) -> None:
    offsets = []
    for seed in range(25):
        image, label = painted(seed)
        out, out_label = crop_sample(image, label, side, settings, np.random.default_rng(seed))
        assert out.shape == (side, side, 3) and out_label.shape == (side, side)
        seen = out_label != IGNORE
        bright = out[..., 0].astype(float) / 255
        truth = (out_label == 1).astype(float)
        # only pixels on the edge itself, which one of the two cuts and the other blurs, may differ
        wrong = np.count_nonzero(np.abs(bright - truth)[seen] > 0.75)
        assert wrong <= 0.1 * _edge_length(truth), f"seed {seed}"
        offsets.append((bright - truth)[seen].sum() / max(_edge_length(truth), 1))
    assert abs(np.mean(offsets)) < 0.03, "the label is larger or smaller than the object, in pixels"


@pytest.mark.parametrize("size_hw", [(300, 400), (960, 1280)])
@pytest.mark.parametrize("side", [64, 128])
def test_label_is_not_shifted_against_the_image(size_hw: tuple[int, int], side: int) -> None:
    shifts = []
    for seed in range(12):
        image, label = painted(seed, size_hw)
        rng = np.random.default_rng(seed)
        out, out_label = crop_sample(image, label, side, WIDE, rng)
        bright, truth = out[..., 0] / 255.0, (out_label == 1).astype(float)
        rows = np.arange(side)[:, None]
        # vertical, since a flip would turn a shift in the other direction round
        shifts.append((bright * rows).sum() / bright.sum() - (truth * rows).sum() / truth.sum())
    assert abs(np.mean(shifts)) < 0.06, "pixels"


def _edge_length(truth: np.ndarray) -> float:
    return float(np.abs(np.diff(truth, axis=0)).sum() + np.abs(np.diff(truth, axis=1)).sum())


def test_what_lies_outside_the_photograph_is_ignored() -> None:
    image, label = painted(1)
    label[:] = 0
    label[:40, :40] = 1  # in the corner, and turned: parts of the crop lie outside
    settings = replace(TURNING, crop_kinds=(0.0, 1.0, 0.0), turn_degrees=20.0)
    found = 0
    for seed in range(20):
        _, out_label = crop_sample(image, label, 64, settings, np.random.default_rng(seed))
        found += np.count_nonzero(out_label == IGNORE)
        assert set(np.unique(out_label)) <= {0, 1, IGNORE}
    assert found > 0


def test_ignored_pixels_of_the_label_stay_ignored() -> None:
    image, label = painted(2)
    label[:, 200:] = IGNORE
    _, out_label = crop_sample(image, label, 128, WIDE, np.random.default_rng(0))
    assert (out_label == IGNORE).mean() > 0.2


@pytest.mark.parametrize("size_hw", [(8, 9), (20, 40), (20, 400), (31, 31)])
def test_photographs_smaller_than_the_crop(size_hw: tuple[int, int]) -> None:
    image = np.zeros((*size_hw, 3), np.uint8)
    label = np.ones(size_hw, np.uint8)
    for seed in range(30):
        out, out_label = crop_sample(image, label, 64, Augmentation(), np.random.default_rng(seed))
        assert out.shape == (64, 64, 3)
        assert (out_label == 1).mean() > 0.15


def test_object_of_one_pixel_and_object_that_fills_the_photograph() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    dot = np.zeros((200, 300), np.uint8)
    dot[70, 90] = 1
    _, cropped = crop_sample(image, dot, 64, AROUND, np.random.default_rng(0))
    assert (cropped == 1).sum() >= 4, "a crop of at least 24 pixels shows a pixel larger"
    _, cropped = crop_sample(image, np.ones((200, 300), np.uint8), 64, STILL, np.random.default_rng(0))
    assert (cropped == 1).all()


def test_crop_is_determined_by_its_generator() -> None:
    image, label = painted(3)
    first, again, other = (
        crop_sample(image, label, 64, Augmentation(), np.random.default_rng(seed))[0] for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_recolouring_keeps_shape_and_leaves_the_argument_alone() -> None:
    image, _ = painted(4, (40, 60))
    before = image.copy()
    always = Augmentation(
        colour_probability=1.0, blur_probability=1.0, noise_probability=1.0, jpeg_probability=1.0, grey_probability=1.0
    )
    out = recolour(image, always, np.random.default_rng(0))
    assert out.shape == image.shape and out.dtype == np.uint8
    assert np.array_equal(image, before) and not np.array_equal(out, image)


def test_pasted_object_is_where_its_mask_says() -> None:
    ground = np.zeros((120, 160, 3), np.uint8)
    cutout, alpha = painted(5, (90, 70))
    for seed in range(20):
        out, mask = paste(ground, cutout, alpha.astype(bool), np.random.default_rng(seed))
        assert not ground.any(), "the ground itself is not painted on"
        assert np.mean((out[..., 0] > 127) != mask) < 0.02
        assert 0.04 < mask.mean() < 0.75


@pytest.mark.parametrize("ground_hw", [(2, 300), (5, 5), (300, 3)])
def test_pasting_onto_a_sliver(ground_hw: tuple[int, int]) -> None:
    cutout, alpha = painted(5, (90, 70))
    out, mask = paste(np.zeros((*ground_hw, 3), np.uint8), cutout, alpha.astype(bool), np.random.default_rng(0))
    assert out.shape[:2] == mask.shape == ground_hw
