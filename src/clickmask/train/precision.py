"""Which arithmetic a training step uses: bfloat16 where the machine has units for it, else float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

PRECISIONS = ("auto", "float32", "bfloat16")


def halves(precision: str, device: torch.device) -> bool:
    """Whether a step runs under bfloat16 autocast.

    Args:
        precision: in PRECISIONS. ``auto`` takes bfloat16 where it is quicker than float32: on GPUs, and on processors
            with AMX or AVX-512 BF16. Elsewhere it is emulated, ten to twenty times slower than float32 (measured on
            an AVX2 machine: 0.4 against 6 samples a second).
        device: where the network runs.
    """
    if precision != "auto":
        return precision == "bfloat16"
    return device.type == "cuda" or _processor_has_bfloat16()


def _processor_has_bfloat16() -> bool:
    # torch has no public name for this question
    answers = (getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
    return any(answer is not None and answer() for answer in answers)


@contextmanager
def tiny_numbers_flushed() -> Iterator[None]:
    """Numbers too small for the normal range count as 0 inside, and as themselves again afterwards; also a decorator.

    Late gradients are tiny: the processor's slow path for them slows the arithmetic of training down several times.
    Whoever calls training from Python gets the arithmetic back that they had.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
