from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import geojson
from clickmask.formats.annotation import AnnotatedImage, Annotation

from .golden import GOLDEN

OUTER, HOLE, SECOND = (
    [[1, 1], [4, 1], [4, 4], [1, 4], [1, 1]],
    [[2, 2], [2, 3], [3, 3], [3, 2], [2, 2]],
    [[5, 3], [6, 3], [6, 5], [5, 5], [5, 3]],
)


def feature(kind: str, coordinates: Any, **changes: Any) -> dict[str, Any]:
    properties = {"objectType": "annotation", "classification": {"name": "Tumor", "color": [200, 0, 0]}}
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": properties,
        **changes,
    }


def collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def test_the_golden_mask_is_a_multipolygon_with_a_hole() -> None:
    objects = (Annotation("Tumor", RunLengthMask.encode(GOLDEN), colour="#c80000"),)
    written, losses = geojson.serialize(AnnotatedImage("a.tif", (5, 6), objects))
    assert losses == []
    (found,) = written["features"]
    assert found["geometry"]["type"] == "MultiPolygon"
    first, second = found["geometry"]["coordinates"]
    assert [len(first), len(second)] == [2, 1]
    for ring, expected in ((first[0], OUTER), (first[1], HOLE), (second[0], SECOND)):
        turned = [ring[:-1][i:] + ring[:-1][:i] for i in range(4)]
        assert expected[:-1] in turned and ring[0] == ring[-1]
    assert found["properties"] == {
        "objectType": "annotation",
        "classification": {"name": "Tumor", "color": [200, 0, 0]},
    }


def test_a_file_of_qupath_is_read(tmp_path: Path) -> None:
    """As QuPath writes it: no size, the image beside it, ids and other kinds of objects among the features."""
    Image.new("RGB", (6, 5)).save(tmp_path / "slide.png")
    point = feature("Point", [1, 1])
    whole = collection(feature("MultiPolygon", [[OUTER, HOLE], [SECOND]], id="f3c1"), point)
    (tmp_path / "slide.geojson").write_text(json.dumps(whole))
    found = geojson.FORMAT.read(str(tmp_path))
    (image,) = found.images
    assert (image.path, image.size_hw) == ("slide.png", (5, 6))
    (annotation,) = image.annotations
    np.testing.assert_array_equal(annotation.mask.decode(), GOLDEN)
    assert (annotation.class_name, annotation.colour) == ("Tumor", "#c80000")
    assert found.losses == ("slide.png: features[1] is a Point, which encloses no area; it is left out.",)
    assert geojson.serialize(image)[0]["features"][0]["id"] == "f3c1"


@pytest.mark.parametrize("document", [feature("Polygon", [OUTER]), [feature("Polygon", [OUTER])]])
def test_single_features_and_lists_of_them_are_read(document: Any) -> None:
    image, _ = geojson.parse(document, "a", (5, 6))
    assert image.annotations[0].mask.area == 9


def test_the_direction_of_rings_and_a_height_do_not_matter() -> None:
    turned = [[[x, y, 0.5] for x, y in ring[::-1]] for ring in (OUTER, HOLE)]
    image, _ = geojson.parse(feature("Polygon", turned), "a", (5, 6))
    assert image.annotations[0].mask.area == 8


def test_with_center_the_rings_belong_to_the_object() -> None:
    """Outline from (0, 0) to (4, 4), hole from (1, 1) to (3, 3): only the pixel (2, 2) is left out."""
    rings = [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], [[1, 1], [1, 3], [3, 3], [3, 1], [1, 1]]]
    image, _ = geojson.parse(feature("Polygon", rings), "a", (5, 6), "center")
    mask = image.annotations[0].mask.decode()
    assert mask.sum() == 24 and not mask[2, 2]


def test_objects_without_a_class_get_a_name() -> None:
    image, _ = geojson.parse(feature("Polygon", [OUTER], properties=None), "a", (5, 6))
    assert image.annotations[0].class_name == "object"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"type": "Topology"}, "FeatureCollection or Feature"),
        (collection(1), r"features\[0\] must be an object"),
        ({"type": "FeatureCollection"}, "'features' must be a list"),
        (collection(feature("Polygon", [])), "at least three points"),
        (collection(feature("Polygon", [[[1, 1], [2, 2]]])), "at least three points"),
        (collection(feature("Polygon", [[["a", 1]]])), "must be numbers"),
        (collection(feature("Polygon", [[[1, 1], [1e12, 2], [3, 3]]])), "outside the image"),
        ({**collection(), "image": {"path": "a", "width": 0, "height": 5}}, "no size of an image"),
        (5, "must be an object"),
    ],
)
def test_damage_is_refused_with_its_place(tmp_path: Path, document: Any, text: str) -> None:
    Image.new("RGB", (6, 5)).save(tmp_path / "a.png")
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match=text) as caught:
        geojson.FORMAT.read(str(tmp_path))
    assert str(path) in str(caught.value)


def test_without_an_image_the_size_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text(json.dumps(collection()))
    with pytest.raises(FormatError, match="--images DIR"):
        geojson.FORMAT.read(str(tmp_path))
