from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.core.prompts import Click, Prompts  # noqa: E402
from clickmask.encode.disk_distance import DiskDistance  # noqa: E402
from clickmask.nn.encode import encode_disk_distance  # noqa: E402

SIZE_HW = (20, 28)
CLICKS = st.lists(st.tuples(st.floats(-10, 40, width=32), st.floats(-10, 40, width=32), st.booleans()), max_size=4)


@settings(max_examples=40)
@given(st.lists(CLICKS, min_size=1, max_size=3), st.sampled_from([2.0, 5.0]), st.sampled_from([4.0, 16.0]))
def test_the_twin_draws_what_numpy_draws(
    batch: list[list[tuple[float, float, bool]]], radius: float, falloff: float
) -> None:
    encoding = DiskDistance(radius, falloff)
    clicks = torch.full((len(batch), 4, 3), -1.0)
    for row, sample in enumerate(batch):
        for slot, (x, y, positive) in enumerate(sample):
            clicks[row, slot] = torch.tensor([x, y, float(positive)])
    logits = np.random.default_rng(0).normal(0, 4, (len(batch), *SIZE_HW)).astype(np.float32)
    maps = encode_disk_distance(encoding, clicks, torch.sigmoid(torch.from_numpy(logits))[:, None]).numpy()
    assert (maps.shape, maps.dtype) == ((len(batch), DiskDistance.channels, *SIZE_HW), np.dtype(np.float32))
    for row, sample in enumerate(batch):
        ours = encoding.encode(Prompts(tuple(Click(*c) for c in sample)), logits[row], SIZE_HW)
        np.testing.assert_allclose(maps[row][[0, 3, 4]], ours[[0, 3, 4]], atol=2e-6)
        # exactly on a disk's rim rounding decides
        assert (maps[row][1:3] != ours[1:3]).sum() <= 2


def test_no_click_at_all() -> None:
    maps = encode_disk_distance(DiskDistance(), torch.full((2, 3, 3), -1.0), torch.zeros(2, 1, *SIZE_HW))
    assert not maps.any()
