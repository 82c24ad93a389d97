from __future__ import annotations

import numpy as np
import pytest

from clickmask.core.frames import Frame, LogitMap
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Click, MaskPrompt, Prompts
from clickmask.core.protocols import ObjectState
from clickmask.server.image_mind import bytes_of, follow
from clickmask.server.minds import StateCache

FRAME = Frame.of(np.zeros((48, 70, 3), dtype=np.uint8))
CLICKS = tuple(Click(5.0 + 10 * n, 20.0) for n in range(5))


def state(clicks: int, side: int = 10) -> ObjectState:
    return ObjectState(Prompts(CLICKS[:clicks]), LogitMap(np.zeros((side, side), dtype=np.float32), (0, 0, 1, 1)))


def test_the_longest_kept_beginning_is_found() -> None:
    cache = StateCache(bytes_of)
    for clicks in (1, 3):
        cache.keep(7, state(clicks))
    assert len(cache.longest(7, Prompts(CLICKS)).prompts) == 3
    assert len(cache.longest(7, Prompts(CLICKS[:2])).prompts) == 1
    assert cache.longest(8, Prompts(CLICKS)) is None
    assert cache.longest(7, Prompts(CLICKS[1:])) is None


def test_the_cache_is_bounded_by_bytes_and_keeps_the_newest() -> None:
    cache = StateCache(bytes_of, limit_bytes=100_000)
    for clicks in (1, 2, 3):
        cache.keep(7, state(clicks, side=120))
    assert cache.longest(7, Prompts(CLICKS[:2])) is None
    assert cache.longest(7, Prompts(CLICKS[:3])) is not None
    for _ in range(5):
        cache.keep(7, state(3, side=120))
    cache.keep(7, state(1))
    assert cache.longest(7, Prompts(CLICKS[:3])) is not None
    cache.clear()
    assert cache.longest(7, Prompts(CLICKS)) is None


@pytest.mark.parametrize(("known", "runs"), [(0, [5]), (2, [5]), (4, [5])])
def test_prompts_that_wait_are_answered_in_one_run(model, known: int, runs: list[int]) -> None:
    pipeline = model.build("disc")
    done = follow(pipeline, FRAME, ObjectState(Prompts(CLICKS[:known])), Prompts(CLICKS))
    assert done.prompts == Prompts(CLICKS)
    assert model.runs == runs


def test_after_a_mask_each_click_has_its_own_run(model) -> None:
    base = MaskPrompt(RunLengthMask.encode(np.eye(48, 70, dtype=bool)))
    prompts = Prompts((*CLICKS[:2], base, *CLICKS[2:]))
    done = follow(model.build("disc"), FRAME, ObjectState(), prompts)
    assert done.prompts == prompts
    assert model.runs == [2, 3, 4]  # the two clicks that the mask painted over are not told to the model


def test_a_mask_alone_needs_no_run(model) -> None:
    base = MaskPrompt(RunLengthMask.encode(np.eye(48, 70, dtype=bool)))
    done = follow(model.build("disc"), FRAME, ObjectState(), Prompts((base,)))
    assert model.runs == []
    assert done.logits.run_lengths((48, 70)) == base.mask
