from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickmask.core.errors import ClickmaskError, ConflictError, PromptError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click
from clickmask.server import edits, ownership
from clickmask.server.errors import ProtectedError
from clickmask.server.records import parse_records
from clickmask.store.values import ObjectValue, StoredObject

SIZE = (12, 16)


def random_mask(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random(SIZE) < rng.choice([0.0, 0.1, 0.5, 0.9, 1.0])


masks = st.integers(0, 10_000).map(random_mask)


def stored(number: int, value: ObjectValue) -> StoredObject:
    return StoredObject(number, 1, 1, "ann", value)


def value(mask: np.ndarray, **changes) -> ObjectValue:
    return ObjectValue(1, RunLengthMask.encode(mask), **changes)


@settings(max_examples=50, deadline=None)
@given(masks, st.lists(masks, max_size=3))
def test_without_is_the_difference(mask: np.ndarray, others: list[np.ndarray]) -> None:
    expected = mask.copy()
    for other in others:
        expected &= ~other
    left = ownership.without(RunLengthMask.encode(mask), [RunLengthMask.encode(o) for o in others])
    assert (left.decode() == expected).all()
    assert left == RunLengthMask.encode(expected)


class Board:
    """The rules with a model that answers anything at all."""

    def __init__(self) -> None:
        self.objects: dict[int, StoredObject] = {}
        self.touched: set[int] = set()

    def take(self, edit: edits.Edit) -> int:
        ((number, changed),) = edit.changes
        number = max(self.objects, default=0) + 1 if number is None else number
        if changed is None:
            self.objects.pop(number)
        else:
            self.objects[number] = stored(number, changed)
        self.touched = {number}
        return number

    def answer(self, number: int, mask: np.ndarray) -> None:
        kept = ownership.without(RunLengthMask.encode(mask), ownership.protected_by_others(self.objects, number))
        now = self.objects[number].value
        self.objects[number] = stored(number, replace(now, mask=kept, settled=True))

    def act(self, kind: str, place: tuple[int, int], mask: np.ndarray, pick: int) -> None:
        """One thing a person may do; refusals are part of the game."""
        target = list(self.objects.values())[pick % len(self.objects)] if self.objects else None
        running = next((o for o in self.objects.values() if o.value.phase == "in_progress"), None)
        x, y = place
        if kind in ("positive", "negative", "box"):
            prompt = Box(x, y, x + 1, y + 1) if kind == "box" else Click(x + 0.5, y + 0.5, kind == "positive")
            fresh = value(np.zeros(SIZE, dtype=bool))
            self.answer(self.take(edits.add_prompt(self.objects, running, prompt, fresh, "leaf")), mask)
        elif target is not None and kind in ("reopen", "delete", "discard"):
            rule = {"reopen": edits.reopen, "delete": edits.delete, "discard": edits.discard}[kind]
            self.take(rule(target, "leaf"))
        elif target is not None and kind == "finish":
            self.take(edits.finish(self.objects, target, "leaf"))
        elif target is not None:
            self.take(edits.set_mask(self.objects, target, RunLengthMask.encode(mask), "leaf"))


KINDS = ("positive", "negative", "box", "finish", "reopen", "delete", "discard", "set_mask")
actions = st.tuples(
    st.sampled_from(KINDS), st.tuples(st.integers(0, 14), st.integers(0, 10)), masks, st.integers(0, 20)
)


@settings(max_examples=80, deadline=None)
@given(st.lists(actions, max_size=25))
def test_finished_objects_never_change_unless_the_person_changes_them(script: list) -> None:
    board = Board()
    for action in script:
        before = dict(board.objects)
        board.touched = set()
        try:
            board.act(*action)
        except ClickmaskError:
            assert board.objects == before
        for number, stood in before.items():
            if number not in board.touched:
                assert board.objects[number].value == stood.value
        owned = np.zeros(SIZE, dtype=int)
        for stood in board.objects.values():
            owned += stood.value.mask.decode() & stood.value.protects
        assert owned.max() <= 1


def test_random_sessions_keep_the_promise_end_to_end(server) -> None:
    rng = np.random.default_rng(5)
    with server.socket() as socket:
        for _ in range(60):
            finished = [o["id"] for o in server.get("/images/1/objects").json()["objects"] if o["state"] == "finished"]
            before = {r.object_id: r.runs for r in parse_records(server.get("/images/1/masks").content)}
            kind = rng.choice(["click", "click", "click", "finish", "reopen", "undo", "redo"], p=None)
            values = {}
            if kind == "click":
                values = {"x": rng.uniform(0, 64), "y": rng.uniform(0, 48), "positive": bool(rng.random() > 0.3)}
            elif kind == "reopen" and finished:
                values = {"object": int(rng.choice(finished))}
            answer = socket.click(**values) if kind == "click" else socket.do(str(kind), **values)
            named = {o["id"] for o in answer.get("objects", [])} | set(answer.get("removed", []))
            after = {r.object_id: r.runs for r in parse_records(server.get("/images/1/masks").content)}
            for number in set(finished) - named:
                assert after[number] == before[number]


def test_a_positive_click_on_finished_pixels_is_refused_and_a_negative_one_is_not() -> None:
    mask = np.zeros(SIZE, dtype=bool)
    mask[2:5, 2:5] = True
    objects = {1: stored(1, value(mask, phase="finished")), 2: stored(2, value(~mask))}
    fresh = value(mask)
    with pytest.raises(ProtectedError, match="#1"):
        edits.add_prompt(objects, objects[2], Click(3.5, 3.5), fresh, "leaf")
    edit = edits.add_prompt(objects, objects[2], Click(3.5, 3.5, False), fresh, "leaf")
    assert edit.label == "negative click 1 on leaf #{object}"
    assert not edit.changes[0][1].settled


def test_a_new_object_cannot_begin_with_a_negative_click() -> None:
    with pytest.raises(PromptError, match="positive click or a box"):
        edits.add_prompt({}, None, Click(3, 3, False), value(np.zeros(SIZE, dtype=bool)), "leaf")


def test_discarding_a_correction_gives_the_finished_value_back() -> None:
    mask = np.eye(12, 16, dtype=bool)
    finished = stored(1, value(mask, phase="finished"))
    reopened = stored(1, edits.reopen(finished, "leaf").changes[0][1])
    clicked = edits.add_prompt({1: reopened}, reopened, Click(3, 9), finished.value, "leaf").changes[0][1]
    back = edits.discard(stored(1, replace(clicked, mask=RunLengthMask.encode(~mask))), "leaf").changes[0][1]
    assert back == finished.value


def test_an_empty_object_cannot_be_finished() -> None:
    empty = stored(1, value(np.zeros(SIZE, dtype=bool)))
    with pytest.raises(ConflictError, match="is empty"):
        edits.finish({1: empty}, empty, "leaf")
