"""Any folder of your own: `images/` + `masks/`, paired by file name without its ending.

Licence: yours. Masks are one-channel PNG, BMP, TIFF or GIF files of the image's size; what their values mean is
chosen, never guessed: see `clickmask.data.mask_values`. Images without a mask, and masks that show no object, are
left out and counted in the report.
"""

from __future__ import annotations

from pathlib import Path

from clickmask.data.files import find_folders, pair_by_stem
from clickmask.data.mask_values import sources_in
from clickmask.data.sample import Dataset, ReadOptions, Sample


def read(root: Path, options: ReadOptions) -> Dataset:
    """List the objects below `root`; reads every mask once to see its objects."""
    images, masks = find_folders(root, [("images", "masks")])
    samples: list[Sample] = []
    empty = 0
    for stem, image, mask in pair_by_stem(images, masks):
        found = sources_in(mask, options.mask_values)
        samples += [Sample(stem, object_id, image, source) for object_id, source in found]
        empty += not found
    notes = (f"{empty} masks show no object and are left out.",) if empty else ()
    return Dataset("folder", root, tuple(samples), None, notes)
