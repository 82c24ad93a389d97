"""Subjects that learn from object to object."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from clickmask.core.errors import InputError
from clickmask.core.frames import Frame
from clickmask.core.prompts import Prompt
from clickmask.core.protocols import ObjectState
from clickmask.data import open_dataset
from clickmask.evaluate.protocol import find_protocol
from clickmask.evaluate.run import Subject, measure
from clickmask.evaluate.run_folder import tasks_of
from clickmask.evaluate.whole_run import Question, answer

from .made_up import model, write_folder

PROTOCOL = find_protocol("published", 3)


def advance(seen: list[int], inner: Subject, frame: Frame, state: ObjectState, prompt: Prompt) -> ObjectState:
    seen.append(state.memo.get("sequence", 0))
    after = inner.advance(frame, state, prompt)
    return replace(after, memo={**after.memo, "sequence": state.memo.get("sequence", 0)})


def following(frame: Frame, state: ObjectState) -> ObjectState:
    return ObjectState(memo={"sequence": state.memo.get("sequence", 0) + 1})


def counting(seen: list[int]) -> Subject:
    """It tells at every click how many objects came before."""
    return replace(model(), advance=partial(advance, seen, model()), next_object=following)


def test_every_object_begins_with_what_those_before_it_taught(tmp_path: Path) -> None:
    dataset = open_dataset("folder", write_folder(tmp_path / "photos", 3))
    tasks, seen = tasks_of([dataset, replace(dataset, name="again")]), list[int]()
    records = list(measure(tasks, lambda: counting(seen), PROTOCOL))
    clicks = [len(r) for r in records]
    assert seen == [n for n, count in zip([0, 1, 2, 0, 1, 2], clicks, strict=True) for _ in range(count)]


def test_a_continued_run_makes_the_earlier_clicks_again(tmp_path: Path) -> None:
    dataset = open_dataset("folder", write_folder(tmp_path / "photos", 3))
    tasks, seen = tasks_of([dataset]), list[int]()
    known = {r[0].key: r for r in list(measure(tasks, lambda: counting([]), PROTOCOL))[:2]}
    rest = list(measure(tasks, lambda: counting(seen), PROTOCOL, finished=known))
    assert [r[0].key for r in rest] == [tasks[2].key]
    assert seen[-len(rest[0]) :] == [2] * len(rest[0])
    assert len(seen) == sum(map(len, known.values())) + len(rest[0])


def test_several_processes_are_refused(tmp_path: Path) -> None:
    dataset = open_dataset("folder", write_folder(tmp_path / "photos", 1))
    question = Question(lambda: counting([]), PROTOCOL, [dataset], jobs=2)
    with pytest.raises(InputError, match=r"learns from one object after the other.*Leave out --jobs"):
        answer(question, tmp_path / "run", lambda *_: None)
    assert not (tmp_path / "run").exists()
