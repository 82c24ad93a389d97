"""Make the point cloud that the annotator shows when it is started without a path: a made-up table top, seed 65.

python benchmarks/sample_cloud.py src/clickmask/server/sample/table.ply
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from clickmask.formats.cloud_file import write_cloud
from clickmask.spatial.cloud import Cloud
from clickmask.train.clouds.scanner import thinned
from clickmask.train.clouds.scenes import tabletop

SEED, EDGE = 65, 0.0065
"""Seven things stand on that table, none hidden; points 6.5 mm apart make a file of a third of a megabyte."""


def main(target: Path) -> None:
    scene = tabletop([], np.random.default_rng(SEED))
    rows = thinned(scene.xyz, EDGE, np.random.default_rng(SEED))
    write_cloud(target, Cloud(scene.xyz[rows].astype(np.float32), None if scene.rgb is None else scene.rgb[rows]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
