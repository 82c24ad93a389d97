"""SBD (Hariharan et al. 2011): instance masks for 11,355 Pascal VOC photographs; published figures use 6,671 of them.

Licence: none stated for the masks, Flickr photographs under their own. Layout: `img/NAME.jpg`, `inst/NAME.mat`
(`GTinst.Segmentation`: 0 background, each other value one object), `val.txt` and `train.txt`, in the folder given,
its `dataset/` or `benchmark_RELEASE/dataset/`. Every object of the split counts: no area filter, no ignore region.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from clickmask.core.errors import FormatError
from clickmask.data.files import find_folders, need_file, read_list
from clickmask.data.sample import Dataset, ReadOptions, Sample, Truth

PUBLISHED_OBJECTS = {"val": 6671, "train": 20172}
PLACES = ("", "dataset/", "benchmark_RELEASE/dataset/")


@dataclass(frozen=True, slots=True)
class InstanceTruth:
    """Truth of one value of a MATLAB instance map."""

    path: Path
    value: int

    def load(self) -> Truth:
        """Read the file."""
        return Truth(np.asarray(read_instances(self.path) == self.value))


def read_instances(path: Path) -> NDArray[np.int32]:
    """(H, W) instance values of an `inst/*.mat` file."""
    need_file(path, "instance map")
    try:
        segmentation = loadmat(path)["GTinst"]["Segmentation"][0, 0]
    except (MatReadError, ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise FormatError(
            f"{path} is not an SBD instance map (a MATLAB file with GTinst.Segmentation): {error}"
        ) from error
    return np.asarray(segmentation, dtype=np.int32)


def read(root: Path, options: ReadOptions) -> Dataset:
    """List the objects of one split (``"val"`` unless told) below `root`; reads every instance map once."""
    images, instances = find_folders(root, [(f"{place}img", f"{place}inst") for place in PLACES])
    split = options.split or "val"
    samples: list[Sample] = []
    for name in read_list(images.parent / f"{split}.txt"):
        image, path = need_file(images / f"{name}.jpg", "image"), instances / f"{name}.mat"
        values = [int(value) for value in np.unique(read_instances(path)) if value != 0]
        samples += [Sample(name, str(value), image, InstanceTruth(path, value)) for value in values]
    return Dataset("sbd", root, tuple(samples), PUBLISHED_OBJECTS.get(split))
