from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.server.serving.conftest import HEIGHT, WIDTH, address_of, disc, picture

from clickmask.core.masks import RunLengthMask
from clickmask.formats.coco import rle_decode, rle_encode


def predict(client: Any, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/predict", json={"image": address_of(picture()), **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def mask_of(answer: dict[str, Any]) -> np.ndarray:
    return rle_decode(answer["masks"][0]["segmentation"], (HEIGHT, WIDTH))


def test_an_image_is_sent_once_and_asked_about_by_its_id(tools: Any) -> None:
    sent = tools.post("/api/v1/images", content=picture()).json()
    assert (sent["width"], sent["height"]) == (WIDTH, HEIGHT)
    answer = predict(tools, image=sent["id"], point_coords=[[20, 20], [22, 20]], point_labels=[1, 0])
    np.testing.assert_array_equal(mask_of(answer), disc((20, 20)) & ~disc((22, 20)))
    (mask,) = answer["masks"]
    expected = RunLengthMask.encode(mask_of(answer))
    x0, y0, x1, y1 = expected.box_xyxy
    assert (mask["area"], mask["bbox"]) == (expected.area, [x0, y0, x1 - x0, y1 - y0])
    assert 0 <= mask["score"] <= 1 and answer["model"] == "disc" and answer["image"] == sent["id"]
    assert tools.get("/api/v1/version").json()["state"] == "ready"


def test_a_box_and_an_initial_mask(tools: Any) -> None:
    box = np.zeros((HEIGHT, WIDTH), dtype=bool)
    box[10:25, 10:30] = True
    np.testing.assert_array_equal(mask_of(predict(tools, box=[10, 10, 30, 25])), box)
    initial = rle_encode(RunLengthMask.encode(disc((20, 20))))
    answer = predict(tools, initial_mask=initial, point_coords=[[40, 30]], point_labels=[1])
    np.testing.assert_array_equal(mask_of(answer), disc((20, 20), (40, 30)))


def test_the_answer_can_be_a_picture(tools: Any) -> None:
    body = {"image": address_of(picture()), "point_coords": [[20, 20]], "point_labels": [1], "output": "png"}
    answer = tools.post("/api/v1/predict", json=body)
    assert answer.headers["content-type"] == "image/png" and 0 <= float(answer.headers["x-score"]) <= 1
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
    np.testing.assert_array_equal(pixels, disc((20, 20)) * 255)


def test_several_masks_are_sorted_by_their_score(tools: Any) -> None:
    answer = predict(tools, point_coords=[[20, 20]], point_labels=[1], multimask_output=True)
    scores = [m["score"] for m in answer["masks"]]
    assert scores == sorted(scores, reverse=True) and len(scores) >= 1


def test_files_of_the_folder_are_named_by_their_path(serving: Any, photos: Any) -> None:
    with serving(images_folder=photos) as client:
        answer = predict(client, image="deep/a.png", point_coords=[[20, 20]], point_labels=[1])
        np.testing.assert_array_equal(mask_of(answer), disc((20, 20)))


def test_old_images_make_room(serving: Any) -> None:
    with serving(most_frame_bytes=HEIGHT * WIDTH * 3 * 2) as client:
        first, *_ = [client.post("/api/v1/images", content=picture(seed)).json()["id"] for seed in range(3)]
        body = {"image": first, "point_coords": [[20, 20]], "point_labels": [1]}
        answer = client.post("/api/v1/predict", json=body)
        assert answer.status_code == 400 and "without --images" in answer.json()["error"]["message"]
        assert len(client.app.state.sources._kept) == 2


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "at least one prompt"),
        ({"point_coords": [[1, 2]]}, 400, "one label for each point"),
        ({"point_coords": [[1, 2]], "point_labels": [2]}, 400, "point_labels"),
        ({"point_coords": [[1e999, 2]], "point_labels": [1]}, 400, "point_coords"),
        ({"point_coords": [[100, 2]], "point_labels": [1]}, 400, "outside the image"),
        ({"box": [5, 5, 5, 9]}, 400, "X0 < X1"),
        ({"box": [500, 500, 600, 600]}, 400, "outside the image"),
        ({"initial_mask": {"size": [1, 1], "counts": [1]}}, 400, "height, width"),
        ({"initial_mask": {"counts": "zzz"}}, 400, "damaged"),
        ({"image": ""}, 400, "image"),
        ({"image": 5}, 400, "image"),
        ({"image": "data:image/png;base64"}, 422, "comma"),
        ({"image": "ftp://127.0.0.1/a.png"}, 400, "--allow-host"),
        ({"masks": 3}, 400, "masks"),
    ],
)
def test_bad_requests_are_refused_with_a_text(tools: Any, body: dict[str, Any], status: int, text: str) -> None:
    import json

    given = {"image": address_of(picture()), **body}
    content = json.dumps(given).encode()
    answer = tools.post("/api/v1/predict", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, text in answer.json()["error"]["message"]) == (status, True), answer.text


def test_a_model_that_fails_is_said(tools: Any, model: Any) -> None:
    predict(tools, point_coords=[[20, 20]], point_labels=[1])
    model.failure = RuntimeError("out of memory")
    body = {"image": address_of(picture()), "point_coords": [[30, 30]], "point_labels": [1]}
    answer = tools.post("/api/v1/predict", json=body)
    assert answer.status_code == 503 and "out of memory" in answer.json()["error"]["message"]


def test_a_model_that_does_not_load_is_said(serving: Any, model: Any) -> None:
    model.failure = RuntimeError("no such file")
    with serving() as client:
        body = {"image": address_of(picture()), "point_coords": [[20, 20]], "point_labels": [1]}
        assert client.post("/api/v1/predict", json=body).status_code == 503
        assert client.get("/health").json() == {
            "status": "UP", "model_class": "clickmask", "model": "disc", "state": "failed",
        }  # fmt: skip
