"""The first clicks of the robot on one object, with the mask after each, as pictures for the comparison page."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from clickmask.core.frames import Frame
from clickmask.core.masks import bounding_box, iou
from clickmask.core.protocols import ObjectState
from clickmask.data import Sample
from clickmask.evaluate.protocol import EvalProtocol
from clickmask.evaluate.run import SubjectBuilder
from clickmask.evaluate.run_folder import replace_text
from clickmask.formats.overlay import draw_overlay
from clickmask.simulate import ROBOTS

SHOWN = 5
SIDE = 260
"""Longer side of a picture."""


@dataclass(frozen=True)
class View:
    """One click: a JPEG as base64, and the IoU after it."""

    picture: str
    iou: float


def first_clicks(build: SubjectBuilder, sample: Sample, protocol: EvalProtocol, folder: Path) -> list[View]:
    """Pictures of the first clicks, from the run's folder if they are there."""
    file = folder / "first_clicks.json"
    name = f"{sample.image_id}/{sample.object_id}"
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["object"] == name:
            return [View(**view) for view in kept["views"]]
    views = _views(build, sample, protocol)
    replace_text(file, json.dumps({"object": name, "views": [asdict(view) for view in views]}) + "\n")
    return views


def _views(build: SubjectBuilder, sample: Sample, protocol: EvalProtocol) -> list[View]:
    subject, (image, truth) = build(), sample.load()
    robot, rng = ROBOTS.get(protocol.robot), np.random.default_rng(protocol.seed)
    frame, state, mask = Frame.of(image), ObjectState(), np.zeros(truth.mask.shape, dtype=bool)
    views: list[View] = []
    while len(views) < SHOWN:
        click = robot(truth.mask, mask, truth.ignore, state.prompts.clicks, rng)
        if click is None:
            break
        state = subject.advance(frame, state, click)
        mask = state.mask(frame.size_hw, protocol.threshold_logit)
        drawn = draw_overlay(image, mask, state.prompts.clicks)
        views.append(View(_jpeg(drawn, truth.mask), iou(mask, truth.mask, truth.ignore)))
    return views


def _jpeg(image: np.ndarray, truth: np.ndarray) -> str:
    """The surroundings of the object, at most SIDE pixels long."""
    x0, y0, x1, y1 = bounding_box(truth)
    dx, dy = (x1 - x0) // 4 + 8, (y1 - y0) // 4 + 8
    part = image[max(y0 - dy, 0) : y1 + dy, max(x0 - dx, 0) : x1 + dx]
    scale = min(SIDE / max(part.shape[:2]), 1.0)
    size = max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1)
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return base64.b64encode(data.tobytes()).decode("ascii")
