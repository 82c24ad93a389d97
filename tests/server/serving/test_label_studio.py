"""Requests as Label Studio's server sends them: its connector builds these bodies, with `requests` as its client."""

from __future__ import annotations

import base64
import threading
from typing import Any

import numpy as np
import pytest
from tests.server.conftest import TOKEN
from tests.server.serving.conftest import HEIGHT, WIDTH, address_of, disc, picture

from clickmask.formats import label_studio as tasks
from clickmask.formats import rle_label_studio

CONFIG = """<View>
  <Image name="image" value="$image" zoom="true"/>
  <BrushLabels name="tag" toName="image"><Label value="Car"/><Label value="Tree"/></BrushLabels>
  <KeyPointLabels name="tag2" toName="image" smart="true"><Label value="Car" smart="true"/></KeyPointLabels>
  <RectangleLabels name="tag3" toName="image" smart="true"><Label value="Tree" smart="true"/></RectangleLabels>
</View>"""
POLYGONS = """<View><Image name="img" value="$photo"/>
  <PolygonLabels name="p" toName="img"><Label value="Car"/></PolygonLabels></View>"""


def keypoint(x: float, y: float, positive: Any = 1, label: str = "Car") -> dict[str, Any]:
    return {
        "original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0, "id": "r1", "from_name": "tag2",
        "to_name": "image", "type": "keypointlabels", "origin": "manual", "is_positive": positive,
        "value": {"x": x / WIDTH * 100, "y": y / HEIGHT * 100, "width": 0.5, "labels": [label],
                  "keypointlabels": [label]},
    }  # fmt: skip


def rectangle(x: float, y: float, w: float, h: float, rotation: float = 0) -> dict[str, Any]:
    value = {"x": x / WIDTH * 100, "y": y / HEIGHT * 100, "width": w / WIDTH * 100, "height": h / HEIGHT * 100,
             "rotation": rotation, "rectanglelabels": ["Tree"]}  # fmt: skip
    return {"original_width": WIDTH, "original_height": HEIGHT, "id": "r2", "from_name": "tag3", "to_name": "image",
            "type": "rectanglelabels", "value": value}  # fmt: skip


def request(*regions: dict[str, Any], image: str | None = None, config: str = CONFIG, **changes: Any) -> dict[str, Any]:
    data = {"image": image or address_of(picture()), "photo": image or address_of(picture())}
    return {
        "tasks": [{"id": 77, "data": data, "meta": {}, "annotations": [], "predictions": []}],
        "model_version": "disc", "project": "5.1700000000", "label_config": config,
        "params": {"login": None, "password": None, "context": {"result": list(regions)} if regions else None},
        **changes,
    }  # fmt: skip


