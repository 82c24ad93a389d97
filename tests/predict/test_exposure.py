from __future__ import annotations

import numpy as np
import pytest

from clickmask.api import build_pipeline
from clickmask.core.frames import Crop, Frame, LogitMap, whole
from clickmask.core.masks import iou
from clickmask.core.prompts import Click, Prompts
from clickmask.core.protocols import ObjectState, Request, Result
from clickmask.predict.exposure import Exposure, exposure, stretching
from clickmask.predict.predictor import advance

SIZE_HW = (90, 120)


def picture(low: float, high: float) -> np.ndarray:
    """Colours over the range given, an even spread."""
    rng = np.random.default_rng(0)
    return rng.uniform(low, high, (*SIZE_HW, 3)).astype(np.uint8)


def asked(image: np.ndarray, settings: Exposure | None = None) -> Request:
    """The request that reaches the inner step."""
    seen: list[Request] = []

    def inner(request: Request) -> Result:
        seen.append(request)
        return Result(LogitMap(np.zeros((2, 2), np.float32), whole(SIZE_HW)), {"a": 1})

    request = Request(Frame.of(image), Prompts((Click(5, 5),)))
    assert exposure(settings or Exposure())(inner)(request).memo == {"a": 1}
    return seen[0]


@pytest.mark.parametrize("flipped", [False, True])
def test_a_dark_picture_is_stretched_where_it_is_cut(flipped: bool) -> None:
    image = picture(10, 30)
    frame = asked(image).frame
    frame = frame.flip() if flipped else frame
    np.testing.assert_array_equal(frame.pixels, image[:, ::-1] if flipped else image)
    crop = frame.crop(Crop((10, 10, 110, 80), (70, 100)))
    assert crop.tone is None, "once is enough"
    assert crop.pixels.min() == 0 and crop.pixels.max() == 255
    order = np.argsort(frame.pixels[10:80, 10:110].ravel(), kind="stable")
    assert (np.diff(crop.pixels.ravel()[order].astype(int)) >= 0).all(), "brighter stays brighter"


def test_a_well_exposed_picture_stays_as_it_is() -> None:
    assert asked(picture(0, 255)).frame.tone is None
    assert asked(picture(60, 170)).frame.tone is None


def test_noise_in_the_dark_is_not_blown_up_to_a_picture() -> None:
    tone = stretching(Exposure(), Frame.of(picture(3, 5)))
    assert tone is not None and int(tone[5]) - int(tone[3]) < 70
    for value in (0, 128, 255):
        flat = np.full((*SIZE_HW, 3), value, np.uint8)
        assert stretching(Exposure(), Frame.of(flat)) is not None
        assert asked(flat).frame.crop(Crop(whole(SIZE_HW), (8, 8))).pixels.std() == 0


def test_a_few_bright_pixels_do_not_hide_that_it_is_dark() -> None:
    image = picture(10, 30)
    image[:2, :10] = 255
    assert asked(image).frame.tone is not None


@pytest.mark.weights
def test_the_default_model_sees_in_the_dark() -> None:
    rows, columns = np.indices((200, 260))
    truth = ((columns - 130) / 60) ** 2 + ((rows - 100) / 45) ** 2 < 1
    noise = np.random.default_rng(2).integers(0, 40, (200, 260, 3))
    bright = (np.where(truth[..., None], (190, 120, 60), (40, 70, 90)) + noise).astype(np.uint8)
    pipeline = build_pipeline("default", threads=1)
    for image in (bright, bright // 12, 100 + bright // 12):
        frame = Frame.of(image)
        state = advance(pipeline, frame, ObjectState(), Click(130, 100))
        assert iou(state.mask(frame.size_hw, pipeline.threshold_logit), truth) > 0.9
