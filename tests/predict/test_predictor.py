from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from clickmask.api import build_pipeline
from clickmask.core.errors import ImageError, InputError, PromptError
from clickmask.core.frames import Frame, LogitMap
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt
from clickmask.core.protocols import ObjectState, Request, Result
from clickmask.predict.base import backend_step
from clickmask.predict.merge import ProgressiveMerge, progressive_merge
from clickmask.predict.predictor import LOW_RES, Predictor, advance, logit
from clickmask.predict.zoom_in import ZoomIn, zoom_in

from .toy import INPUT_HW, ToyBackend, picture, pipeline

SIZE_HW = (60, 90)


def squares() -> np.ndarray:
    """A grey picture with a red and a green square."""
    image = np.full((*SIZE_HW, 3), 90, np.uint8)
    image[10:30, 10:40] = (220, 20, 20)
    image[35:55, 50:80] = (20, 200, 20)
    return image


RED, GREEN = (slice(10, 30), slice(10, 40)), (slice(35, 55), slice(50, 80))


@pytest.fixture
def predictor() -> Predictor:
    made = Predictor(build_pipeline("flood"))
    made.set_image(squares())
    return made


def test_a_click_gives_the_object_under_it(predictor: Predictor) -> None:
    mask = predictor.add_click(20.5, 20.5)
    truth = np.zeros(SIZE_HW, bool)
    truth[RED] = True
    assert mask.dtype == bool
    assert mask.shape == SIZE_HW == predictor.size_hw
    assert (mask ^ truth).sum() < 0.1 * truth.sum()
    assert np.array_equal(mask, predictor.mask)
    assert predictor.run_length_mask == RunLengthMask.encode(mask)
    assert isinstance(predictor.logits, LogitMap)
    assert 0.8 < predictor.score <= 1


def test_clicks_of_both_signs(predictor: Predictor) -> None:
    predictor.add_click(20.5, 20.5)
    both = predictor.add_click(60.5, 40.5)
    assert both[RED].mean() > 0.8 and both[GREEN].mean() > 0.8
    red = predictor.add_click(60.5, 40.5, positive=False)
    assert red[RED].mean() > 0.8 and red[GREEN].mean() < 0.2
    assert [c.positive for c in predictor.state.prompts.clicks] == [True, True, False]


def test_a_box_gives_an_object_inside(predictor: Predictor) -> None:
    mask = predictor.add_box(-5, 5, 45, 35)
    assert mask.any()
    assert not mask[:, 46:].any() and not mask[36:].any()
    assert predictor.state.prompts.box is not None
    assert predictor.state.prompts.box.x0 == 0


def test_a_mask_is_taken_to_the_bit_and_then_corrected_locally(predictor: Predictor) -> None:
    start = np.random.default_rng(0).random(SIZE_HW) < 0.3
    start[RED] = False
    assert np.array_equal(predictor.set_mask(start), start)
    after = predictor.add_click(20.5, 20.5)
    assert after[20, 20]
    assert not (start & ~after).any()
    assert predictor.set_mask(np.zeros(SIZE_HW, int)).sum() == 0
    assert predictor.set_mask(np.full(SIZE_HW, 7)).all()


def test_undo_and_redo_without_limit(predictor: Predictor) -> None:
    masks = [predictor.mask]
    for step in range(30):
        masks.append(predictor.add_click(step * 3 + 0.5, 30.5, positive=step % 3 != 2))
    for expected in masks[-2::-1]:
        assert np.array_equal(predictor.undo(), expected)
    assert not predictor.undo().any()
    assert predictor.logits is None
    for expected in masks[1:]:
        assert np.array_equal(predictor.redo(), expected)
    assert np.array_equal(predictor.redo(), masks[-1])


def test_a_prompt_after_undo_drops_the_redoable(predictor: Predictor) -> None:
    predictor.add_click(20.5, 20.5)
    predictor.add_click(60.5, 40.5)
    predictor.undo()
    newest = predictor.add_click(5.5, 5.5)
    assert np.array_equal(predictor.redo(), newest)
    assert len(predictor.state.prompts) == 2