def ask(client: Any, *regions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = client.post("/predict", json=request(*regions, **changes))
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    return result


def mask_in(result: dict[str, Any]) -> np.ndarray:
    (region,) = result["result"]
    return rle_label_studio.decode(region["value"]["rle"], (HEIGHT, WIDTH))


def test_health_answers_at_once_while_the_model_loads(serving: Any, model: Any) -> None:
    gate = threading.Event()
    build = model.build
    model.build = lambda name: (gate.wait(20), build(name))[1]
    with serving() as client:
        for path in ("/health", "/"):
            answer = client.get(path).json()
            assert (answer["status"], answer["state"]) == ("UP", "loading")
        gate.set()
        ask(client, keypoint(20, 20))
        assert client.get("/health").json()["state"] == "ready"


def test_setup_and_versions_name_the_model(tools: Any) -> None:
    body = {"project": "5.1700000000", "schema": CONFIG, "hostname": "http://localhost:8080", "access_token": "abc",
            "extra_params": None}  # fmt: skip
    assert tools.post("/setup", json=body).json() == {"model_version": "disc"}
    assert tools.get("/versions").json() == tools.post("/versions", json={}).json() == {"versions": ["disc"]}
    assert tools.get("/metrics").json() == {}


def test_a_keypoint_becomes_a_brush_mask(tools: Any) -> None:
    result = ask(tools, keypoint(20, 20))
    np.testing.assert_array_equal(mask_in(result), disc((20, 20)))
    (region,) = result["result"]
    assert (region["from_name"], region["to_name"], region["type"]) == ("tag", "image", "brushlabels")
    assert (region["original_width"], region["original_height"], region["readonly"]) == (WIDTH, HEIGHT, False)
    assert region["value"]["brushlabels"] == ["Car"] and region["value"]["format"] == "rle"
    assert 0 <= result["score"] <= 1 and result["model_version"] == "disc"
    again = {"data": {"image": "a.png"}, "annotations": [{"result": result["result"]}]}
    image, losses = tasks.parse(again)
    assert image is not None and losses == [] and image.annotations[0].mask.area == disc((20, 20)).sum()


@pytest.mark.parametrize("negative", [0, False])
def test_further_and_negative_keypoints_refine_it(tools: Any, negative: Any) -> None:
    result = ask(tools, keypoint(20, 20), keypoint(40, 20), keypoint(22, 20, negative))
    expected = disc((20, 20), (40, 20)) & ~disc((22, 20))
    np.testing.assert_array_equal(mask_in(result), expected)


def test_a_rectangle_with_a_keypoint(tools: Any) -> None:
    mask = mask_in(ask(tools, rectangle(10, 10, 20, 15), keypoint(40, 30, label="Tree")))
    expected = disc((40, 30))
    expected[10:25, 10:30] = True
    np.testing.assert_array_equal(mask, expected)
    assert ask(tools, rectangle(10, 10, 20, 15))["result"][0]["value"]["brushlabels"] == ["Tree"]


def test_a_turned_rectangle_is_its_bounding_box(tools: Any) -> None:
    mask = mask_in(ask(tools, rectangle(40, 10, 20, 15, rotation=90)))
    assert mask.sum() == 20 * 15 and mask[10:30, 25:40].all()


def test_an_initial_brush_mask_is_corrected(tools: Any) -> None:
    brush = {"type": "brushlabels", "value": {"rle": rle_label_studio.encode(disc((20, 20))), "brushlabels": ["Car"]}}
    np.testing.assert_array_equal(mask_in(ask(tools, brush, keypoint(40, 30))), disc((20, 20), (40, 30)))


@pytest.mark.parametrize("kind", ["textarea", [], None, {"a": 1}])
def test_regions_of_other_kinds_are_passed_over(tools: Any, kind: Any) -> None:
    np.testing.assert_array_equal(mask_in(ask(tools, keypoint(20, 20), {"type": kind, "value": {}})), disc((20, 20)))


def test_a_click_on_the_far_edge_counts(tools: Any) -> None:
    assert mask_in(ask(tools, keypoint(WIDTH, HEIGHT)))[-1, -1]


def test_where_there_is_no_brush_tag_polygons_are_given(tools: Any) -> None:
    result = ask(tools, keypoint(20, 20), keypoint(50, 30), config=POLYGONS)
    assert [r["type"] for r in result["result"]] == ["polygonlabels"] * 2
    image, _ = tasks.parse({"data": {"image": "a"}, "annotations": [{"result": result["result"]}]})
    assert image is not None
    np.testing.assert_array_equal(
        image.annotations[0].mask.decode() | image.annotations[1].mask.decode(), disc((20, 20), (50, 30))
    )


def test_each_task_gets_one_answer_also_without_a_context(tools: Any, model: Any) -> None:
    without = tools.post("/predict", json=request()).json()["results"]
    assert [r["result"] for r in without] == [[]]
    two = request(keypoint(20, 20))
    two["tasks"] *= 2
    assert [r["result"] for r in tools.post("/predict", json=two).json()["results"]] == [[], []]
    assert model.runs == []


def test_a_further_click_goes_on_from_the_last_answer(tools: Any, model: Any) -> None:
    ask(tools, keypoint(20, 20))
    ask(tools, keypoint(20, 20), keypoint(40, 20))
    ask(tools, keypoint(20, 20))
    assert model.runs == [1, 2]


@pytest.mark.parametrize("action", ["ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATION_DELETED", "START_TRAINING"])
def test_webhooks_are_acknowledged(tools: Any, action: str) -> None:
    answer = tools.post("/webhook", json={"action": action, "project": {"id": 5, "label_config": CONFIG}})
    assert (answer.status_code, answer.json()["status"]) == (201, "ok")
    unknown = tools.post("/webhook", json={"action": "TEA"})
    assert (unknown.status_code, unknown.json()) == (200, {"status": "Unknown event"})


@pytest.mark.parametrize("path", ["validate", "train", "job_status", "delete", "duplicate_model"])
def test_older_requests_are_answered_quietly(tools: Any, path: str) -> None:
    assert tools.post(f"/{path}", json={"config": CONFIG}).status_code == 200


def test_basic_auth_and_the_token_in_the_address_let_in(serving: Any) -> None:
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    with serving(headers={}) as client:
        for path, headers in (("/predict", {"Authorization": f"Basic {basic}"}), (f"/{TOKEN}/predict", {})):
            answer = client.post(path, json=request(keypoint(20, 20)), headers=headers)
            assert answer.status_code == 200 and answer.json()["results"][0]["result"]
        assert client.get(f"/{TOKEN}/health").json()["status"] == "UP"


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"label_config": "<View/>"}, 400, "no <BrushLabels> or <PolygonLabels>"),
        ({"label_config": "<View>"}, 400, "not well-formed"),
        ({"label_config": '<!DOCTYPE a [<!ENTITY x "y">]><View>&x;</View>'}, 400, "document type or entities"),
        ({"label_config": None}, 400, "'label_config' must be a text"),
        ({"tasks": None}, 400, "'tasks' must be a list"),
        ({"tasks": [1]}, 400, "must be an object"),
        ({"tasks": [{"data": {}}]}, 400, "'image' must be a text"),
        ({"params": {"context": {"result": [keypoint(1, 1) | {"value": {"x": "a", "y": 1}}]}}}, 400, "finite number"),
        ({"params": {"context": {"result": [keypoint(200, 1)]}}}, 400, "outside the image"),
        ({"params": {"context": {"result": [{"type": "textarea", "value": {}}]}}}, 400, "no keypoint"),
        ({"tasks": [{"data": {"image": "data:image/png;base64,%%%"}}]}, 422, "base64"),
        ({"tasks": [{"data": {"image": address_of(b"hello")}}]}, 422, "not an image"),
    ],
)
def test_bad_requests_are_refused_with_a_text(tools: Any, change: dict[str, Any], status: int, text: str) -> None:
    answer = tools.post("/predict", json=request(keypoint(20, 20)) | change)
    assert (answer.status_code, text in answer.json()["error"]["message"]) == (status, True), answer.text


