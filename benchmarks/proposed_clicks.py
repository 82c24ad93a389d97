"""Whether the proposed next click is worth making: IoU before it, after it, and after the robot user's own next click.

The robot user knows the truth and clicks at the centre of the largest error. The proposal knows nothing but the model's
probabilities; only the sign of its click comes from the truth, as it would from the person.

    python benchmarks/proposed_clicks.py berkeley=DIR --every 3
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import clickmask
from clickmask.core.masks import BoolMask, iou
from clickmask.core.prompts import Click
from clickmask.data import Sample, open_dataset
from clickmask.predict.predictor import Predictor
from clickmask.simulate import ROBOTS

ROBOT = "ritm_center"
CLICKS = (1, 2, 3)


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", metavar="DATASET=DIR")
    parser.add_argument("--model", default="default")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th object")
    arguments = parser.parse_args()
    name, folder = arguments.dataset.split("=", 1)
    samples = open_dataset(name, Path(folder)).samples[:: arguments.every]
    predictor = clickmask.load(arguments.model)
    print(f"{len(samples)} objects of {name}, model {arguments.model}, robot {ROBOT}\n")
    print(
        "| clicks | IoU | + proposed click | + robot's click | objects with a place | first is wrong | any is wrong |"
    )
    print("|---|---|---|---|---|---|---|")
    rows = [measure(predictor, sample) for sample in samples]
    for i, clicks in enumerate(CLICKS):
        found = [row[i] for row in rows]
        before, proposed, robot = np.mean([one[:3] for one in found], axis=0)
        wrong = [one[3] for one in found if one[3]]
        first, any_ = np.mean([w[0] for w in wrong]), np.mean([any(w) for w in wrong])
        share = len(wrong) / len(found)
        print(f"| {clicks} | {before:.3f} | {proposed:.3f} | {robot:.3f} | {share:.0%} | {first:.0%} | {any_:.0%} |")


def measure(predictor: Predictor, sample: Sample) -> list[tuple[float, float, float, list[bool]]]:
    """After each of CLICKS: IoU now, with the proposed click, with the robot's; whether each place is wrong now."""
    image, truth = sample.load()
    predictor.set_image(image)
    found = []
    for clicks in range(1, max(CLICKS) + 1):
        click(predictor, robot_click(predictor, truth.mask, truth.ignore))
        if clicks not in CLICKS:
            continue
        before = iou(predictor.mask, truth.mask, truth.ignore)
        places = predictor.uncertainty.places
        wrong = [bool(truth.mask[int(p.y), int(p.x)]) != p.inside for p in places]
        proposed = before
        if places:
            first = places[0]
            click(predictor, Click(first.x, first.y, bool(truth.mask[int(first.y), int(first.x)])))
            proposed = iou(predictor.mask, truth.mask, truth.ignore)
            predictor.undo()
        click(predictor, robot_click(predictor, truth.mask, truth.ignore))
        found.append((before, proposed, iou(predictor.mask, truth.mask, truth.ignore), wrong))
        predictor.undo()
    return found


def robot_click(predictor: Predictor, truth: BoolMask, ignore: BoolMask | None) -> Click | None:
    """The robot user's next click."""
    return ROBOTS.get(ROBOT)(truth, predictor.mask, ignore, predictor.state.prompts.clicks)


def click(predictor: Predictor, one: Click | None) -> None:
    """Make a click if there is one."""
    if one is not None:
        predictor.add_click(one.x, one.y, one.positive)


if __name__ == "__main__":
    main()
