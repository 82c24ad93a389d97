"""Objects keep their clicks and mask from one visit to the next, forget them sometimes, and survive a restart."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch

from clickmask.core.errors import RecipeError
from clickmask.nn.method import Phase
from clickmask.train.conveyor import Batch, click_values
from clickmask.train.object_memory import ObjectMemory
from clickmask.train.recipe import Recipe
from clickmask.train.recipes import find_recipe
from clickmask.train.samples import SampleMaker
from clickmask.train.sources import read_sources

from .made_up import write_shard

SIDE, BATCH, OBJECTS = 32, 3, 7
STEPS = 2
"""Steps of an epoch: the seventh object waits for another epoch's order."""


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> SampleMaker:
    shard = write_shard(tmp_path_factory.mktemp("data") / "shapes.tar")
    return SampleMaker(read_sources([Path(shard)], "binary"), recipe().data, 0)


def recipe(forget: float = 0.0) -> Recipe:
    made = find_recipe("itis_small", {"objects": str(OBJECTS), "phases": f"[[{SIDE}, {BATCH}, 4]]"})
    return replace(made, forget=forget)


def memory(maker: SampleMaker, forget: float = 0.0) -> ObjectMemory:
    return ObjectMemory(maker, recipe(forget), Phase(SIDE, BATCH, 4), 0)


def answers(step: int) -> np.ndarray:
    return np.random.default_rng(step).random((BATCH, SIDE, SIDE)).astype(np.float32)


def run(objects: ObjectMemory, steps: range) -> list[tuple[Batch, np.ndarray]]:
    found = []
    for step in steps:
        batch = objects.batch()
        objects.advance(answers(step))
        found.append((batch, answers(step)))
    return found


def fingerprint(image: torch.Tensor) -> bytes:
    return image.numpy().tobytes()


def visits(found: list[tuple[Batch, np.ndarray]]) -> dict[bytes, list[tuple[int, np.ndarray, int, np.ndarray]]]:
    """Image -> for each visit its age, previous mask, number of clicks, and the answer."""
    told: dict[bytes, list[tuple[int, np.ndarray, int, np.ndarray]]] = {}
    for batch, given in found:
        for row in range(BATCH):
            count = len(click_values(batch.clicks[row].numpy()))
            entry = (int(batch.ages[row]), batch.previous[row, 0].numpy(), count, given[row])
            told.setdefault(fingerprint(batch.images[row]), []).append(entry)
    return told


def test_a_visit_goes_on_from_the_last_one(maker: SampleMaker) -> None:
    objects = memory(maker)
    told = visits(run(objects, range(5 * STEPS)))
    objects.close()
    assert len(told) <= OBJECTS
    again = [entries for entries in told.values() if len(entries) > 1]
    assert len(again) >= 5
    for entries in again:
        assert [age for age, *_ in entries] == list(range(len(entries)))
        assert not entries[0][1].any()
        for before, after in pairwise(entries):
            assert np.array_equal(after[1], (before[3] > 0.5).astype(np.float32)), "the last answer, as a mask"
            assert after[2] == before[2] + 1, "one click more"


def test_the_new_click_goes_into_the_largest_mistake(maker: SampleMaker) -> None:
    objects = memory(maker)
    first = objects.batch()
    wrong = 1 - (first.labels[:, 0].numpy() > 0)  # everything is mistaken
    objects.advance(wrong.astype(np.float32))
    state = objects.state()
    objects.close()
    numbers = state["objects"][:, 0].tolist()
    assert len(numbers) == BATCH
    for rows in state["clicks"].numpy():
        *_, newest = click_values(rows)
        at = (int(newest.y), int(newest.x))
        matching = [bool(label[at] == 1) == newest.positive for label in first.labels[:, 0].numpy()]
        assert any(matching)


def test_forgotten_objects_begin_anew_with_another_crop(maker: SampleMaker) -> None:
    always, sometimes = memory(maker, 1.0), memory(maker, 0.3)
    told = visits(run(always, range(4 * STEPS)))
    assert all(len(entries) == 1 for entries in told.values())
    begun = [not entry[1].any() for entries in visits(run(sometimes, range(30 * STEPS))).values() for entry in entries]
    for objects in (always, sometimes):
        objects.close()
    assert 0.2 < np.mean(begun) < 0.45  # the first visits are new as well


def test_an_interrupted_run_goes_on_to_the_bit(maker: SampleMaker) -> None:
    whole, first, second = (memory(maker, 0.3) for _ in range(3))
    expected = run(whole, range(9))
    run(first, range(4))
    second.restore(first.state())
    for (ours, _), (theirs, _) in zip(run(second, range(4, 9)), expected[4:], strict=True):
        for name in Batch.__dataclass_fields__:
            assert torch.equal(getattr(ours, name), getattr(theirs, name)), name
    for objects in (whole, first, second):
        objects.close()


def test_settings_are_checked() -> None:
    with pytest.raises(RecipeError, match="batch is 32, but only 8 objects are remembered"):
        find_recipe("itis", {"objects": "8"})
    with pytest.raises(RecipeError, match="forget is a chance from 0 to 1, got 2"):
        find_recipe("itis", {"forget": "2"})
