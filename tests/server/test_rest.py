from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from tests.server.conftest import running, write_image

from clickmask.formats import FORMATS
from clickmask.formats.georeference import Georeference
from clickmask.server.records import parse_records

CLIENT = "script-client"
SIZE = (48, 64)
UTM_33_NORTH = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
"""Keys of a GeoTIFF."""


def do(server, kind: str, image: int = 1, **values):
    return server.post(f"/images/{image}/commands", {"type": kind, "client": CLIENT, **values})


def finished(server, x: float, y: float, image: int = 1, **values) -> int:
    number = do(server, "click", image, x=x, y=y, **values).json()["object"]
    assert do(server, "finish", image, object=number).status_code == 200
    return number


def png(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, "PNG")
    return buffer.getvalue()


def test_health_version_project(server) -> None:
    assert server.get("/health").json() == {"status": "ok"}
    assert server.get("/version").json()["protocol"] == 1
    project = server.get("/project").json()
    assert (project["images"], project["start_image"], project["name"]) == (2, None, "photos")
    assert [f["name"] for f in project["formats"]] == list(FORMATS)
    assert all(f["title"] and f["summary"] and ".zip" in f["suffixes"] for f in project["formats"])


def test_images_start_new_and_become_known(server) -> None:
    images = server.get("/images").json()["images"]
    assert [(i["name"], i["status"], i["width"]) for i in images] == [("a.png", "new", None), ("b.png", "new", None)]
    server.get("/images/1/display")
    found = server.get("/images/1").json()
    assert (found["status"], found["width"], found["height"]) == ("ok", 64, 48)
    assert server.get("/images/9").status_code == 404


