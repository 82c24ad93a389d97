"""How long a click on a point cloud takes: made-up rooms, tiled to the size that is asked for.

    python benchmarks/cloud_clicks.py points --points 100000 5000000 --threads 2

Prints one line per size: opening the cloud and sorting its points into cells, which the annotator does before the first
click, then the median of clicks, and the process's peak memory. Compare rows of one run; other work on the
machine changes all of them.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from clickmask.api import load_cloud


def tiled_rooms(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """`count` points of rooms side by side, their colours, and rows in the middle of things to click on."""
    from clickmask.train.clouds.scenes import room

    rng = np.random.default_rng(seed)
    scene = room([], rng)
    copies = max(round(count / len(scene.xyz)), 1)
    side = int(np.ceil(np.sqrt(copies)))
    shift = np.array([(i % side, i // side, 0) for i in range(copies)], dtype=np.float32) * 7
    xyz = (scene.xyz[None] + shift[:, None]).reshape(-1, 3)
    xyz = (xyz + rng.normal(0, 0.002, xyz.shape)).astype(np.float32)
    things = [n for n in np.unique(scene.instance) if n not in scene.surroundings]
    rows = [int(rng.choice(np.flatnonzero(scene.instance == n))) for n in things]
    keep = rng.permutation(len(xyz))[:count] if len(xyz) > count else np.arange(len(xyz))
    place = np.full(len(xyz), -1)
    place[keep] = np.arange(len(keep))
    return xyz[keep], np.tile(scene.rgb, (copies, 1))[keep], [int(place[row]) for row in rows if place[row] >= 0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="points")
    parser.add_argument("--points", type=int, nargs="+", default=[100_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--backend", default=None)
    chosen = parser.parse_args()
    predictor = load_cloud(chosen.model, threads=chosen.threads, backend=chosen.backend)
    for count in chosen.points:
        xyz, rgb, rows = tiled_rooms(count)
        started, busy = time.perf_counter(), time.process_time()
        predictor.set_cloud(xyz, rgb)
        _ = predictor.frame.index, predictor.frame.bounds
        opened, worked = time.perf_counter() - started, time.process_time() - busy
        seconds, cpu = [], []
        for row in (rows * chosen.clicks)[: chosen.clicks]:
            before, busy = time.perf_counter(), time.process_time()
            predictor.reset()
            predictor.add_click(row)
            seconds.append(time.perf_counter() - before)
            cpu.append(time.process_time() - busy)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{len(xyz)} points, voxel {predictor.voxel_size:.3f} m: open {opened * 1000:.0f} ms (CPU "
            f"{worked * 1000:.0f} ms), "
            f"clicks median {np.median(seconds) * 1000:.0f} ms (CPU {np.median(cpu) * 1000:.0f} ms), worst "
            f"{max(seconds) * 1000:.0f} ms (CPU {max(cpu) * 1000:.0f} ms); peak {peak:.0f} MiB"
        )


if __name__ == "__main__":
    main()
