"""From prompts to a mask: a pure function over immutable states, and a small object on top with undo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clickmask.core.answers import Candidate, network_memo
from clickmask.core.check import check_box, check_click, check_image, check_line, check_mask
from clickmask.core.edit import EditRules
from clickmask.core.errors import InputError, PromptError
from clickmask.core.frames import Crop, FloatMap, Frame, Image, LogitMap
from clickmask.core.masks import BoolMask, RunLengthMask
from clickmask.core.prompts import Box, Click, Lasso, MaskPrompt, Prompt, Prompts, Scribble
from clickmask.core.protocols import SEQUENCE, Backend, Memo, ObjectState, Request, Result, Step
from clickmask.predict.quality import Quality
from clickmask.predict.reach import narrowed, part_meant
from clickmask.predict.stage import Carry
from clickmask.predict.uncertainty import MaskUncertainty, mask_uncertainty
from clickmask.predict.views import CloserViews
from clickmask.zoo.spec import ModelSpec

LOW_RES = 256
"""Side of the low-resolution logits in the SAM-style call."""


@dataclass(frozen=True, eq=False)
class Pipeline:
    """A backend with its stages.

    Attributes:
        spec: description of the model.
        backend: the runtime.
        step: the stages wrapped round the backend.
        views: further answers to an ambiguous request, see `clickmask.predict.views`; None if there are none.
        quality: calibration of the expected IoU; without one pixels are taken as independent.
        carries: what finished objects teach the next one; see `next_object`.
    """

    spec: ModelSpec
    backend: Backend
    step: Step
    views: CloserViews | None = None
    quality: Quality = field(default_factory=Quality)
    carries: tuple[Carry, ...] = ()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.spec.name

    @property
    def offers_candidates(self) -> bool:
        """Whether an ambiguous prompt can have several answers, see `candidates`."""
        return self.views is not None or "multimask" in self.backend.capabilities

    @property
    def threshold_logit(self) -> float:
        """Pixels with a logit above this belong to the mask."""
        return logit(self.spec.threshold)


def logit(probability: float) -> float:
    """Inverse of the sigmoid; InputError for a probability that is not in [0.001, 0.999]."""
    if not 0.001 <= probability <= 0.999:
        raise InputError(f"A threshold is a probability from 0.001 to 0.999, got {probability}.")
    return math.log(probability / (1 - probability))


def advance(
    pipeline: Pipeline, frame: Frame, state: ObjectState, prompt: Prompt, rules: EditRules | None = None
) -> ObjectState:
    """The state after one more prompt. Nothing is changed in place; undo is the earlier state.

    Args:
        pipeline: the model.
        frame: the image, see `Frame.of`.
        state: before the prompt.
        prompt: in source pixels.
        rules: of an editing session; the outcome then stands in the memo, see `clickmask.predict.editing`.

    Raises:
        PromptError: a click or box outside the image, or a mask of another size.
    """
    if isinstance(prompt, MaskPrompt):
        return _with_mask(frame, state, prompt)
    prompts = state.prompts.add(check_prompt(prompt, frame.size_hw))
    result = pipeline.step(Request(frame, prompts, state.logits, state.memo, rules))
    return ObjectState(prompts, result.logits, result.memo)


def next_object(pipeline: Pipeline, frame: Frame, state: ObjectState) -> ObjectState:
    """The state that the next object begins with, once an object is finished: with what its stages learned from it.

    Args:
        pipeline: the model.
        frame: the image of the finished object.
        state: of the finished object, whose mask is taken as right.
    """
    memo: Memo = {key: value for key, value in state.memo.items() if key == SEQUENCE}
    if state.logits is not None:
        for carry in pipeline.carries:
            memo = {**memo, **carry(frame, state)}
    return ObjectState(memo=memo)


def expected_iou(pipeline: Pipeline, frame: Frame, state: ObjectState) -> float:
    """What the IoU of the state's mask with the meant object probably is, in [0, 1]; 0 without a mask.

    The network's own estimate where it makes one, else that of `clickmask.predict.quality`.
    """
    if state.logits is None:
        return 0.0
    own = network_memo(state.memo).score
    if own is not None:
        return own
    return pipeline.quality.expected_iou(state.logits, state.prompts, frame.size_hw, pipeline.threshold_logit)


def candidates(pipeline: Pipeline, frame: Frame, state: ObjectState) -> tuple[Candidate, ...]:
    """Masks that a person may mean by the state's prompts: part, object, whole, each with its expected IoU.

    The network's own in its order where it gives several, else the state's answer and then those of closer views. One
    where nothing is ambiguous: after a box or an initial mask, or with clicks far apart; none before the first answer.
    """
    if state.logits is None:
        return ()
    found = list(network_memo(state.memo).candidates)
    if not found:
        results = () if pipeline.views is None else _closer(pipeline.views, Request(frame, state.prompts))
        states = [state, *(ObjectState(state.prompts, result.logits, result.memo) for result in results)]
        found = [Candidate(s.logits, expected_iou(pipeline, frame, s)) for s in states if s.logits is not None]
    return tuple(found)


def _closer(views: CloserViews, request: Request) -> Sequence[Result]:
    """Closer views of the part that the prompts are about."""
    box = part_meant(request.prompts, request.frame.size_hw)
    if box is None:
        return views(request)
    asked, back = narrowed(request, box)
    return [Result(back(result.logits), result.memo) for result in views(asked)]


def check_prompt(prompt: Click | Box | Scribble | Lasso, size_hw: tuple[int, int]) -> Click | Box | Scribble | Lasso:
    """A click that lies on the image, or a box or line cut to it; PromptError otherwise."""
    if isinstance(prompt, Click):
        return check_click(prompt, size_hw)
    return check_box(prompt, size_hw) if isinstance(prompt, Box) else check_line(prompt, size_hw)


def _with_mask(frame: Frame, state: ObjectState, prompt: MaskPrompt) -> ObjectState:
    if prompt.mask.size_hw != frame.size_hw:
        check_mask(np.zeros(prompt.mask.size_hw, dtype=bool), frame.size_hw)
    return ObjectState(state.prompts.add(prompt), LogitMap.of_mask(prompt.mask))


class Predictor:
    """One image, one object in progress, unlimited undo.

    Every call that changes the object returns its mask, (H, W) bool. A prompt after `undo` drops what
    could have been redone.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._frame: Frame | None = None
        self._states: tuple[ObjectState, ...] = (ObjectState(),)
        self._position = 0

    def set_image(self, rgb: Image) -> None:
        """Start on an image, (H, W, 3) uint8 RGB, which must not be changed afterwards; forgets the object.

        Raises:
            ImageError: another shape or dtype.
        """
        self._frame = Frame.of(check_image(rgb))
        self.reset()

    @property
    def frame(self) -> Frame:
        """The image; PromptError before `set_image`."""
        if self._frame is None:
            raise PromptError("No image yet: call predictor.set_image(rgb) before the first prompt.")
        return self._frame

    @property
    def size_hw(self) -> tuple[int, int]:
        """(height, width) of the image."""
        return self.frame.size_hw

    @property
    def state(self) -> ObjectState:
        """The object in progress, an immutable value."""
        return self._states[self._position]

    @property
    def logits(self) -> LogitMap | None:
        """Newest logits in source pixels, None before the first prompt."""
        return self.state.logits

    @property
    def mask(self) -> BoolMask:
        """(H, W) bool; empty before the first prompt."""
        return self.state.mask(self.size_hw, self.pipeline.threshold_logit)

    @property
    def run_length_mask(self) -> RunLengthMask:
        """The mask as run lengths, without building the full array."""
        return self.state.run_lengths(self.size_hw, self.pipeline.threshold_logit)

    @property
    def score(self) -> float:
        """Expected IoU of the mask with the meant object, in [0, 1]; calibrated if the model's spec says so."""
        return expected_iou(self.pipeline, self.frame, self.state)

    @property
    def uncertainty(self) -> MaskUncertainty:
        """Unsure pixels of the mask and where a click would tell most; PromptError before the first prompt."""
        if self.logits is None:
            raise PromptError("Nothing to be unsure of yet: give the object a click or a box first.")
        return mask_uncertainty(self.logits, self.run_length_mask, self.state.prompts.plain.clicks)

    def add_click(self, x: float, y: float, positive: bool = True) -> BoolMask:
        """Add a click at (x, y) in image pixels, corner origin; PromptError outside the image."""
        return self._add(Click(float(x), float(y), bool(positive)))

    def add_box(self, x0: float, y0: float, x1: float, y1: float) -> BoolMask:
        """Add a box, half-open, in image pixels; cut to the image, PromptError if it misses the image."""
        return self._add(Box(float(x0), float(y0), float(x1), float(y1)))

    def set_mask(self, mask: ArrayLike) -> BoolMask:
        """Take a mask, (H, W) bool or integers, as the object; later clicks correct it locally.

        Raises:
            PromptError: the mask has another size than the image.
        """
        checked = check_mask(mask, self.size_hw)
        return self._add(MaskPrompt(RunLengthMask.encode(checked)))

    def undo(self) -> BoolMask:
        """Back to before the newest prompt; at the start nothing happens."""
        self._position = max(self._position - 1, 0)
        return self.mask

    def redo(self) -> BoolMask:
        """Forward again; at the end nothing happens."""
        self._position = min(self._position + 1, len(self._states) - 1)
        return self.mask

    def reset(self) -> BoolMask:
        """Forget the object and its history; the image stays."""
        self._states, self._position = self._states[:1], 0
        return self.mask

    def next_object(self) -> BoolMask:
        """The object is finished as it is: begin the next one, with what the model's stages learned from it."""
        self._states, self._position = (next_object(self.pipeline, self.frame, self.state),), 0
        return self.mask

    def forget_sequence(self) -> BoolMask:
        """Forget the object, and what earlier ones taught; see `next_object`."""
        self._states, self._position = (ObjectState(),), 0
        return self.mask

    def restore(self, state: ObjectState) -> BoolMask:
        """Continue from a state kept earlier, as a new step of the history."""
        self._push(state)
        return self.mask

    def predict(
        self,
        point_coords: ArrayLike | None = None,
        point_labels: ArrayLike | None = None,
        box: ArrayLike | None = None,
        mask_input: ArrayLike | None = None,
        multimask_output: bool = True,
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]]:
        """One-shot prediction with the call style of SAM; does not touch the object in progress.

        Args:
            point_coords: (N, 2) x and y in image pixels.
            point_labels: (N,) 1 for positive, 0 for negative.
            box: (4,) x0, y0, x1, y1 in image pixels.
            mask_input: (1, 256, 256) low-resolution logits of an earlier call.
            multimask_output: ask for several masks, see `candidates`; a model that has no more than one, and any model
                where nothing is ambiguous (a box, clicks far apart), answers with one.

        Returns:
            masks: (C, H, W) bool.
            scores: (C,) expected IoU of each, the model's own estimate where it makes one.
            low_res_logits: (C, 256, 256) float32 over the image padded at the bottom or right to a square.

        Raises:
            PromptError: no prompt at all, or shapes that do not fit.
        """
        prompts = _sam_prompts(point_coords, point_labels, box)
        if not prompts:
            raise PromptError("predict needs at least one point or a box: point_coords with point_labels, or box.")
        previous = None if mask_input is None else self._from_low_res(np.asarray(mask_input, dtype=np.float32))
        checked = Prompts(tuple(check_prompt(prompt, self.size_hw) for prompt in prompts))
        result = self.pipeline.step(Request(self.frame, checked, previous))
        state = ObjectState(checked, result.logits, result.memo)
        if multimask_output:
            answers = candidates(self.pipeline, self.frame, state)
        else:
            answers = (Candidate(result.logits, expected_iou(self.pipeline, self.frame, state)),)
        masks = np.stack([each.logits.mask(self.size_hw, self.pipeline.threshold_logit) for each in answers])
        scores = np.array([each.score for each in answers], dtype=np.float32)
        return masks, scores, np.stack([each.logits.sample(self._low_res_grid()) for each in answers])

    def _add(self, prompt: Prompt) -> BoolMask:
        self._push(advance(self.pipeline, self.frame, self.state, prompt))
        return self.mask

    def _push(self, state: ObjectState) -> None:
        self._states = (*self._states[: self._position + 1], state)
        self._position += 1

    def _low_res_grid(self) -> Crop:
        side = float(max(self.size_hw))
        return Crop((0.0, 0.0, side, side), (LOW_RES, LOW_RES))

    def _from_low_res(self, logits: FloatMap) -> LogitMap:
        if logits.shape != (1, LOW_RES, LOW_RES):
            raise PromptError(f"mask_input must be (1, {LOW_RES}, {LOW_RES}) logits, got {logits.shape}.")
        if not np.isfinite(logits).all():
            raise PromptError("mask_input holds NaN or infinite values; give low_res_logits of an earlier call.")
        return LogitMap(logits[0], self._low_res_grid().box_xyxy)


def _sam_prompts(
    point_coords: ArrayLike | None, point_labels: ArrayLike | None, box: ArrayLike | None
) -> list[Click | Box]:
    """Box first, then the points."""
    prompts: list[Click | Box] = []
    if box is not None:
        corners = np.asarray(box, dtype=np.float64).ravel()
        if corners.shape != (4,):
            raise PromptError(f"box must be x0, y0, x1, y1; got shape {np.asarray(box).shape}.")
        prompts.append(Box(*corners.tolist()))
    if point_coords is None:
        if point_labels is not None:
            raise PromptError("point_labels need point_coords, (N, 2) x and y in image pixels.")
        return prompts
    points = np.asarray(point_coords, dtype=np.float64)
    labels = np.asarray([] if point_labels is None else point_labels).ravel()
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(labels):
        raise PromptError(f"point_coords must be (N, 2) with N point_labels; got {points.shape} and {labels.shape}.")
    if not np.isin(labels, (0, 1)).all():
        raise PromptError(f"point_labels must be 1 (positive) or 0 (negative); got {sorted(set(labels.tolist()))}.")
    return prompts + [Click(x, y, bool(label)) for (x, y), label in zip(points.tolist(), labels.tolist(), strict=True)]
