"""Parameters and multiply-adds of one pass of a model's network, counted on the torch runtime."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np

from clickmask.api import build_pipeline
from clickmask.core.errors import ClickmaskError
from clickmask.core.frames import Frame
from clickmask.core.prompts import Click, Prompts


@dataclass(frozen=True)
class Costs:
    """What a network weighs; None where it cannot be counted.

    Attributes:
        parameters: number of them.
        multiply_adds: of one pass at the input's size: convolutions, matrix products and attention.
    """

    parameters: int | None = None
    multiply_adds: int | None = None


def costs_of(model: str) -> Costs:
    """Counted costs; empty for a model without a network that torch can run."""
    if importlib.util.find_spec("torch") is None:
        return Costs()
    try:
        backend = build_pipeline(model, backend="torch").backend
    except ClickmaskError:
        return Costs()
    from torch.utils.flop_counter import FlopCounterMode

    network = getattr(backend, "network", None)
    if network is None:
        return Costs()
    height, width = backend.input_hw
    frame = Frame.of(np.zeros((height, width, 3), np.uint8))
    with FlopCounterMode(display=False) as counter:
        backend.decode(backend.embed(frame), Prompts((Click(width / 2, height / 2),)), None)
    return Costs(sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2)
