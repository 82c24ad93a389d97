"""Write made-up scenes of furniture that training never sees, as labelled clouds to measure on.

    python benchmarks/made_up_clouds.py --catalogues /usr/share/sweethome3d --kind room --count 4 -o held_out
    clickmask evaluate clouds=held_out --model points --max-clicks 5 -o runs/rooms

Floors, walls and things with fewer than a hundred points are no objects: their label is 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from clickmask.formats.cloud_file import write_cloud
from clickmask.spatial.cloud import Cloud
from clickmask.train.clouds.scenes import MAKERS
from clickmask.train.clouds.sources import read_material

FEWEST_POINTS = 100


def main() -> None:
    """Write the scenes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogues", type=Path, required=True, help="folder with .sh3f files")
    parser.add_argument("--cache", type=Path, help="file that keeps the models' points, e.g. RUN/models.npz")
    parser.add_argument("--kind", choices=sorted(MAKERS), default="room")
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--seed", type=int, default=12345)
    parser.add_argument("-o", "--output", type=Path, required=True)
    chosen = parser.parse_args()
    models = read_material([chosen.catalogues], chosen.cache, held_out=True).models
    rng = np.random.default_rng(chosen.seed)
    for number in range(chosen.count):
        scene = MAKERS[chosen.kind](models, rng)
        labels = scene.instance + 1
        few = np.flatnonzero(np.bincount(labels) < FEWEST_POINTS)
        labels[np.isin(scene.instance, scene.surroundings) | np.isin(labels, few)] = 0
        _, compact = np.unique(np.append(labels, 0), return_inverse=True)
        write_cloud(
            chosen.output / f"{chosen.kind}{number}.npz", Cloud(scene.xyz, scene.rgb, compact[:-1].astype(np.int32))
        )
    print(f"{chosen.count} scenes in {chosen.output}")


if __name__ == "__main__":
    main()
