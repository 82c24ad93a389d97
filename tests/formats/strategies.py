"""Random masks of every awkward kind, for property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray


@st.composite
def masks(draw: st.DrawFn, largest: int = 24) -> NDArray[np.bool_]:
    """(H, W) bool: noise of any density, empty, full, checkerboards, nested rings; single rows and columns included."""
    height, width = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    kind = draw(st.sampled_from(["noise", "empty", "full", "checkerboard", "rings"]))
    rows, columns = np.mgrid[:height, :width]
    if kind == "noise":
        seed, density = draw(st.integers(0, 2**32 - 1)), draw(st.floats(0.02, 0.98))
        return np.random.default_rng(seed).random((height, width)) < density
    if kind == "checkerboard":
        return (rows + columns + draw(st.integers(0, 1))) % 2 == 0
    if kind == "rings":
        depth = np.minimum(np.minimum(rows, columns), np.minimum(height - 1 - rows, width - 1 - columns))
        return depth % 2 == draw(st.integers(0, 1))
    return np.full((height, width), kind == "full")
