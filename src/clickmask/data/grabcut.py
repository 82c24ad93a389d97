"""GrabCut (Rother, Kolmogorov, Blake 2004): 50 photographs, one object each.

Licence: none stated by the authors. Layout: `data_GT/NAME.jpg|bmp` + `boundary_GT/NAME.bmp`, or `images/` +
`masks/`. Mask values: 0 background, above 128 object, exactly 128 an ignored band along the outline, which
counts neither for the robot nor for IoU; taking it for background costs 0.1 to 0.3 clicks.
"""

from __future__ import annotations

from pathlib import Path

from clickmask.data.files import find_folders, pair_by_stem
from clickmask.data.mask_values import ValuesTruth
from clickmask.data.sample import Dataset, ReadOptions, Sample

PUBLISHED_OBJECTS = 50


def read(root: Path, options: ReadOptions) -> Dataset:
    """List the objects below `root`; there is one split, so `options` changes nothing."""
    images, masks = find_folders(root, [("data_GT", "boundary_GT"), ("images", "masks")])
    samples = (
        Sample(stem, "1", image, ValuesTruth(mask, "trimap")) for stem, image, mask in pair_by_stem(images, masks)
    )
    return Dataset("grabcut", root, tuple(samples), PUBLISHED_OBJECTS)
