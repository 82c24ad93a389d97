"""Berkeley (McGuinness & O'Connor 2010): 100 objects in 96 photographs of BSDS.

Licence: photographs for non-commercial research. Layout: `images/NAME.jpg` + `masks/NAME.png`; a photograph with
two objects is there twice, under two names. Mask values: above 128 object. The published loader is that of
GrabCut, so a value of exactly 128 is ignored; the copies in circulation hold none.
"""

from __future__ import annotations

from pathlib import Path

from clickmask.data.files import find_folders, pair_by_stem
from clickmask.data.mask_values import ValuesTruth
from clickmask.data.sample import Dataset, ReadOptions, Sample

PUBLISHED_OBJECTS = 100


def read(root: Path, options: ReadOptions) -> Dataset:
    """List the objects below `root`; there is one split, so `options` changes nothing."""
    images, masks = find_folders(root, [("images", "masks")])
    samples = (
        Sample(stem, "1", image, ValuesTruth(mask, "trimap")) for stem, image, mask in pair_by_stem(images, masks)
    )
    return Dataset("berkeley", root, tuple(samples), PUBLISHED_OBJECTS)
