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
        "cvat": "clickmask.formats.cvat:FORMAT",
        "datumaro": "clickmask.formats.datumaro:FORMAT",
        "geojson": "clickmask.formats.geojson:FORMAT",
        "geojson_world": "clickmask.formats.geojson_world:FORMAT",
        "geotiff": "clickmask.formats.geotiff:FORMAT",
        "labelme": "clickmask.formats.labelme:FORMAT",
        "labelstudio": "clickmask.formats.label_studio:FORMAT",
        "lvis": "clickmask.formats.lvis:FORMAT",
        "npz": "clickmask.formats.npz:FORMAT",
        "png": "clickmask.formats.mask_png:FORMAT",
        "png_grey": "clickmask.formats.png_grey:FORMAT",
        "voc": "clickmask.formats.voc:FORMAT",
        "yolo": "clickmask.formats.yolo:FORMAT",
    },
)
"""Annotation formats by name."""
