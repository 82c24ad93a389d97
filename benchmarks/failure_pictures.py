"""Pictures of what a model gets wrong, for its card.

    python benchmarks/failure_pictures.py [--model default] [--samples FOLDER] [--shard val-000.tar] -o FOLDER

Photographs are scikit-image's samples (the package's `data` folder) whose terms allow it: CC0 or public domain, told
beside each case. Nuclei are held-out ones of the 2018 Data Science Bowl (CC0), the worst of those looked at after three
clicks of the robot, with the true outline dotted in yellow. Each picture shows the clicks and the mask after them.
"""

from __future__ import annotations

import argparse
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import clickmask
from clickmask.api import build_pipeline
from clickmask.core.frames import Frame, Image
from clickmask.core.masks import BoolMask, bounding_box, iou
from clickmask.core.prompts import Click
from clickmask.core.protocols import ObjectState
from clickmask.formats.overlay import draw_overlay
from clickmask.predict.predictor import Pipeline, advance
from clickmask.simulate.ritm_center import ritm_center
from clickmask.train.samples import DataRules
from clickmask.train.sources import read_sources
from clickmask.train.validation import Held, held_out_objects

SIDE = 400
"""Longer side of a picture."""
QUALITY = 82
NUCLEI, LOOKED_AT, CLICKS = "nuclei_dsb2018", 12, 3
YELLOW = (255, 214, 10)


@dataclass(frozen=True)
class Case:
    """One photograph with clicks after which the mask is wrong.

    Attributes:
        name: of the picture.
        file: in scikit-image's samples.
        clicks: x, y in pixels; all positive.
        licence: of the photograph.
    """

    name: str
    file: str
    clicks: tuple[tuple[float, float], ...]
    licence: str


CASES = (
    Case("vessels", "retina.jpg", ((640, 1010), (560, 420)), "CC0, M. Häggström"),
    Case("parts", "astronaut.png", ((225, 110), (350, 300)), "public domain, NASA"),
    Case("shared-colour", "coffee.png", ((500, 300),), "CC0, R. Michetti"),
    Case("many-alike", "hubble_deep_field.jpg", ((220, 180),), "public domain, NASA"),
)


def main() -> None:
    """Write the pictures and say what each is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--samples", type=Path, help="folder of scikit-image's samples; that of the installed package")
    parser.add_argument("--shard", type=Path, help="held-out photographs, for the nuclei")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    pipeline = build_pipeline(arguments.model)
    samples = arguments.samples or installed_samples()
    for case in CASES:
        image = clickmask.read_image(samples / case.file)
        write(arguments.output / f"{case.name}.webp", pictured(pipeline, image, case))
        print(f"{case.name}: {case.licence}")
    if arguments.shard is not None:
        held, state, score = worst_nucleus(pipeline, arguments.shard)
        mask = state.mask(Frame.of(held.photo.image).size_hw, pipeline.threshold_logit)
        write(arguments.output / "nuclei.webp", around(held, mask, state))
        print(f"nuclei: CC0, IoU {score:.2f} after {len(state.prompts)} clicks, {held.photo.name}")


def installed_samples() -> Path:
    """The data folder of scikit-image, without importing it."""
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise SystemExit("scikit-image is not installed: pip install scikit-image, or give --samples.")
    return Path(found.origin).parent / "data"


def pictured(pipeline: Pipeline, image: Image, case: Case) -> Image:
    """The photograph with clicks and mask."""
    frame, state = Frame.of(image), ObjectState()
    for x, y in case.clicks:
        state = advance(pipeline, frame, state, Click(x, y))
    small, scale = shrunk(image)
    mask = state.mask(frame.size_hw, pipeline.threshold_logit)
    shown = cv2.resize(mask.astype(np.float32), small.shape[1::-1], interpolation=cv2.INTER_AREA) > 0.5
    return draw_overlay(small, shown, [Click(x * scale, y * scale) for x, y in case.clicks])


def worst_nucleus(pipeline: Pipeline, shard: Path) -> tuple[Held, ObjectState, float]:
    """Of a few held-out nuclei the one that is worst after three clicks."""
    photos = [photo for photo in read_sources([shard]) if photo.group == NUCLEI]
    outcomes = []
    for held in held_out_objects(photos, LOOKED_AT, DataRules()):
        frame, state, mask = Frame.of(held.photo.image), ObjectState(), np.zeros(held.mask.shape, dtype=bool)
        for _ in range(CLICKS):
            click = ritm_center(held.mask, mask, None, state.prompts.clicks)
            if click is None:
                break
            state = advance(pipeline, frame, state, click)
            mask = state.mask(frame.size_hw, pipeline.threshold_logit)
        outcomes.append((held, state, iou(mask, held.mask)))
    if not outcomes:
        raise SystemExit(f"{shard} holds no photographs of the set {NUCLEI}.")
    return min(outcomes, key=lambda outcome: outcome[2])


def around(held: Held, mask: BoolMask, state: ObjectState) -> Image:
    """The surroundings of an object with clicks, mask and, dotted, the true outline."""
    x0, y0, x1, y1 = bounding_box(held.mask | mask)
    margin = max(x1 - x0, y1 - y0) // 2 + 8
    height, width = held.mask.shape
    left, top, right, bottom = (
        max(x0 - margin, 0),
        max(y0 - margin, 0),
        min(x1 + margin, width),
        min(y1 + margin, height),
    )
    part = np.ascontiguousarray(held.photo.image[top:bottom, left:right])
    small, scale = shrunk(part, grow=True)
    size = small.shape[1::-1]

    def scaled(values: BoolMask) -> BoolMask:
        shown = cv2.resize(values[top:bottom, left:right].astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(shown > 0.5)

    clicks = [Click((c.x - left) * scale, (c.y - top) * scale, c.positive) for c in state.prompts.clicks]
    drawn = np.array(draw_overlay(small, scaled(mask), clicks))
    outlines, _ = cv2.findContours(scaled(held.mask).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        for x, y in outline[::5, 0]:
            cv2.circle(drawn, (int(x), int(y)), 1, YELLOW, -1)
    return drawn


def shrunk(image: Image, *, grow: bool = False) -> tuple[Image, float]:
    """The image with its longer side at SIDE at most, and by how much it was scaled."""
    scale = SIDE / max(image.shape[:2])
    if scale >= 1 and not grow:
        return image, 1.0
    size = max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=how), dtype=np.uint8), scale


def write(path: Path, picture: Image) -> None:
    """Write a WebP."""
    cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_WEBP_QUALITY, QUALITY])


if __name__ == "__main__":
    main()
