"""Do ONNX Runtime and torch give the same probabilities? Asked on crops of real photographs with clicks on objects.

    python benchmarks/agreement.py --shard val-000.tar [--model default] [--crops 200]

Every crop is one that a click makes: the robot of the published protocol clicks on held-out objects through the whole
pipeline on ONNX Runtime, and each question that reaches the network is put to torch as well. Printed are the largest
difference in probability, the mean of the crops' largest, and how many pixels lie on different sides of the threshold.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from validate import WHOLE

from clickmask.api import assemble, build_pipeline
from clickmask.core.frames import FloatMap, Frame
from clickmask.core.prompts import Prompts
from clickmask.predict.predictor import Pipeline
from clickmask.train.samples import DataRules
from clickmask.train.sources import read_sources
from clickmask.train.validation import Held, click_ious, held_out_objects

CLICKS = 4
LIMIT = 1e-3
"""Largest difference in probability that an exported model may show."""


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shard", type=Path, required=True, help="photographs that no model learned from")
    parser.add_argument("--model", default="default")
    parser.add_argument("--crops", type=int, default=200)
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    photos = [photo for photo in read_sources([arguments.shard]) if photo.group in WHOLE]
    order = np.random.default_rng(0).permutation(len(photos))
    objects = held_out_objects([photos[i] for i in order], arguments.crops // CLICKS + 1, DataRules())
    largest, apart, pixels = differences(arguments.model, objects, arguments.crops, arguments.threads)
    print(
        f"{arguments.model}: {len(largest)} crops, largest difference {max(largest):.2e} in probability "
        f"(limit {LIMIT:g}), mean of the crops' largest {np.mean(largest):.2e}, "
        f"{apart} of {pixels} pixels on different sides of the threshold"
    )
    if max(largest) > LIMIT:
        raise SystemExit("The runtimes disagree.")


def differences(
    model: str, objects: Sequence[Held], crops: int, threads: int | None = None
) -> tuple[list[float], int, int]:
    """Largest difference in probability of each crop, pixels on different sides of the threshold, and all pixels."""
    light = build_pipeline(model, threads=threads)
    both = _Both(light.backend, build_pipeline(model, threads=threads, backend="torch").backend, light.threshold_logit)
    pipeline = Pipeline(light.spec, both, assemble(light.spec, both))
    for held in objects:
        if len(both.largest) >= crops:
            break
        click_ious(pipeline, held, CLICKS)
    return both.largest[:crops], both.apart, both.pixels


class _Both:
    """A backend that puts every question to a second one too, and answers with the first one's logits."""

    def __init__(self, first: Any, second: Any, threshold_logit: float) -> None:
        self.input_hw, self.capabilities = first.input_hw, first.capabilities
        self._first, self._second, self._threshold = first, second, threshold_logit
        self.largest: list[float] = []
        self.apart = self.pixels = 0

    def embed(self, frame: Frame) -> tuple[Any, Any]:
        return self._first.embed(frame), self._second.embed(frame)

    def decode(self, embedding: tuple[Any, Any], prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        ours: FloatMap = self._first.decode(embedding[0], prompts, previous)
        theirs = self._second.decode(embedding[1], prompts, previous)
        difference = np.abs(1 / (1 + np.exp(-ours.astype(np.float64))) - 1 / (1 + np.exp(-theirs.astype(np.float64))))
        self.largest.append(float(difference.max()))
        self.apart += int(np.count_nonzero((ours > self._threshold) != (theirs > self._threshold)))
        self.pixels += ours.size
        return ours


if __name__ == "__main__":
    main()
