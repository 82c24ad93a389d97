"""CPU seconds of one graph cut on an image of half a megapixel, one core, on the answers of a model.

    OMP_NUM_THREADS=1 python benchmarks/graph_cut_speed.py grabcut=DIR

Every image is resized to the asked number of pixels, a robot user clicks, and the cut of each answer is timed.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np

from clickmask.api import build_pipeline
from clickmask.cli.evaluate import open_all
from clickmask.core.frames import Frame
from clickmask.core.protocols import ObjectState, Request
from clickmask.data import ReadOptions
from clickmask.predict.graph_cut import GraphCut, cut
from clickmask.predict.predictor import advance
from clickmask.simulate.ritm_center import ritm_center


def main() -> None:
    """Print median and largest time after each click, for the band and for the whole crop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", metavar="DATASET=DIR")
    parser.add_argument("--model", default="default")
    parser.add_argument("--pixels", type=float, default=0.5e6)
    parser.add_argument("--clicks", type=int, default=3)
    parser.add_argument("--limit", type=int, default=50)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    pipeline = build_pipeline(arguments.model, threads=1)
    (dataset,) = open_all([arguments.dataset], ReadOptions())
    settings = {"band": GraphCut(), "whole crop": GraphCut(band=1e9)}
    seconds = {name: [] for name in settings}
    for sample in dataset.samples[: arguments.limit]:
        image, truth = sample.load()
        scale = (arguments.pixels / truth.mask.size) ** 0.5
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
        mask = cv2.resize(truth.mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        times = measured(pipeline, image, mask, arguments.clicks, settings)
        for name, values in times.items():
            seconds[name].append(values)
    print("| what is solved | click | median CPU s | largest CPU s |\n|---|---|---|---|")
    for name, rows in seconds.items():
        for click, values in enumerate(np.array(rows).T, start=1):
            print(f"| {name} | {click} | {np.median(values):.3f} | {values.max():.3f} |")


def measured(pipeline, image, truth, clicks, settings):
    """Seconds of the cut after each click, by setting."""
    frame, state, mask = Frame.of(image), ObjectState(), np.zeros(truth.shape, bool)
    times = {name: [] for name in settings}
    for _ in range(clicks):
        click = ritm_center(truth, mask, None, state.prompts.clicks)
        if click is not None:
            state = advance(pipeline, frame, state, click)
        mask = state.mask(truth.shape, pipeline.threshold_logit)
        for name, chosen in settings.items():
            started = time.process_time()
            cut(chosen, state.logits, Request(frame, state.prompts), pipeline.threshold_logit)
            times[name].append(time.process_time() - started)
    return times


if __name__ == "__main__":
    main()
