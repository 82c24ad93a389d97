"""Images that lie somewhere on the earth: their place comes with them into masks and outlines, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clickmask.core.errors import FormatError
from clickmask.core.masks import RunLengthMask
from clickmask.formats import FORMATS
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet
from clickmask.formats.georeference import Georeference, from_json, georeference_of, read_georeference
from clickmask.formats.image_names import FolderImages

from .golden import GOLDEN
from .strategies import masks

UTM = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
"""GeoKeys: a projected system, pixels are areas, EPSG:32633."""
POINT = (*UTM[:11], 2, *UTM[12:])
DEGREES = (1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 4326)
OWN = (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32767)


def scaled(keys: tuple[int, ...] = UTM, x: float = 500_000.0, y: float = 4_649_776.5, size: float = 0.25) -> Any:
    return {33550: (size, size, 0.0), 33922: (0.0, 0.0, 0.0, x, y, 0.0), 34735: keys, 34737: "WGS 84 / UTM zone 33N|"}


TURNED = {34264: (0.3, -0.1, 0.0, 7e5, 0.1, 0.3, 0.0, 5e6, *[0.0] * 4, *[0.0] * 3, 1.0), 34735: UTM}


def write_image(folder: Path, name: str, tags: Any, size_hw: tuple[int, int] = GOLDEN.shape, **more: Any) -> Path:
    extra = Georeference(tags).extratags() if tags else []
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(
        folder / name, np.zeros((*size_hw, 3), np.uint8), photometric="rgb", extratags=[*extra, *more.get("extra", [])]
    )
    return folder / name


def one(mask: NDArray[np.bool_] = GOLDEN, tags: Any = None, path: str = "a.tif") -> AnnotationSet:
    annotations = (Annotation("field", RunLengthMask.encode(mask)),)
    place = None if tags is None else Georeference(tags)
    return AnnotationSet((AnnotatedImage(path, mask.shape, annotations, georeference=place),))


def test_the_corner_of_the_image_is_the_tie_point_where_pixels_are_areas() -> None:
    place = Georeference(scaled())
    np.testing.assert_allclose(
        place.to_world(np.array([[0.0, 0.0], [4.0, 2.0]])), [[500_000, 4_649_776.5], [500_001, 4_649_776]]
    )
    assert place.epsg == 32633


def test_where_pixels_are_points_the_tie_point_is_the_centre_of_the_first() -> None:
    """OGC 19-008r4, 7.1.2.1: PixelIsPoint moves the raster by half a pixel."""
    corner = Georeference(scaled(POINT)).to_world(np.array([[0.5, 0.5]]))
    np.testing.assert_allclose(corner, [[500_000, 4_649_776.5]])


def test_a_tie_point_elsewhere_and_a_turned_grid() -> None:
    tied = {**scaled(), 33922: (10.0, 20.0, 0.0, 100.0, 200.0, 0.0)}
    np.testing.assert_allclose(Georeference(tied).to_world(np.array([[10.0, 20.0]])), [[100, 200]])
    np.testing.assert_allclose(Georeference(TURNED).to_world(np.array([[10.0, 20.0]])), [[7e5 + 1, 5e6 + 7]])


@pytest.mark.parametrize(("keys", "epsg"), [(UTM, 32633), (DEGREES, 4326), (OWN, None), ((1, 1, 0, 0), None)])
def test_the_number_of_the_system(keys: tuple[int, ...], epsg: int | None) -> None:
    assert Georeference(scaled(keys)).epsg == epsg


def test_files_without_a_plain_place_have_none(tmp_path: Path) -> None:
    control = [(33922, "d", 12, tuple(map(float, range(12))), True)]
    assert read_georeference(write_image(tmp_path, "plain.tif", None)) is None
    assert read_georeference(write_image(tmp_path, "control.tif", None, extra=control)) is None
    assert read_georeference(write_image(tmp_path, "turned.tif", scaled(), extra=[(274, "H", 1, 6, True)])) is None
    assert read_georeference(tmp_path / "photo.jpg") is None
    (tmp_path / "cut.tif").write_bytes(b"II*\0\x08")
    with pytest.raises(FormatError, match=r"cut\.tif"):
        read_georeference(tmp_path / "cut.tif")


@pytest.mark.parametrize("tags", [scaled(), scaled(POINT), scaled(DEGREES, 12.5, 41.9, 1e-6), TURNED])
def test_a_geotiff_of_masks_has_the_tags_of_its_image(tags: Any, tmp_path: Path) -> None:
    (written, _) = FORMATS.get("geotiff").write(one(tags=tags), str(tmp_path)).paths
    with tifffile.TiffFile(written) as file:
        found = {code: file.pages[0].tags[code].value for code in tags}
        values = file.asarray()
    assert found == tags
    assert values.dtype == np.uint16 and set(np.unique(values)) == {0, 1000}
    np.testing.assert_array_equal(values == 1000, GOLDEN)
    (image,) = FORMATS.get("geotiff").read(str(tmp_path)).images
    assert image.georeference == Georeference(tags) and image.annotations[0].class_name == "field"


@given(
    mask=masks(12),
    keys=st.sampled_from([UTM, POINT, DEGREES]),
    x=st.floats(-2e7, 2e7),
    y=st.floats(-2e7, 2e7),
    size=st.sampled_from([1e-5, 0.03, 0.5, 30.0]),
)
@settings(max_examples=60)
def test_world_coordinates_give_every_mask_back(
    tmp_path_factory: pytest.TempPathFactory, mask: Any, keys: Any, x: float, y: float, size: float
) -> None:
    folder = tmp_path_factory.mktemp("world")
    if size < 0.01:  # degrees
        x, y = x / 1e5, y / 1e5
    given_set = one(mask, scaled(keys, x, y, size))
    written = FORMATS.get("geojson_world").write(given_set, str(folder))
    assert written.losses == () or not mask.any()
    (back,) = FORMATS.get("geojson_world").read(str(folder)).images
    assert back.georeference == given_set.images[0].georeference
    assert [a.mask for a in back.annotations] == [a.mask for a in given_set.images[0].annotations if a.mask]


def test_coordinates_and_system_are_those_of_the_world(tmp_path: Path) -> None:
    mask = np.zeros((8, 10), dtype=bool)
    mask[2:4, 4:8] = True
    (file,) = FORMATS.get("geojson_world").write(one(mask, scaled()), str(tmp_path)).paths
    document = json.loads(Path(file).read_text())
    assert document["crs"] == {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    ring = np.array(document["features"][0]["geometry"]["coordinates"][0])
    assert ring.min(axis=0).tolist() == [500_001, 4_649_775.5] and ring.max(axis=0).tolist() == [500_002, 4_649_776]
    x, y = ring[:-1].T
    assert np.dot(x - x[0], np.roll(y, -1) - y[0]) - np.dot(y - y[0], np.roll(x, -1) - x[0]) > 0  # counterclockwise


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    for name in ("geotiff", "geojson_world"):
        (loss,) = FORMATS.get(name).write(one(), str(tmp_path / name)).losses
        assert "has no georeference" in loss
    (loss,) = FORMATS.get("geojson_world").write(one(tags=scaled(OWN)), str(tmp_path / "own")).losses
    assert "no EPSG number" in loss


def foreign(tmp_path: Path, crs: str | None) -> Path:
    """A file that another program drew over the image."""
    ring = [[500_001, 4_649_776], [500_001.5, 4_649_776], [500_001.5, 4_649_775.5], [500_001, 4_649_775.5]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    document: dict[str, Any] = {"type": "FeatureCollection", "features": [feature]}
    if crs:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.geojson").write_text(json.dumps(document))
    return tmp_path / "in"


@pytest.mark.parametrize("crs", [None, "urn:ogc:def:crs:EPSG::32633", "EPSG:32633"])
def test_a_file_of_another_program_is_placed_by_its_image(crs: str | None, tmp_path: Path) -> None:
    write_image(tmp_path / "images", "a.tif", scaled(), (8, 10))
    find = FolderImages(tmp_path / "images")
    (image,) = FORMATS.get("geojson_world").read(str(foreign(tmp_path, crs)), find_image=find).images
    mask = image.annotations[0].mask
    assert (mask.box_xyxy, mask.area) == ((4, 2, 6, 4), 4)


def test_another_system_and_images_without_a_place_are_refused(tmp_path: Path) -> None:
    source = foreign(tmp_path, "urn:ogc:def:crs:EPSG::3857")
    write_image(tmp_path / "images", "a.tif", scaled(), (8, 10))
    with pytest.raises(FormatError, match=r"EPSG:3857.*EPSG:32633"):
        FORMATS.get("geojson_world").read(str(source), find_image=FolderImages(tmp_path / "images"))
    write_image(tmp_path / "images", "a.tif", None, (8, 10))
    with pytest.raises(FormatError, match="no georeference"):
        FORMATS.get("geojson_world").read(str(source), find_image=FolderImages(tmp_path / "images"))


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ({"33550": [1, 1, 0]}, "gives no place"),
        ({"33550": [1, 1, 0], "33922": [0, 0, 0, 0, float("inf"), 0]}, "finite"),
        ({"33550": [0, 1, 0], "33922": [0] * 6}, "to one line"),
        ({"33550": [1], "33922": [0] * 6}, "must have 3 numbers"),
        ({"34264": [1, 2], "34735": []}, "must have 16 numbers"),
        ({"34264": list(TURNED[34264]), "34735": [70000]}, "0 to 65535"),
        ({"34264": list(TURNED[34264]), "34737": 5}, "a text"),
        ({"270": "hello"}, "no GeoTIFF tag"),
    ],
)
def test_damaged_tags_are_refused(tags: dict[str, Any], text: str) -> None:
    with pytest.raises(FormatError, match=text):
        from_json(tags, "image.geotiff")


def test_tags_come_through_json_unchanged() -> None:
    for tags in (scaled(), TURNED):
        place = georeference_of(tags)
        assert place is not None and from_json(json.loads(json.dumps(place.to_json())), "x") == place


def test_convert_takes_the_place_from_the_folder_of_images(clickmask_command: Any, tmp_path: Path) -> None:
    write_image(tmp_path / "images", "a.tif", scaled())
    FORMATS.get("coco").write(one(), str(tmp_path / "c.json"))
    for source, first, second in (("c.json", "coco", "geotiff"), ("geotiff", "geotiff", "geojson_world")):
        options = ("--from", first, "--to", second, "--images", tmp_path / "images")
        ran = clickmask_command("convert", tmp_path / source, tmp_path / second, *options)
        assert (ran.status, ran.err) == (0, "")
        (image,) = FORMATS.get(second).read(str(tmp_path / second)).images
        assert image.georeference == Georeference(scaled())
        assert image.annotations[0].mask == RunLengthMask.encode(GOLDEN)
