"""Readers of the field's data sets in their official layouts, and of any folder of images and masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clickmask.core.errors import InputError
from clickmask.core.registry import Registry
from clickmask.data.sample import Dataset, ReadOptions, Sample, Truth

Reader = Callable[[Path, ReadOptions], Dataset]

DATASETS: Registry[Reader] = Registry(
    "dataset",
    {
        "grabcut": "clickmask.data.grabcut:read",
        "berkeley": "clickmask.data.berkeley:read",
        "davis": "clickmask.data.davis:read",
        "davis_sequences": "clickmask.data.davis_sequences:read",
        "sbd": "clickmask.data.sbd:read",
        "coco": "clickmask.data.coco:read",
        "lvis": "clickmask.data.lvis:read",
        "pascal_voc": "clickmask.data.pascal_voc:read",
        "folder": "clickmask.data.folder:read",
    },
)


def open_dataset(name: str, root: Path, options: ReadOptions | None = None) -> Dataset:
    """List the objects of a registered data set; images and masks are read when asked for.

    Raises:
        InputError: unknown name, missing folder or files, or a folder without a single object.
    """
    read = DATASETS.get(name)
    if not root.is_dir():
        raise InputError(f"The folder of data set '{name}' does not exist: {root}")
    dataset = read(root, options or ReadOptions())
    if not dataset.samples:
        raise InputError(f"The data set '{name}' in {root} holds no object. {' '.join(dataset.notes)}".strip())
    return dataset


__all__ = ["DATASETS", "Dataset", "ReadOptions", "Reader", "Sample", "Truth", "open_dataset"]