def test_safe_files_are_sent_as_they_are(server) -> None:
    answer = server.get("/images/1/display")
    assert answer.content == (server.folder / "a.png").read_bytes()
    assert answer.headers["content-type"] == "image/png"
    again = server.get("/images/1/display", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    thumb = server.get("/images/1/thumb")
    assert Image.open(io.BytesIO(thumb.content)).size == (64, 48)


def odd_image(folder: Path, kind: str) -> None:
    rng = np.random.default_rng(3)
    if kind == "turned.jpg":
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(rng.integers(0, 255, (20, 40, 3), dtype=np.uint8)).save(folder / kind, exif=exif)
    elif kind == "cmyk.jpg":
        Image.new("CMYK", (20, 40), (0, 255, 255, 0)).save(folder / kind)
    elif kind == "deep.png":
        Image.fromarray(rng.integers(0, 65535, (40, 20)).astype(np.uint16)).save(folder / kind)
    else:
        Image.fromarray(rng.integers(0, 255, (40, 20, 3), dtype=np.uint8)).save(folder / kind)


@pytest.mark.parametrize("kind", ["turned.jpg", "cmyk.jpg", "deep.png", "plain.tif"])
def test_other_kinds_are_sent_upright_as_eight_bit_rgb(folder, restart, kind: str) -> None:
    odd_image(folder, kind)
    with restart() as server:
        number = next(i["id"] for i in server.get("/images").json()["images"] if i["name"] == kind)
        for what in ("display", "thumb"):
            answer = server.get(f"/images/{number}/{what}")
            picture = Image.open(io.BytesIO(answer.content))
            assert (picture.size, picture.mode) == ((20, 40), "RGB")
            assert answer.headers["content-type"] in ("image/jpeg", "image/png")
            assert picture.getexif().get(0x0112, 1) == 1
        assert server.get(f"/images/{number}").json()["width"] == 20


def test_commands_over_rest_wait_for_the_model(server) -> None:
    answer = do(server, "click", x=20, y=20, positive=True).json()
    assert answer["objects"][0]["settled"]
    (record,) = parse_records(base64.b64decode(answer["masks"]))
    assert record.mask(SIZE).decode()[20, 20]
    assert do(server, "click", x=25, y=20).json()["object"] == answer["object"]


def test_commands_need_a_client_and_json(server) -> None:
    assert server.post("/images/1/commands", {"type": "undo"}).json()["error"]["code"] == "bad_request"
    raw = server.http.post("/api/v1/images/1/commands", content=b"{}", headers={"Content-Type": "text/plain"})
    assert raw.status_code == 400
    broken = {"Content-Type": "application/json"}
    assert server.http.post("/api/v1/images/1/commands", content=b"{", headers=broken).status_code == 400
    assert server.http.post("/api/v1/images/1/commands", content=b"[]", headers=broken).status_code == 400


def test_masks_in_one_answer(server) -> None:
    first, second = finished(server, 12, 12), finished(server, 40, 30)
    third = do(server, "click", x=20, y=40).json()["object"]
    records = list(parse_records(server.get("/images/1/masks").content))
    assert [r.object_id for r in records] == [first, second, third]
    only = list(parse_records(server.get("/images/1/masks?state=finished").content))
    assert [r.object_id for r in only] == [first, second]
    assert server.get("/images/1/masks?state=odd").status_code == 400


def test_one_mask_in_three_shapes(server) -> None:
    number = finished(server, 20, 20)
    picture = np.asarray(Image.open(io.BytesIO(server.get(f"/objects/{number}/mask").content)))
    (record,) = parse_records(server.get(f"/objects/{number}/mask?format=record").content)
    assert ((picture > 0) == record.mask(SIZE).decode()).all()
    rle = server.get(f"/objects/{number}/mask?format=rle").json()
    from clickmask.formats.coco import rle_decode

    assert (rle_decode(rle, SIZE) == (picture > 0)).all()


def test_revisions_guard_changes_over_rest(server) -> None:
    number = finished(server, 20, 20)
    etag = server.get(f"/objects/{number}").headers["etag"]
    changed = server.http.patch(f"/api/v1/objects/{number}", json={"hidden": True}, headers={"If-Match": etag})
    assert changed.json()["objects"][0]["hidden"]
    stale = server.http.patch(f"/api/v1/objects/{number}", json={"z": 4}, headers={"If-Match": etag})
    assert stale.status_code == 409
    assert stale.json()["error"]["code"] == "stale"
    assert stale.json()["error"]["current"]["hidden"]
    assert server.post("/images/1/undo", headers={"If-Match": '"1"'}).status_code == 409
    assert server.post("/images/1/undo", headers={"If-Match": "x"}).status_code == 400
    assert server.post("/images/1/undo").json()["objects"][0]["hidden"] is False
    assert server.post("/images/1/redo").json()["objects"][0]["hidden"] is True


def test_reopen_finish_delete_jump_over_rest(server) -> None:
    number = finished(server, 20, 20)
    assert server.post(f"/objects/{number}/finish").json()["error"]["code"] == "not_now"
    assert server.post(f"/objects/{number}/reopen").json()["objects"][0]["state"] == "in_progress"
    assert server.post(f"/objects/{number}/finish").status_code == 200
    assert server.http.delete(f"/api/v1/objects/{number}").json()["removed"] == [number]
    assert server.get(f"/objects/{number}").status_code == 404
    entries = server.get("/images/1/history").json()["entries"]
    back = server.post("/images/1/jump", {"action": entries[1]["action"]})
    assert back.json()["objects"][0]["state"] == "finished"


def test_a_mask_can_be_set_and_leaves_finished_pixels_alone(server) -> None:
    first = finished(server, 20, 20)
    second = do(server, "click", x=45, y=30).json()["object"]
    wanted = np.zeros(SIZE, dtype=bool)
    wanted[10:30, 15:50] = True
    put = server.http.put(f"/api/v1/objects/{second}/mask", content=png(wanted))
    assert put.status_code == 200
    masks = {r.object_id: r.mask(SIZE).decode() for r in parse_records(server.get("/images/1/masks").content)}
    assert (masks[second] == (wanted & ~masks[first])).all()
    assert server.http.put(f"/api/v1/objects/{first}/mask", content=png(wanted)).status_code == 409
    for bad in (png(np.ones((5, 5), dtype=bool)), b"junk", b""):
        assert server.http.put(f"/api/v1/objects/{second}/mask", content=bad).json()["error"]["code"] == "bad_prompt"


def test_classes_over_rest(server) -> None:
    leaf = server.post("/classes", {"name": "leaf", "key": 2}).json()
    assert server.post("/classes", {"name": "leaf"}).status_code == 400
    assert server.http.patch(f"/api/v1/classes/{leaf['id']}", json={"colour": "#123456"}).json()["colour"] == "#123456"
    number = finished(server, 20, 20, **{"class": leaf["id"]})
    assert server.get(f"/objects/{number}").json()["class"] == leaf["id"]
    assert do(server, "click", x=45, y=30).json()["objects"][0]["class"] == leaf["id"]
    assert server.http.delete(f"/api/v1/classes/{leaf['id']}").status_code == 409
    assert server.http.delete("/api/v1/classes/1").status_code == 204
    assert server.http.delete("/api/v1/classes/1").status_code == 404
    assert server.http.patch("/api/v1/classes/1", json={"name": "x"}).status_code == 404


def test_open_sockets_hear_of_changes_over_rest(server) -> None:
    with server.socket() as socket:
        number = finished(server, 20, 20)
        assert socket.until("changed")["by"] == CLIENT
        server.http.patch(f"/api/v1/objects/{number}", json={"colour": "#00ff00"})
        while socket.until("changed")["objects"][0]["colour"] != "#00ff00":
            pass
        server.post("/classes", {"name": "leaf"})
        assert socket.until("classes") == {"type": "classes"}


def test_models(server) -> None:
    assert [m["name"] for m in server.get("/models").json()["models"]] == ["disc", "other"]
    assert server.http.put("/api/v1/models/current", json={"name": "dsic"}).status_code == 400
    with server.socket() as socket:
        socket.click(20, 20)
        answer = server.http.put("/api/v1/models/current", json={"name": "other"}).json()
        assert answer["current"] == "other"
        while socket.until("model")["state"] != "ready":
            pass
        socket.click(30, 20)
        assert socket.records[1].mask(SIZE).decode()[20, 30]
    runs = [e.payload["model"] for e in server.http.app.state.services.store.events(1) if e.kind == "model_run"]
    assert runs == ["disc", "other"]


@pytest.mark.parametrize("name", list(FORMATS))
def test_export_and_import_are_inverse(server, restart, tmp_path: Path, name: str) -> None:
    leaf = server.post("/classes", {"name": "leaf", "colour": "#123456"}).json()["id"]
    finished(server, 15, 15)
    finished(server, 40, 30, **{"class": leaf})
    finished(server, 20, 20, image=2)
    do(server, "click", 2, x=50, y=40)
    report = server.post("/export", {"format": name, "options": {"segmentation": "rle"}}).json()
    assert report["objects"] == 3
    assert any("in progress" in note for note in report["notes"])
    folder = Path(report["folder"])
    assert folder.parent == server.folder / ".clickmask" / "export"
    packed = server.http.get(report["download"]).content
    names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert len([n for n in names if not n.endswith("/")]) == report["files"]
    before = {r.object_id: r.runs for r in parse_records(server.get("/images/1/masks").content)}
    for number in (1, 2, 3, 4):
        server.http.delete(f"/api/v1/objects/{number}")
    answer = server.http.post("/api/v1/import", files={"file": ("a.zip", packed)}, data={"format": name})
    assert (answer.json()["images"], answer.json()["objects"]) == (2, 3), answer.text
    records = parse_records(server.get("/images/1/masks").content)
    assert sorted(r.runs for r in records) == sorted(before.values())
    objects = server.get("/images/1/objects").json()["objects"]
    assert [(o["state"], o["class"]) for o in objects] == [("finished", 1), ("finished", leaf)]
    assert server.post(f"/objects/{objects[0]['id']}/reopen").status_code == 200
    server.post("/images/1/undo")
    assert len(server.post("/images/1/undo").json()["removed"]) == 2


def test_indexed_png_says_what_it_cannot_hold(server) -> None:
    finished(server, 15, 15)
    finished(server, 40, 30)
    notes = server.post("/export", {"format": "png"}).json()["notes"]
    assert any("2 objects of class 'object' become one" in note for note in notes)


@pytest.mark.parametrize("name", ["geotiff", "geojson_world"])
def test_masks_of_a_geotiff_are_exported_with_its_place(model, tmp_path: Path, name: str) -> None:
    place = Georeference({33550: (0.5, 0.5, 0.0), 33922: (0.0, 0.0, 0.0, 4e5, 5e6, 0.0), 34735: UTM_33_NORTH})
    (tmp_path / "maps").mkdir()
    pixels = np.random.default_rng(1).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "maps" / "a.tif", pixels, photometric="rgb", extratags=place.extratags())
    with running(tmp_path / "maps", model) as server:
        finished(server, 15, 15)
        (record,) = parse_records(server.get("/images/1/masks").content)
        report = server.post("/export", {"format": name}).json()
        assert report["notes"] == []
        (image,) = FORMATS.get(name).read(report["folder"]).images
        assert image.georeference == place and image.annotations[0].mask.area == sum(record.runs[1::2])
        server.http.delete("/api/v1/objects/1")
        answer = send(server, server.http.get(report["download"]).content, "a.zip", name)
        assert (answer.json()["objects"], answer.json()["notes"]) == (1, [])
        (again,) = parse_records(server.get("/images/1/masks").content)
        assert again.runs == record.runs


