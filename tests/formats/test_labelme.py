from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import labelme
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet

from .golden import GOLDEN, GOLDEN_PNG
from .strategies import masks


def document(*shapes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    base = {"version": "5.5.0", "flags": {}, "imagePath": "a.jpg", "imageData": None, "imageHeight": 5, "imageWidth": 6}
    return {**base, "shapes": list(shapes), **changes}


def shape(points: list[list[float]], kind: str = "polygon", **changes: Any) -> dict[str, Any]:
    return {"label": "cat", "points": points, "shape_type": kind, "group_id": None, "flags": {}, **changes}


def image_of(*parts: NDArray[np.bool_], path: str = "a.jpg") -> AnnotatedImage:
    objects = tuple(Annotation("cat", RunLengthMask.encode(m)) for m in parts)
    return AnnotatedImage(path, parts[0].shape, objects)  # type: ignore[arg-type]


def masks_of(written: dict[str, Any]) -> list[NDArray[np.bool_]]:
    image, losses = labelme.parse(json.loads(json.dumps(written)))
    assert losses == ()
    return [a.mask.decode() for a in image.annotations]


SQUARE: list[list[float]] = [[1, 1], [4, 1], [4, 4], [1, 4]]


def test_the_golden_mask_shape_is_read_and_written() -> None:
    corners: list[list[float]] = [[1, 1], [5, 4]]
    (mask,) = masks_of(document(shape(corners, "mask", mask=GOLDEN_PNG)))
    np.testing.assert_array_equal(mask, GOLDEN)
    (written,) = labelme.serialize(image_of(GOLDEN))[0]["shapes"]
    assert (written["shape_type"], written["points"]) == ("mask", corners)


@pytest.mark.parametrize(("convention", "pixels"), [("center", 16), ("edge", 9)])
@pytest.mark.parametrize("kind", ["polygon", "oriented_rectangle"])
def test_polygons_are_read_by_the_convention_asked_for(kind: str, convention: Any, pixels: int) -> None:
    image, _ = labelme.parse(document(shape(SQUARE, kind)), convention)
    assert image.annotations[0].mask.area == pixels


def test_rectangles_and_circles() -> None:
    (rectangle,) = masks_of(document(shape([[4, 4], [1, 1]], "rectangle")))
    assert rectangle.sum() == 16 and rectangle[1:5, 1:5].all()
    (circle,) = masks_of(document(shape([[2, 2], [3, 2]], "circle")))
    assert circle[2, 1:4].all() and circle[1:4, 2].all() and not circle[0].any()


def test_a_plain_block_becomes_a_polygon_through_pixel_centres() -> None:
    block = np.zeros((5, 6), dtype=bool)
    block[1:5, 1:5] = True
    (written,) = labelme.serialize(image_of(block))[0]["shapes"]
    assert written["shape_type"] == "polygon" and sorted(written["points"]) == sorted(SQUARE)


@pytest.mark.parametrize("style", ["auto", "mask"])
@given(mask=masks())
def test_any_mask_comes_back(style: Any, mask: NDArray[np.bool_]) -> None:
    written, losses = labelme.serialize(image_of(mask), style)
    if mask.any():
        np.testing.assert_array_equal(masks_of(written)[0], mask)
    else:
        assert "is empty" in losses[0] and written["shapes"] == []


def test_parts_written_as_polygons_share_a_group_and_come_back_as_one_object() -> None:
    parts = np.zeros((5, 6), dtype=bool)
    parts[0:2, 0:2] = parts[3:5, 3:6] = True
    written, losses = labelme.serialize(image_of(parts, parts[:, ::-1]), "polygon")
    assert losses == () and [s["group_id"] for s in written["shapes"]] == [1, 1, 2, 2]
    first, second = masks_of(written)
    np.testing.assert_array_equal(first, parts)
    np.testing.assert_array_equal(second, parts[:, ::-1])


def test_polygons_by_force_report_changed_pixels() -> None:
    _, losses = labelme.serialize(image_of(GOLDEN), "polygon")
    assert losses == ("a.jpg: object 1 ('cat'): 1 pixels change, because polygons hold no holes.",)


def test_shapes_without_area_are_reported() -> None:
    image, losses = labelme.parse(document(shape([[1, 1]], "point"), shape([[1, 1], [2, 2]], "linestrip")))
    assert image.annotations == () and len(losses) == 2 and "shapes[0] is a point" in losses[0]


def test_a_mask_that_reaches_over_the_edge_is_cut() -> None:
    (mask,) = masks_of(document(shape([[-2, -1], [2, 2]], "mask", mask=GOLDEN_PNG)))
    np.testing.assert_array_equal(mask[:3, :3], GOLDEN[2:5, 3:6])
    assert mask.sum() == GOLDEN[2:5, 3:6].sum()


def test_fractional_corners_leave_the_size_to_the_picture() -> None:
    (mask,) = masks_of(document(shape([[1.0, 1.0], [2.5, 2.5]], "mask", mask=GOLDEN_PNG)))
    np.testing.assert_array_equal(mask, GOLDEN)


def test_unknown_fields_survive_a_round_trip() -> None:
    own = shape([[1, 1], [5, 4]], "mask", mask=GOLDEN_PNG, description="left", score=0.5, flags={"odd": True})
    source = document(own, caption="two", flags={"checked": True})
    image, _ = labelme.parse(source)
    written, _ = labelme.serialize(image)
    written["shapes"][0].pop("mask")
    source["shapes"][0].pop("mask")
    assert written == source


def test_a_folder_tree_comes_back(tmp_path: Path) -> None:
    given_set = AnnotationSet((image_of(GOLDEN, path="x/a.jpg"), image_of(~GOLDEN, path="y/a.jpg")))
    written = labelme.FORMAT.write(given_set, str(tmp_path))
    assert [Path(p).relative_to(tmp_path).as_posix() for p in written.paths] == ["x/a.json", "y/a.json"]
    assert json.loads((tmp_path / "x" / "a.json").read_text())["imagePath"] == "a.jpg"
    back = labelme.FORMAT.read(str(tmp_path))
    assert [i.path for i in back.images] == ["x/a.jpg", "y/a.jpg"]
    assert [i.annotations[0].mask for i in back.images] == [i.annotations[0].mask for i in given_set.images]


@pytest.mark.parametrize(
    ("damaged", "text"),
    [
        ({"images": []}, "no 'shapes'"),
        (document(imageHeight="5"), "'imageHeight' must be a whole number"),
        (document(imagePath=None), "'imagePath' must be a text"),
        (document(shape([])), "pairs of finite numbers"),
        (document(shape([[1, 1], [2, 2], [3, 3]], "rectangle")), "has 2 points, got 3"),
        (document(shape([[1, 1], [5, 4]], "mask", mask="%%%")), "base64"),
        (document(shape([[1, 1], [5, 4]], "mask")), r"shapes\[0\].mask"),
        (document(shape(SQUARE, label="")), "'label' must be a text"),
    ],
)
def test_damage_is_refused_with_its_place(tmp_path: Path, damaged: Any, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(damaged))
    with pytest.raises(FormatError, match=text) as caught:
        labelme.FORMAT.read(str(path))
    assert str(path) in str(caught.value)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no \.json file"):
        labelme.FORMAT.read(str(tmp_path))