def test_restore_is_a_step_of_its_own(predictor: Predictor) -> None:
    first = predictor.add_click(20.5, 20.5)
    kept = predictor.state
    second = predictor.add_click(60.5, 40.5)
    assert np.array_equal(predictor.restore(kept), first)
    assert predictor.state is kept
    assert np.array_equal(predictor.undo(), second)


def test_reset_and_a_new_image_forget_the_object(predictor: Predictor) -> None:
    predictor.add_click(20.5, 20.5)
    assert not predictor.reset().any()
    assert not predictor.undo().any() and not predictor.redo().any()
    predictor.add_click(20.5, 20.5)
    predictor.set_image(np.zeros((7, 9, 3), np.uint8))
    assert predictor.size_hw == (7, 9)
    assert predictor.mask.shape == (7, 9)
    assert len(predictor.state.prompts) == 0
    assert predictor.score == 0.0


@pytest.mark.parametrize(
    ("call", "arguments", "error", "message"),
    [
        ("add_click", (90, 10), PromptError, r"The click \(90, 10\) lies outside the image, which is 90 x 60 pixels"),
        ("add_click", (-0.1, 10), PromptError, "outside the image"),
        ("add_click", (10, 60), PromptError, r"Y in \[0, 60\)"),
        ("add_click", (np.nan, 10), PromptError, "A click needs finite coordinates"),
        ("add_click", (10, np.inf), PromptError, "A click needs finite coordinates"),
        ("add_box", (90, 0, 99, 10), PromptError, "The box .* lies outside the image"),
        ("add_box", (20, 10, 10, 20), PromptError, "A box is X0,Y0,X1,Y1 with X0 < X1"),
        ("add_box", (np.nan, 0, 10, 10), PromptError, "A box needs finite coordinates"),
        ("set_mask", (np.zeros((90, 60), bool),), PromptError, "The mask is 60 x 90 pixels but the image is 90 x 60"),
        ("set_mask", (np.zeros(SIZE_HW),), PromptError, "bool or integers, got dtype float64"),
        ("set_mask", (np.zeros((1, *SIZE_HW), bool),), PromptError, r"Expected an \(H, W\) mask"),
        ("set_image", (np.zeros(SIZE_HW, np.uint8),), ImageError, "clickmask.read_image"),
        ("set_image", (np.zeros((*SIZE_HW, 3)),), ImageError, "dtype float64"),
    ],
)
def test_a_refused_call_leaves_everything_as_it_was(
    predictor: Predictor, call: str, arguments: tuple[Any, ...], error: type[InputError], message: str
) -> None:
    predictor.add_click(20.5, 20.5)
    before = predictor.state
    with pytest.raises(error, match=message):
        getattr(predictor, call)(*arguments)
    assert predictor.state is before
    assert predictor.size_hw == SIZE_HW


def test_prompts_need_an_image() -> None:
    fresh = Predictor(build_pipeline("flood"))
    for call, arguments in (("add_click", (1, 1)), ("undo", ()), ("predict", ([[1, 1]], [1])), ("set_mask", ([[1]],))):
        with pytest.raises(PromptError, match=r"call predictor.set_image\(rgb\) before the first prompt"):
            getattr(fresh, call)(*arguments)


def test_a_stored_mask_of_another_image_is_refused() -> None:
    frame = Frame.of(squares())
    with pytest.raises(PromptError, match="The mask is 5 x 4 pixels but the image is 90 x 60"):
        advance(build_pipeline("flood"), frame, ObjectState(), MaskPrompt(RunLengthMask.empty((4, 5))))


# the call style of SAM


