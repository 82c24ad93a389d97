"""Ignore regions and judgements on their way into files and back; the log as a table."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from clickmask.cli.main import app

from .conftest import Server


@pytest.fixture
def worked(server: Server) -> Server:
    """An accepted object, a rejected one, and an ignore region on a.png."""
    with server.socket() as socket:
        socket.session.send_json({"type": "name", "name": "Anna"})
        for x in (12.5, 32.5, 52.5):
            number = socket.click(x, 20.5)["object"]
            socket.do("finish")
        socket.do("patch", object=1, review="accepted")
        socket.do("patch", object=2, review="rejected", note="wrong thing")
        (found,) = socket.do("patch", object=number, ignored=True)["objects"]
        assert found["ignored"]
    return server


def exported(server: Server, format_name: str, **options: str) -> tuple[zipfile.ZipFile, list[str]]:
    report = server.post("/export", {"format": format_name, "options": options}).json()
    data = server.http.get(report["download"]).content
    return zipfile.ZipFile(io.BytesIO(data)), report["notes"]


def coco(server: Server, **options: str) -> list[dict[str, Any]]:
    archive, _ = exported(server, "coco", **options)
    (name,) = [n for n in archive.namelist() if n.endswith(".json")]
    found: list[dict[str, Any]] = json.loads(archive.read(name))["annotations"]
    return found


def test_coco_holds_ignore_regions_as_crowds_and_judgements_as_attributes(worked: Server) -> None:
    accepted, rejected, ignored = coco(worked)
    assert (accepted["iscrowd"], rejected["iscrowd"], ignored["iscrowd"]) == (0, 0, 1)
    assert accepted["attributes"] == {"review": "accepted", "reviewer": "Anna"}
    assert rejected["attributes"] == {"review": "rejected", "reviewer": "Anna", "note": "wrong thing"}
    assert isinstance(ignored["segmentation"], dict), "crowds are run lengths"


def test_only_what_was_accepted_is_exported_if_that_is_asked_for(worked: Server) -> None:
    assert [a["id"] for a in coco(worked, review="accepted")] == [1]
    assert [a["id"] for a in coco(worked, review="not_rejected")] == [1, 3]
    refused = worked.post("/export", {"format": "coco", "options": {"review": "maybe"}})
    assert refused.status_code == 400 and "not_rejected" in refused.json()["error"]["message"]


def test_palette_masks_hold_ignore_regions_as_255(worked: Server) -> None:
    archive, _ = exported(worked, "png")
    (name,) = [n for n in archive.namelist() if n.endswith("a.png")]
    values = np.asarray(Image.open(io.BytesIO(archive.read(name))))
    assert (values[20, 12], values[20, 32], values[20, 52], values[2, 2]) == (1, 1, 255, 0)
    archive, _ = exported(worked, "voc")
    for folder in ("SegmentationClass", "SegmentationObject"):
        (name,) = [n for n in archive.namelist() if folder in n and n.endswith("a.png")]
        assert np.asarray(Image.open(io.BytesIO(archive.read(name))))[20, 52] == 255


def test_formats_that_know_no_ignore_regions_leave_them_out_and_say_so(worked: Server) -> None:
    archive, notes = exported(worked, "yolo")
    (name,) = [n for n in archive.namelist() if n.endswith("a.txt")]
    assert archive.read(name).decode().count("\n") == 2
    assert any("1 ignore regions are left out" in note for note in notes)


def test_an_ignore_region_comes_back_from_coco(worked: Server) -> None:
    archive, _ = exported(worked, "coco")
    (name,) = [n for n in archive.namelist() if n.endswith(".json")]
    form = {"file": ("x.json", archive.read(name), "application/json")}
    answer = worked.http.post("/api/v1/import", data={"format": "coco"}, files=form)
    assert answer.json()["objects"] == 3
    objects = worked.get("/images/1/objects").json()["objects"]
    assert [o["ignored"] for o in objects] == [False, False, True] * 2


def test_the_log_is_a_table_with_names(worked: Server, tmp_path: Path) -> None:
    table = list(csv.DictReader(io.StringIO(worked.get("/log").text)))
    clicks = [row for row in table if row["kind"] == "click"]
    assert [(r["image"], r["object"], r["person"]) for r in clicks] == [("a.png", str(n), "Anna") for n in (1, 2, 3)]
    assert json.loads(clicks[0]["payload"])["x"] == 12.5
    lines = worked.http.get("/api/v1/log", params={"format": "json"}).text.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == [row["kind"] for row in table]


def test_the_command_writes_the_same_log(restart: Any, folder: Path, tmp_path: Path) -> None:
    with restart() as server, server.socket() as socket:
        socket.click(20.5, 20.5)
    target = tmp_path / "log.csv"
    result = CliRunner().invoke(app, ["log", str(folder), "-o", str(target)])
    assert result.exit_code == 0, result.output
    assert [row["kind"] for row in csv.DictReader(io.StringIO(target.read_text()))] == ["click", "model_run"]
