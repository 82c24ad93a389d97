"""A training that is begun in the page: here a made-up command stands in for `clickmask`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clickmask.server.app import create_app
from clickmask.server.settings import Settings
from clickmask.server.teaching import Teaching
from clickmask.store.project import open_project
from clickmask.zoo import catalog

from .conftest import AUTH, SPECS, TOKEN, DiscModel, Server, TestClient

COMMAND = r"""
import json, pathlib, sys, time
arguments = sys.argv[1:]
place = pathlib.Path(__file__).parent
run = pathlib.Path(arguments[arguments.index("-o") + 1])
(place / f"{arguments[0]}.json").write_text(json.dumps(arguments))
if arguments[0] == "export":
    run.mkdir()
    (run / "spec.json").write_text("{}")
    sys.exit()
mood = (place / "mood").read_text()
if mood == "refuses":
    sys.exit(print("a warning\nError: The data are odd.", file=sys.stderr) or 2)
if mood == "dies":
    import os
    os.kill(os.getpid(), 9)
if mood == "breaks":
    raise ValueError("a bug")
for step in (1, 2):
    progress = {"step": step, "steps": 2, "side": 64, "loss": 0.5 / step, "iou": 0.8, "samples_per_second": 12.25}
    print(json.dumps({"progress": {**progress, "seconds_left": 2.0 - step, "validation": None, "samples": 8 * step}}))
    sys.stdout.flush()
    if mood == "waits":
        (place / "waiting").write_text(str(__import__("os").getpid()))
        while sys.stdin.read(1):
            pass
        sys.exit(143)
print("a library prints this")
print(json.dumps({"outcome": {"first": {"iou@1": 0.5}, "last": {"iou@1": 0.625}}}))
"""


class School(Server):
    """A server that can train, with the command's place."""

    place: Path
    mood = property(fset=lambda self, mood: (self.place / "mood").write_text(mood))

    def teach(self, name: str = "mine", **values: Any) -> Any:
        return self.post("/training", {"name": name, "start": "default", "steps": 2, **values})

    def ended(self) -> dict[str, Any]:
        """The training once it has ended."""
        while True:
            lesson: dict[str, Any] = self.get("/training").json()["lesson"]
            if lesson["state"] not in ("preparing", "training", "exporting"):
                return lesson
            time.sleep(0.01)

    def waiting(self) -> int:
        """The process that trains, once it waits."""
        while not (self.place / "waiting").is_file() or not (self.place / "waiting").read_text():
            time.sleep(0.01)
        return int((self.place / "waiting").read_text())

    def finish_objects(self, image: int = 1, count: int = 2) -> None:
        with self.socket(image) as socket:
            for x in range(count):
                socket.click(10.5 + 25 * x, 20.5)
                socket.do("finish")


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def teaching(tmp_path: Path) -> Teaching:
    place = tmp_path / "command"
    place.mkdir()
    (place / "command.py").write_text(COMMAND)
    project = tmp_path / "project"
    return Teaching(project, project / "models", (sys.executable, str(place / "command.py")), needs=(), threads=3)


def opened(folder: Path, model: DiscModel, teaching: Teaching | None, project: Path) -> Iterator[School]:
    specs = {**SPECS, "default": catalog.find("default")[0]}
    settings = Settings(token=TOKEN, session="session", model="disc")
    app = create_app(settings, open_project(folder, project), model.build, lambda: specs, None, teaching)
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=AUTH) as client:
        school = School(folder, model, client)
        school.wait_for_model()
        yield school


@pytest.fixture
def school(folder: Path, model: DiscModel, teaching: Teaching, tmp_path: Path) -> Iterator[School]:
    for one in opened(folder, model, teaching, tmp_path / "project"):
        one.place = tmp_path / "command"
        one.mood = "works"
        yield one


def test_what_can_be_learned_from_is_told(school: School) -> None:
    told = school.get("/training").json()
    assert (told["objects"], told["images"], told["lesson"], told["problem"]) == (0, 0, None, None)
    school.finish_objects()
    told = school.get("/training").json()
    assert (told["objects"], told["images"]) == (2, 1)
    assert (told["starts"], told["start"], told["name"]) == (["default"], "default", "mine"), "disc has no network"


def test_a_model_is_made_and_stands_in_the_folder_of_the_menu(school: School, teaching: Teaching) -> None:
    school.finish_objects()
    begun = school.teach()
    assert begun.status_code == 202
    assert begun.json()["lesson"]["state"] in ("preparing", "training")
    lesson = school.ended()
    assert (lesson["state"], lesson["problem"]) == ("done", None)
    assert (lesson["objects"], lesson["images"], lesson["samples"], lesson["loss"]) == (2, 1, 16, 0.25)
    assert (lesson["first"], lesson["last"]) == ({"iou@1": 0.5}, {"iou@1": 0.625})
    assert (teaching.models / "mine" / "spec.json").is_file()
    assert school.get("/training").json()["name"] == "mine-2"


