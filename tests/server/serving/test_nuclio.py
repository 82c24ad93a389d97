"""What CVAT's server asks nuclio and its interactors, as its lambda manager and its browser client do it."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from tests.server.serving.conftest import HEIGHT, WIDTH, disc, picture


def body(**changes: Any) -> dict[str, Any]:
    image = base64.b64encode(picture()).decode()
    return {"image": image, "pos_points": [[20, 20]], "neg_points": [], "obj_bbox": None, **changes}


def whole(answer: dict[str, Any], size_hw: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """The mask as CVAT's browser client puts it together."""
    left, top, right, bottom = answer["bounds"]
    crop = np.array(answer["mask"]) > 0
    assert crop.shape == (bottom - top + 1, right - left + 1)
    mask = np.zeros(size_hw, dtype=bool)
    mask[top : bottom + 1, left : right + 1] = crop
    return mask


def invoke(client: Any, **changes: Any) -> dict[str, Any]:
    answer = client.post("/", json=body(**changes))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_function_is_listed_as_an_interactor(tools: Any) -> None:
    (found,) = tools.get("/api/functions").json().values()
    assert found == tools.get("/api/functions/clickmask").json()
    annotations = found["metadata"]["annotations"]
    assert all(isinstance(v, str) for v in annotations.values())
    assert (annotations["type"], annotations["version"], annotations["spec"]) == ("interactor", "2", "[]")
    assert (annotations["min_pos_points"], annotations["min_neg_points"]) == ("1", "0")
    assert "startswith_box" not in annotations  # any text, even "false", would mean that a box is needed
    assert found["status"] == {"state": "ready", "httpPort": 8000} and found["spec"]["description"]
    assert tools.get("/api/functions/other").status_code == 404


def test_an_invocation_answers_with_the_mask_inside_its_bounds(tools: Any) -> None:
    answer = invoke(tools)
    np.testing.assert_array_equal(whole(answer), disc((20, 20)))
    assert set(np.unique(answer["mask"])) == {0, 1}
    points = np.array(answer["points"])
    assert disc((20, 20))[points[:, 1], points[:, 0]].all() and len(points) >= 3


def test_both_ways_of_asking_are_the_same(tools: Any) -> None:
    headers = {"x-nuclio-function-name": "clickmask", "x-nuclio-path": "/", "x-nuclio-project-name": "cvat",
               "x-nuclio-function-namespace": "nuclio", "x-nuclio-invoke-via": "domain-name"}  # fmt: skip
    answer = tools.post("/api/function_invocations", json=body(), headers=headers)
    assert answer.json() == invoke(tools)
    assert tools.post("/api/function_invocations", json=body()).status_code == 400
    other = {"x-nuclio-function-name": "sam"}
    assert tools.post("/api/function_invocations", json=body(), headers=other).status_code == 404


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"pos_points": [[20.5, 20.25]]}, disc((20.5, 20.25))),
        ({"pos_points": [[20, 20], [40, 30]], "neg_points": [[22, 20]]}, disc((20, 20), (40, 30)) & ~disc((22, 20))),
        ({"neg_points": None, "threshold": 0.5}, disc((20, 20))),
        ({"pos_points": [[WIDTH, 20]]}, disc((WIDTH, 20))),
    ],
)
def test_points_of_every_kind(tools: Any, changes: dict[str, Any], expected: np.ndarray) -> None:
    np.testing.assert_array_equal(whole(invoke(tools, **changes)), expected)


def test_missing_keys_are_taken_as_empty(tools: Any) -> None:
    answer = tools.post("/", json={"image": body()["image"], "pos_points": [[20, 20]]})
    np.testing.assert_array_equal(whole(answer.json()), disc((20, 20)))


@pytest.mark.parametrize("box", [[[10, 10], [30, 25]], [[30, 25], [10, 10]]])
def test_a_box_with_and_without_points(tools: Any, box: Any) -> None:
    expected = np.zeros((HEIGHT, WIDTH), dtype=bool)
    expected[10:25, 10:30] = True
    np.testing.assert_array_equal(whole(invoke(tools, obj_bbox=box, pos_points=[])), expected)
    both = expected | disc((40, 30))
    np.testing.assert_array_equal(whole(invoke(tools, obj_bbox=box, pos_points=[[40, 30]])), both)


def test_an_empty_mask_is_an_answer_too(tools: Any) -> None:
    answer = invoke(tools, pos_points=[], neg_points=[[20, 20]])
    assert answer == {"mask": [[0]], "bounds": [0, 0, 0, 0], "points": []}


def test_a_large_image_gives_a_small_answer(tools: Any) -> None:
    size_hw = (1200, 1600)
    image = base64.b64encode(picture(3, size_hw)).decode()
    answer = tools.post("/", json=body(image=image, pos_points=[[1500, 1100]]))
    assert len(answer.content) < 5000
    np.testing.assert_array_equal(whole(answer.json(), size_hw), disc((1500, 1100), size_hw=size_hw))


def test_the_image_of_every_click_is_recognised_and_clicks_go_on(tools: Any, model: Any) -> None:
    invoke(tools)
    invoke(tools, neg_points=[[30, 30]])
    invoke(tools, pos_points=[[20, 20], [40, 20]], neg_points=[[30, 30]])
    assert model.runs == [1, 2, 3]  # the newest click each time, though CVAT sorts clicks by their sign
    assert len(tools.app.state.sources._kept) == 1


def test_clicks_count_in_the_order_in_which_they_came(tools: Any) -> None:
    """CVAT sorts them by their sign; the second positive click came after the negative one that it lies beside."""
    invoke(tools, neg_points=[[26, 20]])
    answer = invoke(tools, pos_points=[[20, 20], [30, 20]], neg_points=[[26, 20]])
    np.testing.assert_array_equal(whole(answer), disc((20, 20)) & ~disc((26, 20)) | disc((30, 20)))
    undone = invoke(tools, neg_points=[[26, 20]])
    np.testing.assert_array_equal(whole(undone), disc((20, 20)) & ~disc((26, 20)))


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"pos_points": []}, 400, "needs points"),
        ({"pos_points": [[1]]}, 400, "pairs of finite numbers"),
        ({"pos_points": [["a", 1]]}, 400, "must be numbers"),
        ({"pos_points": 5}, 400, "must be a list"),
        ({"pos_points": [[500, 1]]}, 400, "outside the image"),
        ({"obj_bbox": [[1, 1]]}, 400, "'obj_bbox' is"),
        ({"obj_bbox": [[1, 1], [1, 9]]}, 400, "X0 < X1"),
        ({"image": None}, 400, "'image' must be a text"),
        ({"image": "%%"}, 422, "base64"),
        ({"image": base64.b64encode(b"GIF89a").decode()}, 422, "image"),
    ],
)
def test_bad_requests_are_refused_with_a_text(tools: Any, changes: dict[str, Any], status: int, text: str) -> None:
    answer = tools.post("/", json=body(**changes))
    assert (answer.status_code, text in answer.json()["error"]["message"]) == (status, True), answer.text


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_object_are_refused(tools: Any, content: bytes) -> None:
    assert tools.post("/", content=content).status_code == 400