def set_up(client: Any, hostname: str) -> None:
    body = {"project": "5.1700000000", "schema": CONFIG, "hostname": hostname, "access_token": "ls-token"}
    assert client.post("/setup", json=body).status_code == 200


def test_uploads_are_fetched_from_label_studio_with_its_token_if_that_is_allowed(serving: Any, other_host: Any) -> None:
    other_host.answers["/data/upload/5/0a1b2c3d-a.png"] = (200, picture(), {})
    with serving(image_hosts=frozenset({f"127.0.0.1:{other_host.port}"})) as client:
        set_up(client, other_host.url)
        mask = mask_in(ask(client, keypoint(20, 20), image="/data/upload/5/0a1b2c3d-a.png"))
        np.testing.assert_array_equal(mask, disc((20, 20)))
        assert other_host.asked == [("/data/upload/5/0a1b2c3d-a.png", "Token ls-token")]


def test_the_token_of_label_studio_goes_to_no_other_host(serving: Any, other_host: Any) -> None:
    with serving(image_hosts=frozenset({f"127.0.0.1:{other_host.port}"})) as client:
        set_up(client, "http://label-studio.example:8080")
        ask(client, keypoint(20, 20), image=f"{other_host.url}/a.png")
        assert other_host.asked == [("/a.png", None)]


def test_without_permission_nothing_is_fetched(tools: Any, other_host: Any) -> None:
    set_up(tools, other_host.url)
    for image in ("/data/upload/5/a.png", f"{other_host.url}/a.png"):
        answer = tools.post("/predict", json=request(keypoint(20, 20), image=image))
        assert answer.status_code == 400 and "--allow-host" in answer.json()["error"]["message"]
    assert other_host.asked == []


@pytest.mark.parametrize(
    "image", ["/data/local-files/?d=deep/a.png", "/data/local-files/?d=deep%2Fa.png", "deep/a.png"]
)
def test_local_files_come_from_the_folder(serving: Any, photos: Any, image: str) -> None:
    with serving(images_folder=photos) as client:
        np.testing.assert_array_equal(mask_in(ask(client, keypoint(20, 20), image=image)), disc((20, 20)))


@pytest.mark.parametrize(
    "image",
    ["/data/local-files/?d=../private.png", "/data/local-files/?d=link.png", "/data/local-files/?d=notes.txt",
     "/data/upload/../../private.png", "../private.png", "/etc/passwd", "deep/a.png\0", "deep"],
)  # fmt: skip
def test_nothing_outside_the_folder_is_opened(serving: Any, photos: Any, image: str) -> None:
    with serving(images_folder=photos) as client:
        answer = client.post("/predict", json=request(keypoint(20, 20), image=image))
        assert answer.status_code == 404 and "There is no image" in answer.json()["error"]["message"]
        assert str(photos.parent) not in answer.text