def test_predict_answers_like_sam(predictor: Predictor) -> None:
    masks, scores, low_res = predictor.predict(np.array([[20.5, 20.5]]), np.array([1]))
    assert (masks.shape, masks.dtype) == ((1, *SIZE_HW), np.dtype(bool))
    assert (scores.shape, scores.dtype) == ((1,), np.dtype(np.float32))
    assert (low_res.shape, low_res.dtype) == ((1, LOW_RES, LOW_RES), np.dtype(np.float32))
    assert 0 <= scores[0] <= 1
    assert masks[0][RED].mean() > 0.8
    # padded at the bottom to a square: 90 pixels make 256
    assert (low_res[0, int(31 * 256 / 90) + 8 :, :130] < 0).all()
    assert (low_res[0, 180:] < 0).all()
    assert low_res[0, int(20 * 256 / 90), int(25 * 256 / 90)] > 0


def test_predict_does_not_touch_the_object_in_progress(predictor: Predictor) -> None:
    predictor.add_click(60.5, 40.5)
    before = predictor.state
    predictor.predict([[20.5, 20.5]], [1])
    assert predictor.state is before


def test_predict_takes_the_low_resolution_logits_of_an_earlier_call(predictor: Predictor) -> None:
    first, _, low_res = predictor.predict([[20.5, 20.5]], [1])
    both, _, _ = predictor.predict([[60.5, 40.5]], [1], mask_input=low_res)
    alone, _, _ = predictor.predict([[60.5, 40.5]], [1])
    assert not alone[0][RED].any()
    assert both[0][GREEN].mean() > 0.8
    assert (both[0][RED] ^ first[0][RED]).mean() < 0.05


def test_low_resolution_logits_of_an_upright_image_survive_the_way_out_and_back() -> None:
    upright = Predictor(pipeline(backend_step(ToyBackend())))
    upright.set_image(picture((90, 60)))
    masks, _, low_res = upright.predict([[30, 50]], [1])
    back = upright._from_low_res(low_res).mask((90, 60))
    assert masks.any()
    assert (back ^ masks[0]).mean() < 0.03


def test_predict_takes_a_box_and_points_in_lists(predictor: Predictor) -> None:
    boxed, _, _ = predictor.predict(box=[5, 5, 45, 35])
    assert boxed[0][RED].any() and not boxed[0][GREEN].any()
    mixed, _, _ = predictor.predict([[20.5, 20.5], [60.5, 40.5]], [1, 0], [5, 5, 45, 35])
    assert mixed[0][RED].mean() > 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "predict needs at least one point or a box"),
        ({"point_coords": np.zeros((0, 2)), "point_labels": []}, "predict needs at least one point or a box"),
        ({"mask_input": np.zeros((1, 256, 256))}, "predict needs at least one point or a box"),
        ({"point_labels": [1]}, "point_labels need point_coords"),
        ({"point_coords": [[1, 1]]}, r"point_coords must be \(N, 2\) with N point_labels; got \(1, 2\) and \(0,\)"),
        ({"point_coords": [[1, 1]], "point_labels": [1, 0]}, "with N point_labels"),
        ({"point_coords": [1, 1], "point_labels": [1, 0]}, r"must be \(N, 2\)"),
        ({"point_coords": [[1, 1, 1]], "point_labels": [1]}, r"must be \(N, 2\)"),
        ({"point_coords": [[1, 1]], "point_labels": [2]}, r"must be 1 \(positive\) or 0 \(negative\); got \[2\]"),
        ({"point_coords": [[1, 1]], "point_labels": [-1]}, r"got \[-1\]"),
        ({"point_coords": [[1, 60]], "point_labels": [1]}, "outside the image"),
        ({"point_coords": [[np.nan, 6]], "point_labels": [1]}, "finite coordinates"),
        ({"box": [1, 2, 3]}, r"box must be x0, y0, x1, y1; got shape \(3,\)"),
        ({"box": [95, 2, 99, 9]}, "lies outside the image"),
        (
            {"box": [5, 5, 9, 9], "mask_input": np.zeros((256, 256))},
            r"must be \(1, 256, 256\) logits, got \(256, 256\)",
        ),
        ({"box": [5, 5, 9, 9], "mask_input": np.full((1, 256, 256), np.nan)}, "mask_input holds NaN"),
    ],
)
def test_predict_says_what_does_not_fit(predictor: Predictor, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PromptError, match=message):
        predictor.predict(**arguments)


