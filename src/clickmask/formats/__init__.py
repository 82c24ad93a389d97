"""Files: images, masks and annotations, read and written. One module per kind, parse and serialize in pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clickmask.core.registry import Registry

if TYPE_CHECKING:
    from clickmask.formats.annotation import AnnotationFormat

FORMATS: Registry[AnnotationFormat] = Registry(
    "format",
    {
        "coco": "clickmask.formats.coco:FORMAT",
        "labelme": "clickmask.formats.labelme:FORMAT",
        "png": "clickmask.formats.mask_png:FORMAT",
    },
)
"""Annotation formats by name."""
