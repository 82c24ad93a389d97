"""Fit the predicted IoU of a model on half of the held-out photographs, and show on the other half how true it is.

    python benchmarks/calibrate.py --shard val-000.tar default

Prints the numbers for the field ``quality`` of the model's spec, a table of predicted against true IoU, and what
a person gains who may choose among the views of an ambiguous first click.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from validate import WHOLE

from clickmask.api import build_pipeline
from clickmask.core.frames import Frame, LogitMap
from clickmask.core.masks import iou
from clickmask.core.prompts import Prompts
from clickmask.core.protocols import ObjectState, Request
from clickmask.predict.base import backend_step
from clickmask.predict.predictor import Pipeline, advance
from clickmask.predict.quality import FEATURES, Quality, features, independent_iou
from clickmask.predict.views import Views, closer_views
from clickmask.simulate.ritm_center import ritm_center
from clickmask.train.photos import IGNORE_ID
from clickmask.train.samples import DataRules
from clickmask.train.sources import read_sources
from clickmask.train.validation import Held, held_out_objects


@dataclass(frozen=True)
class Answer:
    """One mask: of which photograph, after which click, in which view (0: the pipeline's own), how good."""

    photo: int
    click: int
    view: int
    values: NDArray[np.float64]
    independent: float
    iou: float
    size: float


def main() -> None:
    """Collect, fit, print."""
    arguments = parse_arguments()
    photos = [p for p in read_sources([arguments.shard]) if arguments.all or p.group in WHOLE]
    order = np.random.default_rng(0).permutation(len(photos))
    objects = held_out_objects([photos[i] for i in order], arguments.objects, DataRules())
    pipeline = build_pipeline(arguments.model, threads=arguments.threads)
    answers = [a for held in objects for a in collect(pipeline, held, arguments.clicks)]
    learned, judged = ([a for a in answers if a.photo % 2 == part] for part in (0, 1))
    quality = fit(learned)
    print(f"{len(objects)} objects, {len(learned)} masks to fit, {len(judged)} to judge\n")
    print(f'"quality": {json.dumps({key: round(value, 4) for key, value in asdict(quality).items()})}\n')
    print(reliability(judged, quality))
    print(choices([a for a in judged if a.click == 1], quality))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--shard", type=Path, required=True, help="photographs that no model learned from")
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--clicks", type=int, default=4)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--all", action="store_true", help="also sets whose ids are parts or regions")
    return parser.parse_args()


def collect(pipeline: Pipeline, held: Held, clicks: int) -> list[Answer]:
    """The masks of the robot's clicks, and those of the views of the first one."""
    frame, state, found = Frame.of(held.photo.image), ObjectState(), []
    ignore = held.photo.ids == IGNORE_ID
    mask = np.zeros(frame.size_hw, dtype=bool)
    views = closer_views(Views(most_cut=1.0), backend_step(pipeline.backend), pipeline.backend.input_hw)
    for number in range(1, clicks + 1):
        click = ritm_center(held.mask, mask, ignore, state.prompts.clicks)
        if click is None:
            break
        state = advance(pipeline, frame, state, click)
        answers = [state.logits]
        if number == 1:
            answers += [result.logits for result in views(Request(frame, state.prompts))]
        mask = state.mask(frame.size_hw, pipeline.threshold_logit)
        found += [answer(pipeline, held, state.prompts, number, v, a) for v, a in enumerate(answers) if a is not None]
    return [a for a in found if np.isfinite(a.values).all()]


def answer(pipeline: Pipeline, held: Held, prompts: Prompts, click: int, view: int, logits: LogitMap) -> Answer:
    """One row; an empty mask has no features and is left out later."""
    size_hw, threshold = held.mask.shape, pipeline.threshold_logit
    mask = logits.mask(size_hw, threshold)
    empty = not (logits.values > threshold).any()
    values = np.full(len(FEATURES), np.nan) if empty else features(logits, prompts, size_hw, threshold)
    true = iou(mask, held.mask, held.photo.ids == IGNORE_ID)
    size = float(np.sqrt(held.mask.mean()))
    return Answer(held.number, click, view, values, independent_iou(logits.values, threshold), true, size)


def fit(answers: list[Answer]) -> Quality:
    """Least cross-entropy between predicted and true IoU, with a little weight decay."""
    x = np.array([a.values for a in answers])
    y = np.array([a.iou for a in answers])
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    scaled = np.hstack([np.ones((len(x), 1)), (x - mean) / spread])

    def loss(weights: NDArray[np.float64]) -> float:
        z = scaled @ weights
        return float(np.mean(np.logaddexp(0, z) - y * z) + 1e-4 * (weights**2).sum())

    weights = minimize(loss, np.zeros(scaled.shape[1])).x
    plain = weights[1:] / spread
    return Quality(float(weights[0] - (plain * mean).sum()), *plain.tolist())


def predicted(quality: Quality, answers: list[Answer]) -> NDArray[np.float64]:
    """(N,) expected IoU."""
    weights = np.array([getattr(quality, name) for name in FEATURES])
    z = np.array([a.values for a in answers]) @ weights + quality.bias
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -6, 6))))


def reliability(answers: list[Answer], quality: Quality) -> str:
    """Markdown: true IoU of masks whose predicted IoU falls into each tenth, for both figures."""
    true = np.array([a.iou for a in answers])
    lines = [
        "| predicted IoU | masks | true mean | by independent pixels: masks | true mean |",
        "|---|---|---|---|---|",
    ]
    ours, theirs = predicted(quality, answers), np.array([a.independent for a in answers])
    for low in np.arange(0.3, 1.0, 0.1):
        cells = []
        for figure in (ours, theirs):
            chosen = (figure >= low) & (figure < low + 0.1 + 1e-9)
            cells += [str(chosen.sum()), f"{true[chosen].mean():.3f}" if chosen.any() else ""]
        lines.append(f"| {low:.1f} to {low + 0.1:.1f} | {' | '.join(cells)} |")
    for name, figure in (("calibrated", ours), ("independent pixels", theirs)):
        lines.append(
            f"\n{name}: mean {figure.mean():.3f} (true {true.mean():.3f}), mean error "
            f"{np.abs(figure - true).mean():.3f}, correlation {np.corrcoef(figure, true)[0, 1]:.3f}"
        )
    return "\n".join(lines)


def choices(answers: list[Answer], quality: Quality) -> str:
    """What the first click is worth: the pipeline's own mask, the view with the best prediction, the best view."""
    objects: dict[tuple[int, float], list[Answer]] = {}
    for a in answers:
        objects.setdefault((a.photo, a.size), []).append(a)
    rows = list(objects.values())
    own = np.array([max((a.iou for a in row if a.view == 0), default=0.0) for row in rows])
    best = np.array([max(a.iou for a in row) for row in rows])
    chosen = np.array([row[int(np.argmax(predicted(quality, row)))].iou for row in rows])
    small = np.array([row[0].size < 0.2 for row in rows])
    lines = ["", f"First click, {len(rows)} objects ({small.sum()} small ones, below a fifth of the side):"]
    for name, values in (("own answer", own), ("highest predicted IoU", chosen), ("best of the views", best)):
        lines.append(f"- {name}: IoU {values.mean():.3f}, small ones {values[small].mean():.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
