from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from clickmask.core.errors import ConflictError, InputError, StorageError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, Lasso, MaskPrompt, Prompts, Scribble
from clickmask.store import migrations
from clickmask.store.project import Project, open_project
from clickmask.store.values import Edit, FileStamp, ImageFacts, ModelRun, ObjectValue, Origin, Settled

ANN = Origin("ann")
SIZE = (6, 8)


def square(x: int, y: int, side: int = 2) -> RunLengthMask:
    return RunLengthMask.encode(np.ones((side, side), dtype=bool), (x, y), SIZE)


def edit(object_id: int | None, value: ObjectValue | None, kind: str = "click") -> Edit:
    return Edit(kind, f"{kind} on object #{{object}}", ((object_id, value),), {"x": 1})


@pytest.fixture
def project(tmp_path: Path):
    opened = open_project(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def store(project: Project):
    return project.store


@pytest.fixture
def image(store) -> int:
    return store.add_images({"a.png": FileStamp(10, 1.0)})[0].id


def test_images_come_in_natural_order_and_only_once(store) -> None:
    stamp = FileStamp(1, 1.0)
    store.add_images({"b/10.jpg": stamp, "b/2.jpg": stamp, "A.jpg": stamp})
    assert store.add_images({"A.jpg": stamp, "c.jpg": stamp})[0].path == "c.jpg"
    assert [i.path for i in store.images()] == ["A.jpg", "b/2.jpg", "b/10.jpg", "c.jpg"]


def test_image_facts_status_and_counts(store, image: int) -> None:
    store.set_image_facts(image, ImageFacts("d" * 40, SIZE, 6), FileStamp(11, 2.0))
    store.apply(image, edit(None, ObjectValue(1, square(0, 0))), ANN)
    store.apply(image, edit(None, ObjectValue(1, square(3, 0), phase="finished")), ANN)
    found = store.image(image)
    assert (found.status, found.facts.size_hw, found.facts.orientation) == ("ok", SIZE, 6)
    assert (found.finished, found.in_progress, found.rev) == (1, 1, 2)
    store.set_image_status(image, "missing", "gone")
    assert store.image(image).problem == "gone"


def test_a_moved_image_keeps_its_number_and_objects(store, image: int) -> None:
    store.apply(image, edit(None, ObjectValue(1, square(0, 0))), ANN)
    store.add_images({"moved.png": FileStamp(10, 1.0)})
    store.move_image(image, "moved.png", FileStamp(10, 1.0))
    assert [(i.id, i.path, i.in_progress) for i in store.images()] == [(image, "moved.png", 1)]


def test_values_come_back_exactly(store, image: int) -> None:
    prompts = Prompts((Click(0.1 + 0.2, 1.5, False), Box(0, 0, 2.25, 3), MaskPrompt(square(1, 1))))
    value = ObjectValue(1, square(2, 2), prompts, "#00ff00", True, 7, "in_progress", True, False)
    outcome = store.apply(image, edit(None, value), ANN)
    (found,) = store.objects(image)
    assert found.value == value
    assert found == outcome.objects[0] == store.find_object(found.id)
    assert (found.rev, found.changed_by) == (1, "ann")


def test_undo_and_redo_have_no_limit_and_survive_reopening(tmp_path: Path) -> None:
    project = open_project(tmp_path)
    image = project.store.add_images({"a.png": FileStamp(1, 1.0)})[0].id
    values = [ObjectValue(1, square(0, 0), Prompts((Click(1, 1),) * (n + 1))) for n in range(40)]
    number = project.store.apply(image, edit(None, values[0]), ANN).objects[0].id
    for value in values[1:]:
        project.store.apply(image, edit(number, value), ANN)
    project.close()
    project = open_project(tmp_path)
    for value in reversed(values[:-1]):
        assert project.store.undo(image, ANN).objects[0].value == value
    assert project.store.undo(image, ANN).removed == (number,)
    assert project.store.undo(image, ANN) is None
    assert project.store.objects(image) == []
    project.close()
    project = open_project(tmp_path)
    for value in values:
        assert project.store.redo(image, ANN).objects[0].value == value
    assert project.store.redo(image, ANN) is None
    project.close()


def test_a_new_step_after_undo_leaves_the_old_branch_only_in_the_log(store, image: int) -> None:
    first = store.apply(image, edit(None, ObjectValue(1, square(0, 0))), ANN).objects[0].id
    store.undo(image, ANN)
    second = store.apply(image, edit(None, ObjectValue(1, square(3, 3)), "box"), ANN).objects[0].id
    assert first != second
    assert store.redo(image, ANN) is None
    assert [e.label for e in store.history(image)] == [f"box on object #{second}"]
    assert [e.kind for e in store.events(image)] == ["click", "undo", "box"]


def test_jump_and_history(store, image: int) -> None:
    for x in range(4):
        store.apply(image, edit(None, ObjectValue(1, square(x, 0))), ANN)
    actions = [e.action for e in store.history(image)]
    rev = store.jump(image, actions[1], ANN).rev
    assert rev == 5
    assert [e.applied for e in store.history(image)] == [True, True, False, False]
    assert len(store.objects(image)) == 2
    assert store.next_steps(image) == ("click on object #2", "click on object #3")
    assert len(store.jump(image, actions[3], ANN).objects) == 2
    assert len(store.jump(image, 0, ANN).removed) == 4
    assert store.jump(image, 999, ANN) is None


def test_settle_reaches_every_waiting_version_with_these_prompts(store, image: int) -> None:
    prompts = Prompts((Click(1, 1),))
    waiting = ObjectValue(1, RunLengthMask.empty(SIZE), prompts, settled=False)
    number = store.apply(image, edit(None, waiting), ANN).objects[0].id
    store.apply(image, edit(number, replace(waiting, hidden=True)), ANN)
    store.apply(image, edit(number, replace(waiting, prompts=prompts.add(Click(2, 2)))), ANN)
    store.settle(number, prompts, Settled(square(0, 0)), ModelRun("flood", 3.0))
    assert not store.find_object(number).value.settled
    for _ in range(2):
        value = store.undo(image, ANN).objects[0].value
        assert value.settled
        assert value.mask == square(0, 0)
    assert store.events(image)[3].payload == {"model": "flood", "milliseconds": 3.0, "prompts": 1}


def test_equal_masks_share_one_row(project: Project, image: int) -> None:
    for _ in range(5):
        project.store.apply(image, edit(None, ObjectValue(1, square(0, 0))), ANN)
    with project.store._engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM mask")) == 1


def test_last_seq_and_no_number_twice(store, image: int) -> None:
    store.apply(image, edit(None, ObjectValue(1, square(0, 0))), Origin("ann", 4))
    assert (store.last_seq(image, "ann"), store.last_seq(image, "bob")) == (4, 0)
    with pytest.raises(StorageError):
        store.apply(image, edit(None, ObjectValue(1, square(0, 0))), Origin("ann", 4))
    assert len(store.objects(image)) == 1


def test_classes(store, image: int) -> None:
    (first,) = store.classes()
    assert (first.name, first.key) == ("object", 1)
    leaf = store.add_class("leaf", "#ABCDEF", 1, ANN)
    assert (leaf.colour, leaf.key) == ("#abcdef", 1)
    assert store.classes()[0].key is None
    assert store.change_class(leaf.id, {"name": "blade", "key": None}, ANN).name == "blade"
    assert store.change_class(99, {"name": "x"}, ANN) is None
    store.apply(image, edit(None, ObjectValue(leaf.id, square(0, 0))), ANN)
    assert store.classes()[1].objects == 1
    with pytest.raises(ConflictError, match="carry the class 'blade'"):
        store.delete_class(leaf.id, ANN)


@pytest.mark.parametrize(
    ("name", "colour", "key"), [("object", None, None), (" ", None, None), ("x", "red", None), ("x", None, 10)]
)
def test_bad_classes_are_refused(store, name: str, colour: str | None, key: int | None) -> None:
    with pytest.raises(InputError):
        store.add_class(name, colour, key, ANN)
    assert len(store.classes()) == 1


def test_undo_brings_a_deleted_class_back(store, image: int) -> None:
    leaf = store.add_class("leaf", None, 2, ANN)
    number = store.apply(image, edit(None, ObjectValue(leaf.id, square(0, 0))), ANN).objects[0].id
    store.apply(image, edit(number, None, "delete"), ANN)
    store.delete_class(leaf.id, ANN)
    assert len(store.classes()) == 1
    store.undo(image, ANN)
    assert [c.name for c in store.classes()] == ["object", "leaf"]


def test_the_last_class_stays(store) -> None:
    with pytest.raises(ConflictError, match="last class"):
        store.delete_class(store.classes()[0].id, ANN)


def test_durability_settings(project: Project) -> None:
    def level(**options) -> list:
        with project.store._transaction(**options) as connection:
            return [connection.scalar(text(f"PRAGMA {p}")) for p in ("journal_mode", "synchronous", "foreign_keys")]

    assert level() == ["wal", 2, 1]
    assert level(recomputable=True) == ["wal", 1, 1]
    assert level() == ["wal", 2, 1]


def test_a_second_opening_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    import os

    project = open_project(tmp_path)
    with pytest.raises(StorageError, match=rf"process {os.getpid()}\).*--project"):
        open_project(tmp_path)
    project.close()
    open_project(tmp_path).close()


def test_a_folder_that_cannot_be_made_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / ".clickmask").write_text("in the way")
    with pytest.raises(StorageError, match="--project DIR"):
        open_project(tmp_path)


