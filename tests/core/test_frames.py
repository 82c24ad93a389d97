from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clickmask.core.frames import OUTSIDE_LOGIT, Crop, Frame, LogitMap, halved, whole
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompts

from .reference import bilinear, centres, sampled

CORNERS = st.floats(-50, 50, allow_subnormal=False)
LENGTHS = st.floats(1, 200)
SIDES = st.integers(1, 40)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def crops(draw: st.DrawFn) -> Crop:
    x, y = draw(CORNERS), draw(CORNERS)
    return Crop((x, y, x + draw(LENGTHS), y + draw(LENGTHS)), (draw(SIDES), draw(SIDES)))


@st.composite
def logit_maps(draw: st.DrawFn) -> LogitMap:
    """Random logits over a box of a 37 x 29 frame, finer or coarser than its pixels, also over its edge."""
    whole_pixels = draw(st.booleans())
    x0, y0 = draw(st.floats(-6, 25)), draw(st.floats(-6, 25))
    box = (x0, y0, x0 + draw(st.floats(1.5, 40)), y0 + draw(st.floats(1.5, 40)))
    if whole_pixels:
        box = tuple(float(round(v)) for v in box)  # type: ignore[assignment]
    rng = np.random.default_rng(draw(SEEDS))
    values = rng.normal(-1, 3, (draw(st.integers(1, 24)), draw(st.integers(1, 24))))
    return LogitMap(values.astype(np.float32), box)


def photograph(size_hw: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Smooth colours, so that resampling filters hardly differ."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 6, 3)).astype(np.uint8)
    return cv2.resize(coarse, size_hw[::-1], interpolation=cv2.INTER_CUBIC)


# crops of points and prompts


@given(crops(), hnp.arrays(np.float64, (4, 2), elements=st.floats(-300, 300)))
def test_points_come_back_from_a_crop(crop: Crop, points: np.ndarray) -> None:
    np.testing.assert_allclose(crop.to_source_xy(crop.to_crop_xy(points)), points, atol=1e-9)


@given(crops())
def test_corners_of_the_box_are_corners_of_the_crop(crop: Crop) -> None:
    corners = np.array(crop.box_xyxy).reshape(2, 2)
    expected = [[0, 0], [crop.size_hw[1], crop.size_hw[0]]]
    np.testing.assert_allclose(crop.to_crop_xy(corners), expected, atol=1e-9)


def test_prompts_travel_into_a_crop() -> None:
    crop = Crop((10.0, 20.0, 20.0, 40.0), (40, 40))
    mask = RunLengthMask.empty((50, 50))
    prompts = Prompts((MaskPrompt(mask), Click(10.5, 20.5), Box(11, 22, 13, 30), Click(0, 0, positive=False)))
    assert crop.prompts_to_crop(prompts).items == (Click(2, 1), Box(4, 4, 12, 20), Click(-40, -40, positive=False))


# images


@pytest.mark.parametrize("size_hw", [(8, 6), (9, 6), (8, 7), (9, 7), (1, 1), (1, 5), (6, 1)])
def test_halving_takes_means_of_two_by_two_and_odd_edges_twice(size_hw: tuple[int, int]) -> None:
    image = np.random.default_rng(3).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    even = np.pad(image, ((0, size_hw[0] % 2), (0, size_hw[1] % 2), (0, 0)), mode="edge").astype(int)
    sums = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    np.testing.assert_array_equal(halved(image), (sums + 2) // 4)


def test_levels_halve_until_the_shorter_side_is_small() -> None:
    sizes = [level.shape[:2] for level in Frame.of(np.zeros((2100, 4101, 3), np.uint8)).levels]
    assert sizes == [(2100, 4101), (1050, 2051), (525, 1026)]
    assert len(Frame.of(np.zeros((1023, 5000, 3), np.uint8)).levels) == 1
    assert len(Frame.of(np.zeros((40, 60, 3), np.uint8), smallest=10).levels) == 3


@pytest.mark.parametrize(
    ("box", "size", "level"),
    [
        ((0, 0, 400, 400), 400, 0),
        ((0, 0, 100, 100), 400, 0),
        ((0, 0, 400, 400), 201, 0),
        ((0, 0, 400, 400), 200, 1),
        ((0, 0, 400, 400), 101, 1),
        ((0, 0, 400, 400), 100, 2),
        ((0, 0, 400, 400), 10, 2),
    ],
)
def test_a_crop_is_cut_from_the_smallest_level_that_has_its_resolution(
    box: tuple[float, float, float, float], size: int, level: int
) -> None:
    levels = tuple(np.full((400 >> i, 400 >> i, 3), 10 * (i + 1), np.uint8) for i in range(3))
    cut = Frame(levels).crop(Crop(box, (size, size))).pixels
    assert cut.shape == (size, size, 3)
    assert np.unique(cut).tolist() == [10 * (level + 1)]


def test_a_crop_that_shrinks_one_axis_keeps_the_resolution_of_the_other() -> None:
    levels = (np.full((400, 400, 3), 1, np.uint8), np.full((200, 200, 3), 2, np.uint8))
    assert np.unique(Frame(levels).crop(Crop((0, 0, 400, 400), (100, 400))).pixels).tolist() == [1]


@pytest.mark.parametrize(
    "crop",
    [
        Crop((10.0, 5.0, 40.0, 35.0), (30, 30)),
        Crop((10.0, 5.0, 40.0, 35.0), (77, 64)),
        Crop((10.3, 5.6, 40.1, 35.2), (40, 50)),
        Crop((-8.0, -3.5, 50.0, 60.0), (64, 64)),
        Crop((0.0, 0.0, 80.0, 60.0), (33, 41)),
        Crop((700.0, 900.0, 1900.0, 1500.0), (256, 256)),
        Crop((100.5, 33.25, 1333.0, 1281.0), (200, 128)),
    ],
)
def test_a_crop_shows_what_bilinear_sampling_shows(crop: Crop) -> None:
    image = photograph((60, 80) if crop.box_xyxy[2] < 100 else (1281, 1903))
    x, y = centres(crop.box_xyxy, crop.size_hw)
    cut = Frame.of(image).crop(crop).pixels
    assert cut.dtype == np.uint8
    # a crop in whole pixels does not look at its neighbours: what lies within half a pixel of its rim may differ
    x0, y0, x1, y1 = crop.box_xyxy
    inner = (x > x0 + 0.5) & (x < x1 - 0.5) & (y > y0 + 0.5) & (y < y1 - 0.5)
    # a smooth image: filters differ by less than three grey values, a shift of half a pixel by far more
    assert np.abs(cut - bilinear(image, x, y))[inner].max() < 3


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20))
def test_a_crop_at_the_image_s_resolution_is_a_slice(x: int, y: int, width: int, height: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 41, 3)).astype(np.uint8)
    crop = Crop((float(x), float(y), float(x + width), float(y + height)), (height, width))
    assert np.array_equal(Frame.of(image).crop(crop).pixels, image[y : y + height, x : x + width])


