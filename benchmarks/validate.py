"""Clicks that models need on held-out training photographs: the figures that decisions are taken by.

    python benchmarks/validate.py --shard val-000.tar default runs/compact-2
    python benchmarks/validate.py --shard val-000.tar default --zoom-in expansion=1.6 --stages flip

Benchmark sets are for reporting, never for choosing; this is what choices are made with. The robot is that of the
published protocol, with fewer clicks. Without --all only sets whose ids are whole objects are used.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.api import assemble, build_pipeline
from clickmask.predict.predictor import Pipeline
from clickmask.train.samples import DataRules
from clickmask.train.sources import read_sources
from clickmask.train.validation import Held, click_ious, held_out_objects

WHOLE = ("coco_mini", "coco_person", "animals7", "ccp", "bsds_regions", "human290", "misc_objects", "cutouts")
TARGETS = (0.80, 0.85, 0.90)
AT = (1, 2, 3, 5)
SIZES = (0, 0.1, 0.2, 0.4, 1)


def main() -> None:
    """Print a Markdown table, one row a model, and with --parts rows by set and size."""
    arguments = parse_arguments()
    photos = [p for p in read_sources([arguments.shard]) if arguments.all or p.group in WHOLE]
    order = np.random.default_rng(0).permutation(len(photos))  # shards are sorted by set: a part should hold all
    objects = held_out_objects([photos[i] for i in order], arguments.objects, DataRules())
    print(f"{len(objects)} objects of {len({held.photo.group for held in objects})} sets, {arguments.clicks} clicks\n")
    print("| model | NoC@80 / 85 / 90 | 95 % of NoC@90 | IoU@1 / 2 / 3 / 5 | 95 % of IoU@1 | ms a click |")
    print("|---|---|---|---|---|---|")
    for name in arguments.models:
        pipeline = varied(build_pipeline(name, threads=arguments.threads), arguments)
        curves, milliseconds = measured(pipeline, objects, arguments.clicks)
        print(row(name, curves, milliseconds), flush=True)
    for label, chosen in parts(objects) if arguments.parts else ():
        print(row(f"{label} ({chosen.sum()})", curves[chosen], milliseconds))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or folders of exported models")
    parser.add_argument("--shard", type=Path, required=True, help="photographs that no model learned from")
    parser.add_argument("--objects", type=int, default=100)
    parser.add_argument("--clicks", type=int, default=8)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--all", action="store_true", help="also sets whose ids are parts or regions")
    parser.add_argument("--parts", action="store_true", help="also rows by set and by size, of the last model")
    parser.add_argument("--stages", nargs="*", default=[], help="further stages, e.g. flip")
    parser.add_argument("--zoom-in", nargs="*", default=[], metavar="FIELD=VALUE", help="fields of ZoomIn")
    return parser.parse_args()


def varied(pipeline: Pipeline, arguments: argparse.Namespace) -> Pipeline:
    """The pipeline with the stages and the zoom-in that were asked for."""
    if not arguments.stages and not arguments.zoom_in:
        return pipeline
    changes: dict[str, Any] = {}
    for text in arguments.zoom_in:
        field, _, value = text.partition("=")
        changes[field] = json.loads(value)
    spec = replace(pipeline.spec, zoom_in={**(pipeline.spec.zoom_in or {}), **changes})
    return Pipeline(spec, pipeline.backend, assemble(spec, pipeline.backend, arguments.stages))


def measured(pipeline: Pipeline, objects: Sequence[Held], clicks: int) -> tuple[NDArray[np.float64], float]:
    """(objects, clicks) IoU after every click, and milliseconds per click with the robot's share."""
    started = time.perf_counter()
    curves = np.array([click_ious(pipeline, held, clicks) for held in objects])
    return curves, (time.perf_counter() - started) * 1000 / curves.size


def parts(objects: Sequence[Held]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Sets, then sizes: a size is the root of an object's share of its photograph."""
    groups = np.array([held.photo.group for held in objects])
    for group in np.unique(groups):
        yield str(group), groups == group
    sizes = np.sqrt([held.mask.mean() for held in objects])
    for low, high in pairwise(SIZES):
        chosen = (sizes >= low) & (sizes < high)
        if chosen.any():
            yield f"size {low} to {high}", chosen


def row(name: str, curves: NDArray[np.float64], milliseconds: float) -> str:
    """One line of the table."""
    rng = np.random.default_rng(0)
    drawn = [curves[rng.integers(0, len(curves), len(curves))] for _ in range(1000)]
    low, high = np.percentile([noc(each, 0.90) for each in drawn], [2.5, 97.5])
    least, most = np.percentile([each[:, 0].mean() for each in drawn], [2.5, 97.5])
    nocs = " / ".join(f"{noc(curves, target):.2f}" for target in TARGETS)
    ious = " ".join(f"{curves[:, k - 1].mean():.3f}" for k in AT if k <= curves.shape[1])
    spread = f"{low:.2f} to {high:.2f} | {ious} | {least:.2f} to {most:.2f}"
    return f"| {name} | {nocs} | {spread} | {milliseconds:.0f} |"


def noc(curves: NDArray[np.float64], target: float) -> float:
    """Mean number of clicks to an IoU of `target`; the number of clicks allowed where it is not reached."""
    reached = curves >= target
    return float(np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, curves.shape[1]).mean())


if __name__ == "__main__":
    main()
