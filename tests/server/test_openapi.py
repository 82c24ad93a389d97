"""Requests made up from the OpenAPI file: whatever is asked, the answer is the protocol's, and never a crash."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from clickmask.formats import FORMATS

from .clouds import running_clouds, write_sheet
from .conftest import AUTH, HEIGHT, WIDTH, Server

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytestmark = pytest.mark.slow

STATUSES = {200, 201, 204, 304, 400, 404, 409, 413, 422}
"""What section 2 of the protocol allows for requests that come with the token and a readable folder."""


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("fuzzed")
    for name in ("a.png", "b.png"):
        picture = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
        Image.fromarray(picture).save(folder / name)
    write_sheet(folder / "c.ply")
    with running_clouds(folder) as server:
        pictures = [image["id"] for image in server.get("/images").json()["images"] if image["kind"] == "photo"]
        for x in (10.5, 40.5):
            server.post(
                f"/images/{pictures[0]}/commands",
                {"type": "click", "client": "fuzz-set-up", "seq": int(x), "x": x, "y": 20, "positive": True},
            )
            server.post(
                f"/images/{pictures[0]}/commands", {"type": "finish", "client": "fuzz-set-up", "seq": int(x) + 1}
            )
        yield server


def operations(server: Server) -> list[Any]:
    document = server.http.get("/api/v1/openapi.json").json()
    return [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]


def test_every_operation_is_in_the_document(fuzzed: Server) -> None:
    labels = {operation.label for operation in operations(fuzzed)}
    assert {
        "POST /api/v1/images/{image_id}/commands",
        "PUT /api/v1/objects/{object_id}/mask",
        "POST /api/v1/import",
        "GET /api/v1/images/{image_id}/points/{chunk}",
        "POST /api/v1/images/{image_id}/pick",
    } <= labels


def test_no_request_crashes_the_server(fuzzed: Server) -> None:
    for operation in operations(fuzzed):
        if operation.label != "POST /api/v1/import":  # uploads have a test of their own
            storm(fuzzed, operation)


def storm(server: Server, operation: Any) -> None:
    numbers = st.integers(1, 3)

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(), small=st.booleans(), number=numbers)
    def ask(case: Any, small: bool, number: int) -> None:
        if small:  # else most requests would be about images that do not exist
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, number)
        wire = case.as_transport_kwargs(base_url="http://127.0.0.1:8000")
        kept = {k: wire[k] for k in ("method", "url", "params", "json", "data") if wire.get(k) is not None}
        if isinstance(kept.get("data"), bytes | str):
            kept["content"] = kept.pop("data")
        try:
            answer = server.http.request(
                **kept, headers={**AUTH, **{k: v for k, v in wire["headers"].items() if k == "Content-Type"}}
            )
        except (UnicodeEncodeError, TypeError, ValueError) as error:
            if "surrogates" in str(error) or "JSON compliant" in str(error):
                return  # the client cannot send it
            raise
        assert answer.status_code in STATUSES, (operation.label, kept, answer.status_code, answer.text[:300])
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) >= {"code", "message"}

    ask()


def test_a_mask_of_any_bytes_is_refused_or_taken(fuzzed: Server) -> None:
    good = io.BytesIO()
    Image.fromarray(np.zeros((HEIGHT, WIDTH), dtype=np.uint8)).save(good, "PNG")

    @settings(max_examples=30, deadline=None, database=None)
    @given(
        at=st.integers(0, len(good.getvalue()) - 1),
        value=st.integers(0, 255),
        length=st.integers(0, len(good.getvalue())),
    )
    def ask(at: int, value: int, length: int) -> None:
        data = bytearray(good.getvalue())
        data[at] = value
        answer = fuzzed.http.put("/api/v1/objects/1/mask", content=bytes(data[:length]), headers=AUTH)
        assert answer.status_code in STATUSES, answer.text

    ask()


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)),
    name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
    format_name=st.sampled_from([*FORMATS, "", "\U0001f33f"]),
)
def test_an_upload_of_anything_is_refused_or_taken(fuzzed: Server, data: bytes, name: str, format_name: str) -> None:
    answer = fuzzed.http.post(
        "/api/v1/import", files={"file": (name, data)}, data={"format": format_name}, headers=AUTH
    )
    assert answer.status_code in STATUSES, answer.text
