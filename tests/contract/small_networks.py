"""Every kind of trainable network with random weights, in a size for tests."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from clickmask.nn.encode import TWINS
from clickmask.nn.method import Method, find_method
from clickmask.zoo.methods import METHODS

NAMES = [line.name for line in METHODS]
KINDS = {line.name: type(find_method(line.name).config) for line in METHODS}
DISTINCT = list({(line.family, KINDS[line.name]): line.name for line in METHODS}.values())
"""One name for each kind of network in a family: sizes alone make no difference here."""
EXPORTED = list({KINDS[name]: name for name in DISTINCT}.values())
"""Writing a graph takes seconds: one name for each kind of network."""
BATCH = 3


@cache
def method_of(name: str) -> Method:
    """The method in its smallest size."""
    method = find_method(name)
    return method if method.tiny is None else method.with_config(method.tiny)


def side_of(method: Method) -> int:
    """At least 64 pixels."""
    return -(-64 // method.side_step) * method.side_step


@cache
def network_of(name: str) -> nn.Module:
    """With random weights, every one different, and statistics as after training."""
    torch.manual_seed(0)
    network = method_of(name).network().eval()
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.02 * torch.randn(value.shape))
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
        if norms:
            network.train()(*inputs_of(name))
    return network.eval()


@cache
def inputs_of(name: str) -> tuple[Tensor, Tensor]:
    """(B, 3, S, S) scaled images and (B, C, S, S) guidance of two clicks each."""
    method, side = method_of(name), side_of(method_of(name))
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(BATCH, 3, side, side, generator=generator) * 255
    places = torch.rand(BATCH, 2, 2, generator=generator) * side
    clicks = torch.cat([places, torch.tensor([[[1.0], [0.0]]]).expand(BATCH, 2, 1)], dim=2)
    previous = torch.rand(BATCH, 1, side, side, generator=generator)
    return method.scaling.of_bytes(pixels), TWINS[method.encoding](method.make_encoding(), clicks, previous)
