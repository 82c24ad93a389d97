"""Slices of tall masks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clickmask.core.layers import layer_of, layers_with_pixels, with_layers
from clickmask.core.masks import RunLengthMask


@st.composite
def stacks(draw):
    count, height, width = (draw(st.integers(1, 6)) for _ in range(3))
    density = draw(st.floats(0, 1))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    return rng.random((count, height, width)) < density * rng.random((count, 1, 1))


@settings(max_examples=60)
@given(stacks())
def test_slices_are_cut_out(stack):
    count, height, width = stack.shape
    tall = RunLengthMask.encode(stack.reshape(-1, width))
    for index in range(count):
        layer = layer_of(tall, index, height)
        assert layer == RunLengthMask.encode(stack[index])
    touched = layers_with_pixels(tall, height)
    wanted = stack.any(axis=(1, 2)).nonzero()[0]
    assert touched == (list(range(wanted[0], wanted[-1] + 1)) if len(wanted) else [])


@settings(max_examples=60)
@given(stacks(), st.data())
def test_slices_are_replaced_and_the_others_stay(stack, data):
    count, height, width = stack.shape
    tall = RunLengthMask.encode(stack.reshape(-1, width))
    chosen = data.draw(st.sets(st.integers(0, count - 1)))
    rng = np.random.default_rng(1)
    new = {index: rng.random((height, width)) < 0.5 for index in chosen}
    result = with_layers(tall, {i: RunLengthMask.encode(mask) for i, mask in new.items()}, height)
    wanted = stack.copy()
    for index, mask in new.items():
        wanted[index] = mask
    assert result == RunLengthMask.encode(wanted.reshape(-1, width))