@pytest.mark.parametrize(
    "body",
    [
        {"format": "cocoo"},
        {"format": "coco", "options": {"x": 1}},
        {"format": "coco", "options": {"segmentation": "dots"}},
    ],
)
def test_exports_that_make_no_sense_are_refused(server, body: dict) -> None:
    finished(server, 15, 15)
    assert server.post("/export", body).json()["error"]["code"] == "bad_request"


def test_an_empty_export_and_foreign_names_are_refused(server) -> None:
    assert server.post("/export", {"format": "coco"}).status_code == 400
    assert server.post("/export", {"format": "coco", "images": [77]}).status_code == 404
    for name in ("nothing-20200101-000000", "..%2Fproject", "project.db"):
        assert server.get(f"/exports/{name}.zip").status_code == 404


def coco(image: str, size_hw: tuple[int, int], counts: list[int]) -> bytes:
    document = {
        "images": [{"id": 5, "file_name": image, "height": size_hw[0], "width": size_hw[1]}],
        "categories": [{"id": 1, "name": "leaf"}],
        "annotations": [
            {
                "id": 1, "image_id": 5, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, 1, 1], "area": 1,
                "segmentation": {"size": list(size_hw), "counts": counts},
            }
        ],
    }  # fmt: skip
    return json.dumps(document).encode()