def test_a_full_disk_loses_nothing(project: Project, image: int) -> None:
    store = project.store
    store.apply(image, edit(None, ObjectValue(1, square(0, 0))), ANN)
    with project.store._engine.connect() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.execute(text(f"PRAGMA max_page_count={pages}"))
    noise = RunLengthMask.encode(np.random.default_rng(0).random((300, 300)) > 0.5)
    with pytest.raises(StorageError, match="Free some space"):
        store.apply(image, edit(None, ObjectValue(1, noise)), ANN)
    assert len(store.objects(image)) == 1
    assert store.image(image).rev == 1


def test_a_read_only_database_stays_readable(project: Project, image: int) -> None:
    with project.store._engine.connect() as connection:
        connection.execute(text("PRAGMA query_only=ON"))
    with pytest.raises(StorageError, match="writable"):
        project.store.apply(image, edit(None, ObjectValue(1, square(0, 0))), ANN)
    assert project.store.image(image).path == "a.png"


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    (tmp_path / ".clickmask").mkdir()
    (tmp_path / ".clickmask" / "project.db").write_bytes(b"not a database, " * 200)
    with pytest.raises(StorageError, match="damaged"):
        open_project(tmp_path)


def test_migrations_are_numbered_applied_once_and_newer_ones_refused(project: Project) -> None:
    assert [m[0] for m in migrations.MIGRATIONS] == list(range(1, len(migrations.MIGRATIONS) + 1))
    with project.store._engine.begin() as connection:
        assert migrations.migrate(connection) == []
        connection.execute(text("INSERT INTO migration VALUES (999, 'from the future', 0)"))
        with pytest.raises(StorageError, match="newer clickmask"):
            migrations.migrate(connection)


