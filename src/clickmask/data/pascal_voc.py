"""Pascal VOC 2012 (Everingham et al. 2012): instance masks of 1,449 validation photographs.

Licence: Flickr photographs under their own; the annotations for research. Layout: `JPEGImages/NAME.jpg`,
`SegmentationObject/NAME.png` (indexed: 0 background, 255 void, each other value one object) and
`ImageSets/Segmentation/SPLIT.txt`, in the folder given, its `VOC2012/` or `VOCdevkit/VOC2012/`. Void pixels are
ignored. Published figures count 3,417 objects (RITM's list) or about 3,427 (every value but 0 and 255: FCA-Net,
SimpleClick); this reader lists every value.
"""

from __future__ import annotations

from pathlib import Path

from clickmask.data.files import find_folders, need_file, read_list, read_values
from clickmask.data.mask_values import ValuesTruth, instance_values
from clickmask.data.sample import Dataset, ReadOptions, Sample

READING = "instances-void"
PLACES = ("", "VOC2012/", "VOCdevkit/VOC2012/")
PARTS = ("JPEGImages", "SegmentationObject", "ImageSets/Segmentation")


def read(root: Path, options: ReadOptions) -> Dataset:
    """List the objects of one split (``"val"`` unless told) below `root`; reads every mask once."""
    layouts = [[place + part for part in PARTS] for place in PLACES]
    images, masks, lists = find_folders(root, layouts)
    split = options.split or "val"
    samples: list[Sample] = []
    for name in read_list(lists / f"{split}.txt"):
        image, mask = need_file(images / f"{name}.jpg", "image"), need_file(masks / f"{name}.png", "mask")
        values = instance_values(read_values(mask), READING)
        samples += [Sample(name, str(value), image, ValuesTruth(mask, READING, value)) for value in values]
    notes = ("Published figures are over 3,417 objects (RITM) or over every value but 0 and 255, as here.",)
    return Dataset("pascal_voc", root, tuple(samples), None, notes if split == "val" else ())