def send(server, data: bytes, name: str, format_name: str = "coco"):
    return server.http.post("/api/v1/import", files={"file": (name, data)}, data={"format": format_name})


def test_imports_that_do_not_fit_are_noted(server) -> None:
    answer = send(server, coco("a.png", (10, 10), [0, 1, 99]), "x.json").json()
    assert answer["objects"] == 0
    assert "10 x 10" in answer["notes"][0]
    answer = send(server, coco("elsewhere.png", SIZE, [0, 1, 3071]), "x.json").json()
    assert "no image of that name" in answer["notes"][0]
    assert send(server, coco("a.jpg", SIZE, [0, 1, 3071]), "x.json").json()["objects"] == 1


@pytest.mark.parametrize(
    ("data", "name", "format_name", "code"),
    [
        (b"not json", "x.json", "coco", "bad_file"),
        (b"{}", "x.exe", "coco", "bad_file"),
        (b"no zip", "x.zip", "coco", "bad_file"),
        (b"{}", "x.json", "nonsense", "bad_request"),
        (b"\x89PNG\r\n", "x.png", "png", "bad_file"),
    ],
)
def test_bad_imports_are_refused(server, data: bytes, name: str, format_name: str, code: str) -> None:
    answer = send(server, data, name, format_name)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert "/tmp" not in answer.text


SQUARE = "0 0.25 0.25 0.25 0.5 0.5 0.5 0.5 0.25\n"


@pytest.mark.parametrize("packed", [False, True])
def test_formats_without_sizes_ask_the_project(server, packed: bool) -> None:
    """A bare label file, and a zip as people make it: only `labels` and its list of names."""
    if packed:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("labels/b.txt", SQUARE)
        answer = send(server, buffer.getvalue(), "mine.zip", "yolo")
    else:
        answer = send(server, SQUARE.encode(), "b.txt", "yolo")
    assert (answer.json()["images"], answer.json()["objects"]) == (1, 1), answer.text
    (record,) = parse_records(server.get("/images/2/masks").content)
    assert record.mask(SIZE).decode()[12:24, 16:32].all() and record.mask(SIZE).area == 12 * 16


def test_a_single_file_in_a_zip_is_the_import(server) -> None:
    xml = (
        '<annotations><image id="0" name="a.png" width="64" height="48">'
        '<mask label="leaf" rle="0, 6" left="1" top="1" width="3" height="2"/></image></annotations>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("my export.xml", xml)
    assert send(server, buffer.getvalue(), "x.zip", "cvat").json()["objects"] == 1
    assert send(server, xml.encode(), "x.xml", "cvat").json()["objects"] == 1


def test_hostile_files_are_refused_with_a_text(server) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY x "xxxx">]><annotations>&x;</annotations>'
    assert "document type or entities" in send(server, bomb, "x.xml", "cvat").json()["error"]["message"]
    pickled = io.BytesIO()
    np.savez(pickled, masks=np.array([{}], dtype=object))
    assert "Python objects" in send(server, pickled.getvalue(), "x.npz", "npz").json()["error"]["message"]