def test_a_project_of_the_first_version_is_brought_up_to_date(project: Project) -> None:
    store = project.store
    columns = {
        "version": ("locked", "ghosts_id", "waiting", "threshold"), "project": ("policy",), "image": ("kind",)
    }  # fmt: skip
    with store._engine.begin() as connection:
        for table, names in columns.items():
            for name in names:
                connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {name}"))
        connection.execute(text("DELETE FROM migration WHERE number > 1"))
        assert migrations.migrate(connection)[0] == 2
    added = store.add_images({"a.png": FileStamp(1, 1.0)})[0]
    assert added.kind == "photo"
    image = added.id
    locked = ObjectValue(1, square(0, 0), phase="finished", locked=True, ghosts=square(3, 3), threshold=0.25)
    store.apply(image, edit(None, locked), ANN)
    assert [o.value for o in store.objects(image)] == [locked]
    assert store.policy() == "yield"
    store.set_policy("take", ANN)
    assert store.policy() == "take"


def test_every_kind_of_prompt_comes_back_as_it_was(project: Project) -> None:
    line = ((1.5, 2.25), (3.0, 4.0), (0.5, 4.0))
    prompts = Prompts((Scribble(line, False), Lasso(line), MaskPrompt(square(1, 1), painted=True)))
    image = project.store.add_images({"a.png": FileStamp(1, 1.0)})[0].id
    project.store.apply(image, edit(None, ObjectValue(1, square(0, 0), prompts)), ANN)
    assert project.store.objects(image)[0].value.prompts == prompts
