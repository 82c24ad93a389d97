"""The published clients of Label Studio and CVAT read our answers and files; the group `sdks` installs them."""

from __future__ import annotations

import importlib
import json
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from defusedxml.ElementTree import parse
from tests.formats.golden import GOLDEN
from tests.server.serving.conftest import HEIGHT, WIDTH, address_of, disc, picture
from tests.server.serving.test_label_studio import CONFIG, POLYGONS
from tests.server.serving.test_nuclio import invoke

from clickmask.core.masks import RunLengthMask
from clickmask.formats import FORMATS
from clickmask.formats.annotation import AnnotatedImage, Annotation, AnnotationSet

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs


def installed(name: str) -> ModuleType:
    """A module of an SDK; skips where it is not installed."""
    package = name.partition(".")[0]
    pytest.importorskip(
        package, reason=f"{package} is not installed: pip install --group sdks, in an environment of its own"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


@pytest.fixture
def interface() -> Any:
    """Label Studio's own reading of a label configuration."""
    return installed("label_studio_sdk.label_interface").LabelInterface


def conversation(
    interface: Any, tools: Any, config: str, *clicks: tuple[float, float, bool]
) -> tuple[Any, dict[str, Any]]:
    """Smart keypoints made by the SDK are sent, as Label Studio's server would; the answer to the one task."""
    labels = interface(config)
    regions = []
    for x, y, positive in clicks:
        region = {
            "id": "smart", "from_name": "tag2", "to_name": "image", "type": "keypointlabels", "is_positive": positive,
            "original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0,
            "value": {"x": x / WIDTH * 100, "y": y / HEIGHT * 100, "width": 0.5, "keypointlabels": ["Car"]},
        }  # fmt: skip
        assert config is not CONFIG or labels.validate_region(region)
        regions.append(region)
    task = {"id": 77, "data": {"image": address_of(picture()), "photo": address_of(picture())}}
    assert labels.validate_task(task)
    body = {
        "tasks": [task],
        "project": "5.1700000000",
        "label_config": config,
        "params": {"context": {"result": regions}},
    }
    (answer,) = tools.post("/predict", json=body).raise_for_status().json()["results"]
    return labels, answer


def test_label_studio_takes_a_brush_mask_and_sees_the_same_pixels(interface: Any, tools: Any) -> None:
    labels, answer = conversation(interface, tools, CONFIG, (20, 20, True), (40, 20, True), (22, 20, False))
    assert labels.validate_prediction(answer, return_errors=True) == []
    objects = installed("label_studio_sdk.label_interface.objects")
    prediction = objects.PredictionValue(**answer)
    assert prediction.model_version == "disc" and 0 <= prediction.score <= 1
    (region,) = answer["result"]
    values = installed("label_studio_sdk.converter.brush").decode_rle(region["value"]["rle"])
    alpha = np.reshape(values, (HEIGHT, WIDTH, 4))[:, :, 3]
    np.testing.assert_array_equal(alpha > 0, disc((20, 20), (40, 20)) & ~disc((22, 20)))


def test_label_studio_takes_polygons_where_the_configuration_has_no_brush(interface: Any, tools: Any) -> None:
    labels, answer = conversation(interface, tools, POLYGONS, (20, 20, True), (50, 30, True))
    assert labels.validate_prediction(answer, return_errors=True) == []
    assert [r["type"] for r in answer["result"]] == ["polygonlabels"] * 2


def test_a_wrong_label_would_be_noticed(interface: Any, tools: Any) -> None:
    labels, answer = conversation(interface, tools, CONFIG, (20, 20, True))
    answer["result"][0]["value"]["brushlabels"] = ["Lorry"]
    assert labels.validate_prediction(answer, return_errors=True) != []


def golden_set() -> AnnotationSet:
    annotations = (Annotation("cat", RunLengthMask.encode(GOLDEN)),)
    return AnnotationSet((AnnotatedImage("a.jpg", GOLDEN.shape, annotations),))


def test_label_studio_takes_written_tasks_with_their_configuration(interface: Any, tmp_path: Path) -> None:
    FORMATS.get("labelstudio").write(golden_set(), str(tmp_path))
    labels = interface((tmp_path / "label_config.xml").read_text())
    (task,) = json.loads((tmp_path / "tasks.json").read_text())
    assert labels.validate_task({"data": task["data"]})  # with annotations the SDK 2.1.2 fails on its own mistake
    for annotation in task["annotations"]:
        assert labels.validate_annotation(annotation)
    (region,) = [r for a in task["annotations"] for r in a["result"]]
    values = installed("label_studio_sdk.converter.brush").decode_rle(region["value"]["rle"])
    np.testing.assert_array_equal(np.reshape(values, (*GOLDEN.shape, 4))[:, :, 3] > 0, GOLDEN)


def test_cvat_gets_the_mask_that_its_client_would_upload(tools: Any) -> None:
    """The answer of the interactor, kept by CVAT as run lengths of the box, is the mask that CVAT's SDK decodes."""
    masks = installed("cvat_sdk.masks")
    answer = invoke(tools, pos_points=[[20, 20], [40, 30]])
    crop = np.array(answer["mask"]) > 0
    left, top, right, bottom = answer["bounds"]
    whole = np.zeros((HEIGHT, WIDTH), dtype=bool)
    whole[top : bottom + 1, left : right + 1] = crop
    points = masks.encode_mask(whole)
    assert points[-4:] == answer["bounds"]
    back = masks.decode_mask(points, image_width=WIDTH, image_height=HEIGHT)
    np.testing.assert_array_equal(back, disc((20, 20), (40, 30)))
    models = installed("cvat_sdk.models")
    shape = models.LabeledShapeRequest(type="mask", points=[float(p) for p in points], frame=0, label_id=1)
    assert list(shape.points) == points


def test_masks_in_our_cvat_files_are_those_of_cvats_client(tmp_path: Path) -> None:
    masks = installed("cvat_sdk.masks")
    FORMATS.get("cvat").write(golden_set(), str(tmp_path))
    (element,) = parse(tmp_path / "annotations.xml").getroot().iter("mask")
    runs = [int(n) for n in element.get("rle").split(",")]
    left, top, width, height = (int(element.get(key)) for key in ("left", "top", "width", "height"))
    encoded = masks.encode_mask(GOLDEN)
    assert [*runs, left, top, left + width - 1, top + height - 1] == encoded