def test_the_edge_is_repeated_outside_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    cut = Frame.of(image).crop(Crop((-2.0, -3.0, 9.0, 7.0), (10, 11))).pixels
    assert np.array_equal(cut, np.pad(image, ((3, 1), (2, 2), (0, 0)), mode="edge"))


def test_the_whole_frame_of_an_odd_image_is_averaged_not_picked() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1333, 1337, 3)).astype(np.uint8)
    cut = Frame.of(noise).crop(Crop(whole((1333, 1337)), (256, 256))).pixels
    # 27 pixels make one: averages of uniform noise scatter by 12, picked or blended samples by 20 and more
    assert cut.std() < 16


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (300, 1), (1, 40000)])
def test_thin_images_can_be_cropped(size_hw: tuple[int, int]) -> None:
    frame = Frame.of(np.full((*size_hw, 3), 7, np.uint8))
    for crop in (Crop(whole(size_hw), (32, 32)), Crop((-0.5, 0.0, 1.5, 1.0), (32, 32))):
        assert np.unique(frame.crop(crop).pixels).tolist() == [7]


def test_flipping_twice_gives_every_level_back() -> None:
    frame = Frame.of(photograph((1100, 2203)))
    flipped = frame.flip()
    assert len(flipped.levels) == len(frame.levels) == 2
    assert np.array_equal(flipped.pixels, frame.pixels[:, ::-1])
    for before, after in zip(frame.levels, flipped.flip().levels, strict=True):
        assert np.array_equal(before, after)


# logits


