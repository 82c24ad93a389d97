"""What the training tests share: they need torch, and one thread of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

# One thread each: sums in another order would differ in the last bit, and other work shares the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Training on one CPU thread."""
    torch = pytest.importorskip("torch", reason="training needs the train extra")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
