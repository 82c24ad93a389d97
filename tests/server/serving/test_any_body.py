"""Whatever a body holds, the answer is one of the protocol's: never an error that nobody foresaw."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.serving.conftest import address_of, picture
from tests.server.serving.test_label_studio import keypoint, rectangle, request
from tests.server.serving.test_nuclio import body

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
GOOD = {
    "/": body(neg_points=[[30, 30]], obj_bbox=[[1, 1], [9, 9]]),
    "/predict": request(keypoint(20, 20), rectangle(1, 1, 9, 9)),
    "/setup": {"project": "1.1", "schema": "<View/>", "hostname": "http://localhost", "access_token": "x"},
    "/webhook": {"action": "ANNOTATION_CREATED"},
    "/api/v1/predict": {
        "image": address_of(picture()), "point_coords": [[20, 20]], "point_labels": [1], "box": [1, 1, 9, 9],
        "initial_mask": {"size": [48, 64], "counts": [3072]}, "output": "rle",
    },
}  # fmt: skip


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [before, *(p for key, item in inside for p in places(item, (*before, key)))]


def changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copied = copy.deepcopy(document)
    owner = copied
    for key in place[:-1]:
        owner = owner[key]
    owner[place[-1]] = value
    return copied


@pytest.fixture(scope="module")
def client() -> Any:
    from tests.server.conftest import AUTH, TOKEN, DiscModel, TestClient

    from clickmask.server.serving.app import create_serving_app
    from clickmask.server.serving.settings import ServingSettings

    app = create_serving_app(ServingSettings(token=TOKEN, model="disc"), DiscModel().build)
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=AUTH, raise_server_exceptions=False) as started:
        yield started


@pytest.mark.parametrize("path", list(GOOD))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_change_of_a_good_body_is_answered(client: Any, path: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(places(GOOD[path])))
    content = json.dumps(changed(GOOD[path], place, data.draw(VALUES))).encode()
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code < 500, (place, answer.text)
