"""LVIS v1 (Gupta et al. 2019): fine masks of over 1,200 classes on COCO photographs.

Licence: annotations CC BY 4.0, Flickr photographs under their own. Layout: `lvis_v1_SPLIT.json` (in the folder or
its `annotations/`) and photographs in `train2017/` and `val2017/`: the validation split draws on both, the last
two parts of an image's `coco_url` say which.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from clickmask.data.coco import list_objects, read_annotations
from clickmask.data.files import find_folders
from clickmask.data.sample import Dataset, ReadOptions


def read(root: Path, options: ReadOptions) -> Dataset:
    """List the objects of one split (``"val"`` unless told) below `root`."""
    name = f"lvis_v1_{options.split or 'val'}.json"
    (annotations,) = find_folders(root, [(name,), (f"annotations/{name}",)])
    content = read_annotations(annotations)
    paths = {image["id"]: root.joinpath(*PurePosixPath(image["coco_url"]).parts[-2:]) for image in content["images"]}
    samples, notes = list_objects(content, paths)
    return Dataset("lvis", root, samples, None, notes)