def test_the_commands_are_those_that_a_person_would_type(school: School, teaching: Teaching) -> None:
    school.finish_objects()
    school.teach(steps=7)
    school.ended()
    run, data = teaching.folder / "runs" / "mine", teaching.folder / "runs" / "mine" / "project.json"
    trained = json.loads((school.place / "train.json").read_text())
    assert trained[:4] == ["train", "finetune", "--data", str(data)]
    assert trained[4:] == [
        "-o", str(run), "--from", "default", "--threads", "3", "--set", "phases.0.steps=7", "--supervised",
    ]  # fmt: skip
    exported = json.loads((school.place / "export.json").read_text())
    assert exported == ["export", str(run), "-o", str(run / "model"), "--name", "mine"]
    document = json.loads(data.read_text())
    assert [image["file_name"] for image in document["images"]] == [str(school.folder / "a.png")]
    assert len(document["annotations"]) == 2


def test_rejected_objects_teach_nothing_and_missing_photographs_neither(school: School, teaching: Teaching) -> None:
    school.finish_objects(1)
    school.finish_objects(2, count=1)
    school.http.patch("/api/v1/objects/1", json={"review": "rejected"})
    (school.folder / "b.png").unlink()
    school.teach()
    assert school.ended()["objects"] == 1
    document = json.loads((teaching.folder / "runs" / "mine" / "project.json").read_text())
    assert [Path(image["file_name"]).name for image in document["images"]] == ["a.png"]


def test_everybody_hears_of_it(school: School) -> None:
    school.finish_objects()
    with school.socket(2, "client-b") as other:
        school.teach()
        while (told := other.until("training")["lesson"])["state"] != "done":
            assert told["name"] == "mine"


def test_a_training_can_be_stopped_and_begun_anew(school: School, teaching: Teaching) -> None:
    school.finish_objects()
    school.mood = "waits"
    school.teach()
    process = school.waiting()
    refused = school.teach("other")
    assert (refused.status_code, refused.json()["error"]["words"]["key"]) == (409, "refused.teaching.running")
    stopped = school.http.delete("/api/v1/training").json()["lesson"]
    assert stopped["state"] == "stopped"
    assert not alive(process)
    assert not (teaching.models / "mine").exists()
    assert school.http.delete("/api/v1/training").json()["error"]["words"]["key"] == "refused.teaching.idle"
    school.mood = "works"
    assert school.teach().status_code == 202, "the name is free again"
    assert school.ended()["state"] == "done"


def test_the_training_ends_with_the_server(folder: Path, model: DiscModel, teaching: Teaching, tmp_path: Path) -> None:
    for school in opened(folder, model, teaching, tmp_path / "project"):
        school.place = tmp_path / "command"
        school.mood = "waits"
        school.finish_objects()
        school.teach()
        process = school.waiting()
    assert not alive(process)


@pytest.mark.parametrize(
    ("mood", "key", "text"),
    [
        ("refuses", None, "The data are odd."),
        ("dies", "refused.teaching.killed", "signal 9"),
        ("breaks", "refused.teaching.failed", "ValueError: a bug"),
    ],
)
def test_a_failure_is_told_in_the_words_of_the_command(school: School, mood: str, key: str | None, text: str) -> None:
    school.finish_objects()
    school.mood = mood
    school.teach()
    lesson = school.ended()
    assert lesson["state"] == "failed"
    assert text in lesson["problem"]
    assert (lesson["words"] or {}).get("key") == key


def test_what_cannot_be_is_refused(school: School, teaching: Teaching) -> None:
    (teaching.models / "older").mkdir(parents=True)
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"name": "../away"}, "name"),
        ({"name": ".hidden"}, "name"),
        ({"name": "default"}, "taken"),
        ({"name": "older"}, "taken"),
        ({"start": "disc"}, "start"),
        ({"start": "/etc"}, "start"),
        ({}, "nothing"),
    ]
    for values, key in refusals:
        refused = school.teach(**values)
        assert (refused.status_code, refused.json()["error"]["words"]["key"]) == (400, f"refused.teaching.{key}")
    for steps in (0, -1, 100_001, "many"):
        assert school.teach(steps=steps).status_code == 400
    assert school.get("/training").json()["lesson"] is None
    assert not (teaching.folder / "runs").exists()


def test_without_torch_the_page_says_what_to_install(
    folder: Path, model: DiscModel, teaching: Teaching, tmp_path: Path
) -> None:
    lacking = replace(teaching, needs=("no_such_module",))
    for school in opened(folder, model, lacking, tmp_path / "project"):
        school.finish_objects()
        told = school.get("/training").json()
        assert "pip install 'clickmask[train]'" in told["problem"]
        assert told["words"]["key"] == "refused.teaching.missing"
        refused = school.teach()
        assert (refused.status_code, refused.json()["error"]["message"]) == (409, told["problem"])


def test_a_server_without_training_refuses(server: Server) -> None:
    assert server.post("/training", {"name": "mine"}).json()["error"]["words"]["key"] == "refused.teaching.none"
