"""The report's pictures: an object with its truth, the last mask and every click."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np

from clickmask.core.errors import InputError
from clickmask.core.frames import Image
from clickmask.core.masks import BoolMask, bounding_box
from clickmask.data import Sample
from clickmask.evaluate.charts import spark
from clickmask.evaluate.metrics import clicks_to, iou_curves
from clickmask.evaluate.records import ObjectRecords

SHOWN = 12
PICTURE_WH = (400, 300)
JPEG_QUALITY = 80
SHARPNESS = 1.5
"""Stored pixels per picture pixel at most: screens have more than one dot per CSS pixel."""


@dataclass(frozen=True, slots=True)
class View:
    """A window of the image, seen at a scale; it may reach over the image's edge."""

    x0: float
    y0: float
    scale: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Image pixels to picture pixels."""
        return (x - self.x0) * self.scale, (y - self.y0) * self.scale


def worst(objects: Sequence[ObjectRecords], target: float, max_clicks: int) -> list[ObjectRecords]:
    """The objects that took most clicks to the target, those with the lowest mean IoU first among equals."""
    curves = iou_curves(objects, max_clicks)
    failed = ~(curves >= target).any(axis=1)
    order = np.lexsort((curves.mean(axis=1), -clicks_to(curves, target), ~failed))
    return [objects[i] for i in order[:SHOWN]]


def case_figure(sample: Sample, records: ObjectRecords, target: float) -> str:
    """One object as an HTML figure; without the picture if its files are no longer readable."""
    ious = [record.iou for record in records]
    reached = next((f"at click {record.number}" for record in records if record.iou >= target), "never")
    title = sample.image_id if sample.object_id == "1" else f"{sample.image_id}, object {sample.object_id}"
    numbers = f"IoU {target:.2f} {reached}<br>last {ious[-1]:.3f}"
    return (
        f'<figure class="case panel"><div class="picture">{_picture(sample, records)}</div>'
        f'<div class="caption"><b>{escape(title)}</b><span>{numbers}</span>{spark(ious, target)}</div></figure>'
    )


def _picture(sample: Sample, records: ObjectRecords) -> str:
    mask = records[-1].mask
    try:
        image, truth = sample.load()
    except InputError:
        return ""
    predicted = np.zeros_like(truth.mask) if mask is None else mask.decode()
    view = _view_of(truth.scored | predicted, records)
    width, height = PICTURE_WH
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="object with clicks">'
        f"{_photograph(image, view)}"
        f'<g class="overlay"><path class="predicted" d="{_outline(predicted, view)}"/>'
        f'<path class="truth-under" d="{_outline(truth.scored, view)}"/>'
        f'<path class="truth" d="{_outline(truth.scored, view)}"/>{_clicks(records, view)}</g></svg>'
    )


def _view_of(region: BoolMask, records: ObjectRecords) -> View:
    """A window of the picture's shape round the region and all clicks."""
    x0, y0, x1, y1 = bounding_box(region)
    xs, ys = [record.click.x for record in records], [record.click.y for record in records]
    left, right, top, bottom = min(x0, *xs), max(x1, *xs), min(y0, *ys), max(y1, *ys)
    width, height = PICTURE_WH
    scale = min(width / ((right - left) * 1.12 + 8), height / ((bottom - top) * 1.12 + 8), 4.0)
    return View((left + right) / 2 - width / scale / 2, (top + bottom) / 2 - height / scale / 2, scale)


def _photograph(image: Image, view: View) -> str:
    """The part of the image that the window shows, as an SVG image in its place."""
    width, height = (side / view.scale for side in PICTURE_WH)
    left, top = max(int(view.x0), 0), max(int(view.y0), 0)
    right, bottom = min(math.ceil(view.x0 + width), image.shape[1]), min(math.ceil(view.y0 + height), image.shape[0])
    (x0, y0), (x1, y1) = view.place(left, top), view.place(right, bottom)
    place = f'x="{x0:.2f}" y="{y0:.2f}" width="{x1 - x0:.2f}" height="{y1 - y0:.2f}"'
    part = image[top:bottom, left:right]
    if view.scale * SHARPNESS < 1:
        size = (round((x1 - x0) * SHARPNESS), round((y1 - y0) * SHARPNESS))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, data = cv2.imencode(".jpg", part[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    href = f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
    return f'<image preserveAspectRatio="none" {place} href="{href}"/>'


def _outline(mask: BoolMask, view: View) -> str:
    """The mask's outlines as an SVG path through pixel centres, holes included."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_TC89_L1)
    parts = []
    for contour in contours:
        if len(contour) < 3:
            continue
        places = (view.place(x + 0.5, y + 0.5) for x, y in contour[:, 0].tolist())
        parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places) + "Z")
    return "".join(parts)


def _clicks(records: ObjectRecords, view: View) -> str:
    """Numbered discs, the first clicks on top."""
    discs = []
    for record in reversed(records):
        x, y = view.place(record.click.x, record.click.y)
        kind = "positive" if record.click.positive else "negative"
        size = 10 if record.number < 10 else 8.5
        discs.append(
            f'<circle class="click {kind}" cx="{x:.1f}" cy="{y:.1f}" r="7.5"/>'
            f'<text x="{x:.1f}" y="{y + 0.5:.1f}" font-size="{size}" style="font-size:{size}px">{record.number}</text>'
        )
    return "".join(discs)
