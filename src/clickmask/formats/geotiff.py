"""GeoTIFF masks: 16 bits per pixel, class number times 1000 plus the number of the object, on the image's own grid.

The numbers are those of `png_grey`, `labels.txt` names the classes; the georeference is that of the image, tag for tag.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile

from clickmask.formats.annotation import (
    AnnotatedImage,
    AnnotationStream,
    ClassTable,
    Convention,
    ImageLookup,
)
from clickmask.formats.georeference import TIFF_SUFFIXES, read_georeference
from clickmask.formats.png_grey import GreyPng, values_of

TILE = 256
NO_PLACE = "has no georeference, so"


class GeoTiffMasks(GreyPng):
    """Folder of georeferenced 16-bit TIFFs with class and object numbers."""

    title = "GeoTIFF"
    summary = "folder of 16-bit GeoTIFFs on the images' own grids, numbers as in png_grey, and labels.txt"
    suffixes = TIFF_SUFFIXES

    def open(
        self, source: str, *, convention: Convention | None = None, find_image: ImageLookup | None = None
    ) -> AnnotationStream:
        """One TIFF, or every TIFF in a folder and below, with the class names of its `labels.txt`."""
        stream = super().open(source, convention=convention, find_image=find_image)
        root = Path(source)
        folder = root if root.is_dir() else root.parent

        def images() -> Iterator[AnnotatedImage]:
            for image in stream.images:
                yield replace(image, georeference=read_georeference(folder / image.path))

        return replace(stream, images=images())

    def encode_image(self, image: AnnotatedImage, classes: ClassTable) -> bytes:
        """16-bit TIFF in tiles, packed with Deflate; see `png_grey.values_of`."""
        tags = [] if image.georeference is None else image.georeference.extratags()
        buffer = io.BytesIO()
        tifffile.imwrite(
            buffer, values_of(image, classes).astype(np.uint16), photometric="minisblack", compression="zlib",
            tile=(TILE, TILE), metadata=None, extratags=tags,
        )  # fmt: skip
        return buffer.getvalue()

    def losses(self, image: AnnotatedImage) -> list[str]:
        """What lies under other objects, and that an image has no georeference."""
        lost = [] if image.georeference else [f"{image.path} {NO_PLACE} its masks have none."]
        return [*lost, *super().losses(image)]


FORMAT = GeoTiffMasks()