def test_a_previous_mask_in_the_padding_alone_is_ignored() -> None:
    """Of a flat image the lower part of SAM's square lies outside; what is there must not steer the crop."""
    flat = Predictor(pipeline(zoom_in(ZoomIn(), INPUT_HW)(backend_step(ToyBackend()))))
    flat.set_image(picture((30, 200)))
    padding = np.full((1, LOW_RES, LOW_RES), -9.0)
    padding[0, 200:] = 9
    masks, _, _ = flat.predict([[100, 15]], [0], mask_input=padding)
    assert masks.shape == (1, 30, 200)


# threshold and score


def test_the_threshold_is_a_probability() -> None:
    assert logit(0.5) == 0
    assert 1 / (1 + np.exp(-logit(0.49))) == pytest.approx(0.49)
    for bad in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(InputError, match=f"A threshold is a probability from 0.001 to 0.999, got {bad}"):
            logit(bad)


def test_the_threshold_decides_which_pixels_count() -> None:
    ramp = LogitMap(np.linspace(-4, 4, 9, dtype=np.float32)[None], (0.0, 0.0, 9.0, 1.0))

    def step(request: Request) -> Result:
        return Result(ramp, request.memo)

    for probability, pixels in ((0.5, 4), (0.9, 2), (0.1, 7), (0.49, 5)):
        asked = Predictor(pipeline(step, probability))
        asked.set_image(np.zeros((1, 9, 3), np.uint8))
        assert asked.add_click(1, 0.5).sum() == pixels
        assert asked.predict([[1, 0.5]], [1])[0].sum() == pixels


@pytest.mark.parametrize("threshold", [0.001, 0.3, 0.999])
def test_masks_are_kept_at_every_threshold(threshold: float) -> None:
    made = pipeline(backend_step(ToyBackend()), threshold)
    asked = Predictor(made)
    asked.set_image(picture(SIZE_HW))
    start = picture(SIZE_HW, seed=3)[..., 0] > 140
    assert np.array_equal(asked.set_mask(start), start)


# cost


def test_a_click_on_a_large_image_never_makes_anything_of_its_size() -> None:
    """No array of a click's work is as large as the image's mask, and the network sees its own size alone."""
    size_hw = (3000, 4000)
    image = np.zeros((*size_hw, 3), np.uint8)
    image[1400:1700, 1800:2300] = 255
    backend = ToyBackend()
    model = pipeline(zoom_in(ZoomIn(), INPUT_HW)(backend_step(backend)), backend=backend)
    frame, state = Frame.of(image), ObjectState()
    tracemalloc.start()
    for click in (Click(2000, 1500), Click(2250, 1650), Click(1900, 1450, False)):
        state = advance(model, frame, state, click)
        shown = state.run_lengths(size_hw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert shown.area > 0
    assert set(backend.seen_hw) == {INPUT_HW}
    assert peak < size_hw[0] * size_hw[1] / 2


def test_a_correction_costs_its_object_not_the_image() -> None:
    size_hw = (3000, 4000)
    mask = np.zeros(size_hw, bool)
    mask[1400:1700, 1800:2300] = True
    inner = zoom_in(ZoomIn(), INPUT_HW)(backend_step(ToyBackend()))
    model = pipeline(progressive_merge(ProgressiveMerge())(inner))
    frame, start = Frame.of(np.zeros((*size_hw, 3), np.uint8)), MaskPrompt(RunLengthMask.encode(mask))
    tracemalloc.start()
    state = advance(model, frame, ObjectState(), start)
    state = advance(model, frame, state, Click(2310, 1500))
    shown = state.run_lengths(size_hw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (2310, 1500) in shown
    assert peak < size_hw[0] * size_hw[1] / 2
