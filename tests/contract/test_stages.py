"""What every stage keeps with every network, or why the two do not go together."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.api import STAGES, assemble
from clickmask.core.errors import CapabilityError
from clickmask.core.frames import Frame
from clickmask.core.prompts import Click
from clickmask.core.protocols import Backend, ObjectState
from clickmask.nn.export import spec_of
from clickmask.nn.torch_backend import backend_of
from clickmask.predict.predictor import Pipeline, advance

from .small_networks import DISTINCT, method_of, network_of, side_of

CLICKS = (Click(20.5, 14.5), Click(44.5, 30.5, positive=False), Click(30.5, 22.5))
PAIRS = [(name, stage) for stage in STAGES.names() for name in (DISTINCT if STAGES.get(stage).needs else DISTINCT[-2:])]
"""Every pair whose stage asks something of the network; stages that ask nothing see answers alone, so two will do."""


@cache
def backend(name: str) -> Backend:
    method = method_of(name)
    return backend_of(network_of(name), method, (side_of(method), side_of(method)))


def pipeline(name: str, stage: str) -> Pipeline:
    spec = spec_of(method_of(name), name, side=side_of(method_of(name)))
    return Pipeline(spec, backend(name), assemble(spec, backend(name), [stage]))


@cache
def frame() -> Frame:
    rows, columns = np.indices((40, 56))
    disk = (rows - 14) ** 2 + (columns - 20) ** 2 < 100
    noise = np.random.default_rng(0).integers(0, 40, (40, 56, 3))
    return Frame.of((np.where(disk[..., None], 180, 60) + noise).astype(np.uint8))


def answer(state: ObjectState) -> tuple[object, bytes]:
    assert state.logits is not None
    return state.logits.box_xyxy, state.logits.values.tobytes()


def weights(name: str) -> dict[str, bytes]:
    return {key: value.numpy().tobytes() for key, value in network_of(name).state_dict().items()}


def follow(made: Pipeline, state: ObjectState, *clicks: Click) -> list[ObjectState]:
    states = []
    for click in clicks:
        states.append(state := advance(made, frame(), state, click))
    return states


@pytest.mark.parametrize(("name", "stage"), PAIRS)
def test_a_stage_goes_with_a_network_or_says_why(name: str, stage: str) -> None:
    lacking = STAGES.get(stage).needs - backend(name).capabilities
    if lacking:
        with pytest.raises(CapabilityError, match=f"'{stage}' needs .*{name}.*offers"):
            pipeline(name, stage)
        return
    before, made = weights(name), pipeline(name, stage)
    states = follow(made, ObjectState(), *CLICKS)
    for state in states:
        assert state.logits is not None and state.logits.values.dtype == np.float32
        assert np.isfinite(state.logits.values).all()
        assert state.mask(frame().size_hw).shape == frame().size_hw
    # undo is the earlier state: what came after it has left no trace, in it, in the stage or in the network
    again = follow(made, states[0], *CLICKS[1:])
    assert [answer(state) for state in again] == [answer(state) for state in states[1:]]
    assert answer(follow(pipeline(name, stage), ObjectState(), CLICKS[0])[0]) == answer(states[0])
    assert weights(name) == before