@given(crops(), SEEDS)
def test_logits_come_back_from_a_crop(crop: Crop, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=crop.size_hw).astype(np.float32)
    placed = crop.logits_to_source(LogitMap(values, whole(crop.size_hw)))
    np.testing.assert_allclose(placed.box_xyxy, crop.box_xyxy, atol=1e-5)
    np.testing.assert_allclose(placed.sample(crop), values, atol=2e-3)


@given(st.integers(0, 9), st.integers(0, 9), SIDES, SIDES, SEEDS)
def test_logits_of_a_crop_in_whole_pixels_come_back_to_the_bit(x: int, y: int, w: int, h: int, seed: int) -> None:
    crop = Crop((float(x), float(y), float(x + w), float(y + h)), (13, 17))
    values = np.random.default_rng(seed).normal(size=crop.size_hw).astype(np.float32)
    placed = crop.logits_to_source(LogitMap(values, whole(crop.size_hw)))
    assert placed.box_xyxy == crop.box_xyxy
    assert np.array_equal(placed.sample(crop), values)


@given(logit_maps(), crops())
def test_samples_are_bilinear_and_the_outside_is_background(logits: LogitMap, crop: Crop) -> None:
    x, y = centres(crop.box_xyxy, crop.size_hw)
    for values, low, high in ((x, 0, 2), (y, 1, 3)):  # no sample so near to the box's edge that rounding decides
        edges = np.array([logits.box_xyxy[low], logits.box_xyxy[high]])
        assume(np.abs(values[..., None] - edges).min() > 1e-6)
    # float32 coordinates of OpenCV times the steepest slope of the logits
    np.testing.assert_allclose(logits.sample(crop), sampled(logits, crop), atol=0.02)


@given(logit_maps(), st.sampled_from([-2.0, 0.0, 1.5]))
def test_the_mask_misses_no_pixel_above_the_threshold(logits: LogitMap, threshold: float) -> None:
    size_hw = (29, 37)
    reference = sampled(logits, Crop(whole(size_hw), size_hw))
    certain = np.abs(reference - threshold) > 0.02
    mask = logits.mask(size_hw, threshold)
    assert np.array_equal(mask[certain], (reference > threshold)[certain])
    assert np.array_equal(logits.run_lengths(size_hw, threshold).decode(), mask)


@given(logit_maps(), st.integers(1, 60))
def test_flipping_logits_twice_gives_them_back(logits: LogitMap, width: int) -> None:
    once, twice = logits.flip(width), logits.flip(width).flip(width)
    assert np.array_equal(once.values, logits.values[:, ::-1])
    assert np.array_equal(twice.values, logits.values)
    np.testing.assert_allclose(twice.box_xyxy, logits.box_xyxy, atol=1e-9)


def test_flipped_logits_lie_where_the_mirror_shows_them() -> None:
    logits = LogitMap(np.array([[1.0, -1.0]], np.float32), (2.0, 0.0, 4.0, 1.0))
    assert logits.mask((1, 10)).nonzero()[1].tolist() == [2]
    assert logits.flip(10).mask((1, 10)).nonzero()[1].tolist() == [7]


# masks as logits

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


@given(MASKS)
def test_a_mask_as_logits_is_the_same_mask(mask: np.ndarray) -> None:
    coded = RunLengthMask.encode(mask)
    for threshold in (0.0, -1.5, 1.5):
        assert LogitMap.of_mask(coded).run_lengths(mask.shape, threshold) == coded


def test_a_mask_as_logits_covers_its_box_alone() -> None:
    mask = np.zeros((3000, 4000), bool)
    mask[100:103, 200:205] = True
    logits = LogitMap.of_mask(RunLengthMask.encode(mask))
    assert logits.values.shape == (3, 5)
    assert np.unique(logits.sample(Crop((0.0, 0.0, 4000.0, 3000.0), (10, 10)))).tolist() == [OUTSIDE_LOGIT]


def test_the_mask_of_a_crop_costs_its_crop_alone() -> None:
    logits = LogitMap(np.full((8, 8), 5, np.float32), (1000.0, 500.0, 1100.0, 600.0))
    part, offset = logits.mask_crop((3000, 4000))
    assert part.shape == (100, 100)
    assert offset == (1000, 500)
    assert part.all()
    nothing, _ = LogitMap(np.full((8, 8), -5, np.float32), (0.0, 0.0, 8.0, 8.0)).mask_crop((8, 8))
    assert nothing.shape == (0, 0)
