from __future__ import annotations

import struct

import numpy as np
import pytest

from clickmask.core.masks import RunLengthMask
from clickmask.server.records import mask_record, parse_records


def test_the_layout_is_the_documented_one() -> None:
    mask = np.zeros((5, 6), dtype=bool)
    mask[1, 1:4] = mask[3, 1:4] = True
    mask[2, [1, 3]] = True
    mask[3:5, 5] = True
    data = mask_record(7, 9, RunLengthMask.encode(mask), seq=3, settled=True)
    assert data[:2] == b"M1"
    assert struct.unpack_from("<BBIIIiiIII", data, 2) == (0, 1, 3, 9, 7, 1, 1, 5, 4, 12)
    assert list(data[36:]) == [0, 3, 2, 1, 1, 1, 2, 3, 1, 1, 4, 1]


def test_records_follow_one_another() -> None:
    rng = np.random.default_rng(2)
    given = [RunLengthMask.encode(rng.random((200, 300)) > p) for p in (0.5, 0.99, 2.0)]
    data = b"".join(mask_record(i, 1, m, seq=0, settled=False) for i, m in enumerate(given))
    assert [r.mask((200, 300)) for r in parse_records(data)] == given


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="No mask record"):
        list(parse_records(b"x" * 40))
