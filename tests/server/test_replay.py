"""Recorded prompts asked once more: the masks that were kept come back, and where not it is told why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from clickmask.core.frames import Frame
from clickmask.core.protocols import Request, Result
from clickmask.formats.image_file import read_image
from clickmask.server.image_mind import ImageMind
from clickmask.server.replay import Models, ReplayedObject, replay
from clickmask.store.project import open_project

from .conftest import DiscModel, running


@contextmanager
def annotated(folder: Path, model: DiscModel) -> Iterator:
    with running(folder, model) as server:
        server.wait_for_model()
        with server.socket() as socket:
            yield socket


def replayed(folder: Path, models: Models) -> dict[int, ReplayedObject]:
    project = open_project(folder)
    try:
        store = project.store
        opened = Frame.of(read_image(folder / "a.png"))
        found = replay(store.steps(1), store.events(1), opened, ImageMind, models, store.policy())
        return {one.id: one for one in found}
    finally:
        project.close()


def asking(model: DiscModel) -> Models:
    """Each model once: a mind forgets its states when another one comes."""
    return cache(model.build)


def test_every_tool_in_one_history(folder: Path, model: DiscModel) -> None:
    with annotated(folder, model) as socket:
        socket.click(12.5, 12.5)
        socket.click(20.5, 12.5)
        socket.do("finish")
        socket.click(28.5, 12.5)
        socket.do("paint", points=[[30, 30], [50, 30]], radius=4)
        socket.click(40.5, 38.5)
        socket.click(40.5, 30.5, positive=False)
        socket.do("threshold", value=0.3)
        socket.do("remove_prompt", index=3)
        socket.answered(2, socket.rev)
        socket.do("finish")
        socket.do("reopen", object=1)
        socket.click(12.5, 22.5)
        socket.do("discard")
        socket.do("reopen", object=1)
        socket.click(8.5, 20.5)
        socket.do("shape", operation="grow", amount=1)
        socket.do("finish")
        kept = dict(socket.records)
    found = replayed(folder, asking(model))
    assert {number: [a.reason for a in one.answers if not a.same] for number, one in found.items()} == {1: [], 2: []}
    assert (len(found[1].answers), found[1].by_hand) == (4, 1)
    assert (len(found[2].answers), found[2].by_hand) == (5, 1)
    assert all(a.model == a.asked == "disc" for one in found.values() for a in one.answers)
    assert kept.keys() == found.keys()


def test_a_restart_in_the_middle_of_an_object(folder: Path, model: DiscModel) -> None:
    with annotated(folder, model) as socket:
        socket.click(12.5, 12.5)
    with annotated(folder, model) as socket:
        socket.click(20.5, 12.5)
    assert [a.same for a in replayed(folder, asking(model))[1].answers] == [True, True]


def test_undone_steps_and_deleted_objects_are_left_out(folder: Path, model: DiscModel) -> None:
    with annotated(folder, model) as socket:
        socket.click(12.5, 12.5)
        socket.click(20.5, 12.5)
        socket.do("undo")
        socket.do("finish")
        socket.click(40.5, 30.5)
        socket.do("finish")
        socket.do("delete", object=2)
    assert [(number, len(one.answers)) for number, one in replayed(folder, asking(model)).items()] == [(1, 1)]


class WiderModel(DiscModel):
    """Answers a little more on each side."""

    def step(self, request: Request) -> Result:
        answered = super().step(request).logits
        return Result(replace(answered, values=answered.values + np.float32(1)), request.memo)


def test_another_answer_is_told_with_its_size_and_reason(folder: Path, model: DiscModel) -> None:
    with annotated(folder, model) as socket:
        socket.click(12.5, 12.5)
        area = socket.do("finish")["objects"][0]["area"]
    (answer,) = replayed(folder, asking(WiderModel()))[1].answers
    assert not answer.same
    assert answer.pixels > 0
    assert answer.iou == pytest.approx(area / (area + answer.pixels))
    assert "otherwise" in answer.reason
    (other,) = replayed(folder, lambda name: WiderModel().build("other"))[1].answers
    assert other.reason == "answered by 'disc' then, by 'other' now"
    (gone,) = replayed(folder, lambda name: None)[1].answers
    assert (gone.same, gone.reason) == (False, "the model 'disc' is not here")
