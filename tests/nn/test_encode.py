from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.core.prompts import Click, Prompts  # noqa: E402
from clickmask.encode import ENCODINGS, Encoding  # noqa: E402
from clickmask.encode.disk_distance import DiskDistance  # noqa: E402
from clickmask.encode.disk_mask import DiskMask  # noqa: E402
from clickmask.encode.fca_gaussian import FcaGaussian  # noqa: E402
from clickmask.encode.truncated_distance import TruncatedDistance  # noqa: E402
from clickmask.nn.encode import TWINS  # noqa: E402

SIZE_HW = (20, 28)
CLICKS = st.lists(st.tuples(st.floats(-10, 40, width=32), st.floats(-10, 40, width=32), st.booleans()), max_size=4)
SETTINGS: list[tuple[str, Encoding]] = [(name, ENCODINGS.get(name)()) for name in ENCODINGS.names()]
SETTINGS += [("disk_distance", DiskDistance(2.0, 4.0)), ("disk_mask", DiskMask(3.0, previous=False))]
SETTINGS += [("fca_gaussian", FcaGaussian(7.0, 15.0)), ("truncated_distance", TruncatedDistance(12.0))]


@pytest.mark.parametrize(("name", "encoding"), SETTINGS, ids=repr)
@settings(max_examples=25)
@given(st.lists(CLICKS, min_size=1, max_size=3))
def test_the_twin_draws_what_numpy_draws(
    name: str, encoding: Encoding, batch: list[list[tuple[float, float, bool]]]
) -> None:
    clicks = torch.full((len(batch), 5, 3), -1.0)
    for row, sample in enumerate(batch):
        for slot, (x, y, positive) in enumerate(sample):
            clicks[row, slot + 1] = torch.tensor([x, y, float(positive)])  # an empty slot first, as after a deletion
    logits = np.random.default_rng(0).normal(0, 4, (len(batch), *SIZE_HW)).astype(np.float32)
    maps = TWINS[name](encoding, clicks, torch.sigmoid(torch.from_numpy(logits))[:, None]).numpy()
    assert (maps.shape, maps.dtype) == ((len(batch), encoding.channels, *SIZE_HW), np.dtype(np.float32))
    for row, sample in enumerate(batch):
        ours = encoding.encode(Prompts(tuple(Click(*c) for c in sample)), logits[row], SIZE_HW)
        # exactly on a disk's rim rounding decides
        assert (np.abs(maps[row] - ours) > 5e-6).sum() <= 2


def test_no_click_at_all() -> None:
    maps = TWINS["disk_distance"](DiskDistance(), torch.full((2, 3, 3), -1.0), torch.zeros(2, 1, *SIZE_HW))
    assert not maps.any()


def test_every_encoding_has_a_twin() -> None:
    assert set(TWINS) == {name for name in ENCODINGS if ENCODINGS.target(name).startswith("clickmask.")}
