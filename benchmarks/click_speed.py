"""What a click costs beside the bare network, on photographs of 0.2 to 50 megapixels.

    python benchmarks/click_speed.py [--model default] [--megapixels 0.2 2 12 50] [--clicks 30]

In the same run, in turns, `Predictor.add_click` and a bare `session.run` on inputs of the same shape are timed, so
that whatever else the machine does weighs on both. The ratio of their medians is the figure to look at. The first
click on an object is told apart: the network runs twice for it (whole image, then the object's crop).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import clickmask
from clickmask.predict.onnx import FREE_SIZES
from clickmask.predict.predictor import Predictor

ASPECT = 3 / 2
HEADS = ("set_image", "first click", "x bare", "click", "p95", "bare", "x bare", "processor a click", "load")


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.2, 1, 2, 6, 12, 24, 50])
    parser.add_argument("--clicks", type=int, default=30, help="clicks after the first one, per size")
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    predictor = clickmask.load(arguments.model, threads=arguments.threads)
    bare = bare_run(predictor)
    if bare is None:
        raise SystemExit(
            f"The model '{predictor.pipeline.name}' does not run on ONNX Runtime: nothing to compare with."
        )
    print(f"| megapixels | {' | '.join(HEADS)} |")
    print(f"|{'---:|' * (len(HEADS) + 1)}")
    for megapixels in arguments.megapixels:
        print(line(measured(predictor, bare, megapixels, arguments.clicks)), flush=True)


@dataclass(frozen=True)
class Speed:
    """Milliseconds on photographs of one size.

    Attributes:
        megapixels: of the photographs.
        prepared: by `set_image`.
        first: median of an object's first click.
        click: median of later clicks.
        p95: of later clicks.
        bare: median of a bare run of the network, in turns with the clicks.
        processor: median of the processor time of later clicks, all threads: steadier where other work runs.
        load: of the machine while it was measured, averaged over a minute; nan where the system does not tell.
    """

    megapixels: float
    prepared: float
    first: float
    click: float
    p95: float
    bare: float
    processor: float
    load: float


def line(speed: Speed) -> str:
    """One row of the table."""
    times = [speed.first, speed.click, speed.p95, speed.bare]
    first, click, p95, bare = (f"{value:.1f} ms" for value in times)
    ratios = f"{speed.first / speed.bare:.2f}", f"{speed.click / speed.bare:.2f}"
    cells = [f"{speed.megapixels:g}", f"{speed.prepared:.1f} ms", first, ratios[0], click, p95, bare, ratios[1]]
    cells += [f"{speed.processor:.1f} ms", f"{speed.load:.1f}"]
    return f"| {' | '.join(cells)} |"


def measured(predictor: Predictor, bare: Callable[[], object], megapixels: float, clicks: int) -> Speed:
    """Times on a photograph of one size."""
    image, centre = photograph(megapixels)
    prepared = timed(lambda: predictor.set_image(image))
    first, later, network, processor = [], [], [], []
    rng = np.random.default_rng(0)
    for round_ in range(max(clicks // 10, 1) + 1):
        predictor.reset()
        start = timed(lambda: predictor.add_click(*centre))
        around = [timed(bare)]
        steps = []
        for _ in range(10):
            x, y = np.array(centre) + rng.uniform(-0.2, 0.2, 2) * image.shape[0]
            inside = predictor.mask[int(y), int(x)]
            used = time.process_time()
            steps.append(timed(lambda x=x, y=y, sign=not inside: predictor.add_click(x, y, sign)))
            processor.append((time.process_time() - used) * 1000)
            around.append(timed(bare))
        if round_:  # the first round warms caches
            first.append(start)
            later += steps
            network += around
    start, click, base, used = (float(np.median(times)) for times in (first, later, network, processor))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return Speed(megapixels, prepared, start, click, float(np.quantile(later, 0.95)), base, used, load)


def photograph(megapixels: float) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """A made-up photograph, 3:2, with an object of its own colour and texture in the middle, and its centre."""
    height = round((megapixels * 1e6 / ASPECT) ** 0.5)
    width = round(height * ASPECT)
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (24, 36, 3), dtype=np.uint8)
    image = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    cv2.ellipse(image, (width // 2, height // 2), (height // 4, height // 5), 20, 0, 360, (210, 60, 40), -1)
    tile = rng.integers(0, 24, (512, 512, 3), dtype=np.uint8)
    noise = np.tile(tile, (height // 512 + 1, width // 512 + 1, 1))[:height, :width]
    return cv2.add(image, noise), (width / 2, height / 2)


def bare_run(predictor: Predictor) -> Callable[[], object] | None:
    """The network alone, on inputs of the shape that a click gives it; None for a model that is no ONNX graph."""
    session: Any = getattr(predictor.pipeline.backend, "session", None)
    if session is None:
        return None
    rng = np.random.default_rng(0)
    sides = dict(zip(FREE_SIZES, predictor.pipeline.backend.input_hw, strict=True))
    feed = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else sides.get(size, 1) for size in value.shape]
        values = rng.integers(0, 256, shape) if "uint8" in value.type else rng.normal(size=shape)
        feed[value.name] = values.astype(np.uint8 if "uint8" in value.type else np.float32)
    return lambda: session.run(None, feed)


def timed(work: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