def test_imports_need_both_fields(server) -> None:
    assert server.http.post("/api/v1/import", json={}).status_code == 400
    assert server.http.post("/api/v1/import", files={"file": ("x.json", b"{}")}).status_code == 400


def test_unknown_routes_and_methods_answer_in_the_same_shape(server) -> None:
    assert server.get("/nothing").json()["error"]["code"] == "not_found"
    assert server.http.delete("/api/v1/health").status_code == 405


def test_the_folder_may_change_while_it_is_open(server) -> None:
    finished(server, 20, 20)
    (server.folder / "a.png").rename(server.folder / "z.png")
    (server.folder / "b.png").unlink()
    write_image(server.folder / "deep" / "c.png", 3)
    answer = server.post("/project/scan").json()
    assert (answer["added"], answer["missing"], answer["moved"]) == (1, 1, 1)
    assert [(i["name"], i["status"]) for i in answer["images"]] == [
        ("b.png", "missing"), ("deep/c.png", "new"), ("z.png", "ok"),
    ]  # fmt: skip
    assert server.get("/images/1/objects").json()["objects"][0]["state"] == "finished"
    assert do(server, "click", x=45, y=30).status_code == 200
    assert server.get("/images/2/display").json()["error"]["code"] == "image_missing"


def test_a_removed_image_keeps_its_objects_readable(server) -> None:
    finished(server, 20, 20)
    data = (server.folder / "a.png").read_bytes()
    (server.folder / "a.png").unlink()
    assert server.get("/images/1/display").status_code == 404
    assert server.get("/images/1").json()["status"] == "missing"
    with server.http.websocket_connect("ws://127.0.0.1:8000/api/v1/images/1/live") as session:
        session.send_json({"type": "open", "client": "client-a"})
        assert session.receive_json()["code"] == "image_missing"
    assert len(list(parse_records(server.get("/images/1/masks").content))) == 1
    assert server.post("/export", {"format": "coco"}).json()["objects"] == 1
    (server.folder / "a.png").write_bytes(data)
    server.post("/project/scan")
    with server.socket() as socket:
        assert len(socket.ready["objects"]) == 1


def test_a_truncated_image_is_told_and_keeps_its_objects(server) -> None:
    finished(server, 20, 20)
    data = (server.folder / "a.png").read_bytes()
    (server.folder / "a.png").write_bytes(data[: len(data) // 2])
    with server.http.websocket_connect("ws://127.0.0.1:8000/api/v1/images/1/live") as session:
        session.send_json({"type": "open", "client": "client-a"})
        assert session.receive_json()["code"] == "image_damaged"
    assert server.get("/images/1").json()["status"] == "damaged"
    assert server.get("/images/1/objects").json()["objects"][0]["area"] > 80


def test_an_image_replaced_by_one_of_another_size_is_refused(server) -> None:
    finished(server, 20, 20)
    write_image(server.folder / "a.png", 9, (30, 30))
    answer = server.get("/images/1/display")
    assert answer.status_code == 422
    assert "30 x 30" in answer.json()["error"]["message"]


def test_the_next_image_is_decoded_ahead(server) -> None:
    with server.socket() as socket:
        kept = server.http.app.state.services.pictures._frames
        for _ in range(200):
            socket.sync()
            if len(kept) > 1:
                break
        assert [path for path, _ in kept] == ["a.png", "b.png"]


def test_json_bodies_must_be_called_json(server) -> None:
    answer = server.http.post("/api/v1/classes", content=b'{"name": "leaf"}', headers={"Content-Type": "text/plain"})
    assert answer.json()["error"]["code"] == "bad_request"
    assert len(server.get("/classes").json()["classes"]) == 1


def test_undo_brings_a_deleted_class_back_and_tells_everybody(server) -> None:
    leaf = server.post("/classes", {"name": "leaf"}).json()["id"]
    number = finished(server, 20, 20, **{"class": leaf})
    server.http.delete(f"/api/v1/objects/{number}")
    assert server.http.delete(f"/api/v1/classes/{leaf}").status_code == 204
    with server.socket() as socket:
        socket.send("undo")
        assert socket.until("classes") == {"type": "classes"}
        assert leaf in [c["id"] for c in server.get("/classes").json()["classes"]]
