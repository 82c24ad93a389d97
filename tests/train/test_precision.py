"""Which arithmetic a step uses."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from clickmask.train import precision  # noqa: E402
from clickmask.train.precision import halves, tiny_numbers_flushed  # noqa: E402

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(("name", "expected"), [("float32", False), ("bfloat16", True)])
@pytest.mark.parametrize("device", [CPU, CUDA])
def test_what_is_asked_for_is_used(name: str, expected: bool, device: torch.device) -> None:
    assert halves(name, device) is expected


@pytest.mark.parametrize("units", [True, False])
def test_auto_asks_the_processor(units: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: units)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert halves("auto", CPU) is units
    assert halves("auto", CUDA)


def test_a_torch_that_cannot_tell_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert not precision.halves("auto", CPU)


def test_tiny_numbers_count_again_after_training() -> None:
    tiny = torch.tensor([1e-40])
    with pytest.raises(RuntimeError), tiny_numbers_flushed():
        assert float((tiny * 0.5).sum()) == 0
        raise RuntimeError
    assert float((tiny * 0.5).sum()) > 0
