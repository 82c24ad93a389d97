"""Validation: the evaluation robot clicks on held-out objects, through the same pipeline that people use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from clickmask.api import assemble
from clickmask.core.frames import Frame
from clickmask.core.masks import BoolMask, iou
from clickmask.core.protocols import ObjectState
from clickmask.nn.method import Method
from clickmask.nn.torch_backend import backend_of
from clickmask.predict.predictor import Pipeline, advance
from clickmask.simulate.ritm_center import ritm_center
from clickmask.train.photos import IGNORE_ID, Photo, PhotoSource
from clickmask.train.samples import DataRules
from clickmask.train.targets import draw_target
from clickmask.zoo.spec import ModelSpec

TARGET_IOU = 0.85
MOST_PER_PHOTO = 4
"""Objects taken of one photograph where there are few photographs."""


@dataclass(frozen=True, eq=False)
class Held:
    """One held-out object.

    Attributes:
        photo: that it is on.
        mask: (H, W) bool.
        number: of the photograph.
    """

    photo: Photo
    mask: BoolMask
    number: int


def held_out_objects(photos: Sequence[PhotoSource], count: int, rules: DataRules, seed: int = 0) -> list[Held]:
    """At most `count` objects, the same at every call: one of each photograph, then a second one of each ..."""
    objects: list[Held] = []
    for turn in range(MOST_PER_PHOTO):
        for number, source in enumerate(photos):
            if len(objects) >= count:
                return objects
            earlier = [held for held in objects if held.number == number]
            if len(earlier) < turn:
                continue  # there was no other one the last time
            photo = earlier[0].photo if earlier else source.decode(rules.longest_side)
            mask = draw_target(photo, rules.targets, np.random.default_rng((seed, number, turn)))
            if mask is not None and not any(np.array_equal(mask, held.mask) for held in earlier):
                objects.append(Held(photo, mask, number))
    return objects


def validator(
    objects: Sequence[Held], method: Method, spec: ModelSpec, clicks: int
) -> Callable[[nn.Module, int], dict[str, float]]:
    """A function (network, step) -> mean IoU after 1 ... `clicks` clicks and NoC@85 with that many clicks at most."""

    def validate(network: nn.Module, step: int) -> dict[str, float]:
        backend = backend_of(network, method, spec.input_hw)
        pipeline = Pipeline(spec, backend, assemble(spec, backend))
        curves = np.array([click_ious(pipeline, held, clicks) for held in objects])
        network.train()
        reached = curves >= TARGET_IOU
        needed = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, clicks)
        figures = {f"iou@{k + 1}": float(v) for k, v in enumerate(curves.mean(axis=0))}
        return {**figures, f"noc@{TARGET_IOU * 100:.0f}": float(needed.mean())}

    return validate


def click_ious(pipeline: Pipeline, held: Held, clicks: int) -> list[float]:
    """IoU after each click of the robot; the last value stands when no error is left."""
    frame, state = Frame.of(held.photo.image), ObjectState()
    ignore = held.photo.ids == IGNORE_ID
    prediction = np.zeros(frame.size_hw, dtype=bool)
    ious: list[float] = []
    while len(ious) < clicks:
        click = ritm_center(held.mask, prediction, ignore, state.prompts.clicks)
        if click is None:
            return ious + [ious[-1]] * (clicks - len(ious))
        state = advance(pipeline, frame, state, click)
        prediction = state.mask(frame.size_hw, pipeline.threshold_logit)
        ious.append(iou(prediction, held.mask, ignore))
    return ious
