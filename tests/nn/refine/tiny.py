"""Networks of a few hundred parameters, with insertion points, behind the torch backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from clickmask.core.frames import Frame
from clickmask.nn.method import Cut, Method, find_method
from clickmask.nn.torch_backend import TorchBackend

SIDE = 32


class TinyNet(nn.Module):
    """Two convolutions as encoder, two as decoder; it counts how often each part runs forward and backward."""

    def __init__(self, guidance: int = 5) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3 + guidance, 8, 3, padding=1), nn.Tanh(), nn.Conv2d(8, 8, 3, padding=1))
        self.decoder = nn.Conv2d(8, 6, 3, padding=1)
        self.head = nn.Conv2d(6, 1, 1)
        self.insertion_points: Mapping[str, int] = {"a": 8, "b": 6, "c": 6}
        self.counts = {"encoder": 0, "head": 0, "encoder backward": 0}
        self.encoder.register_forward_hook(self._counter("encoder"))
        self.encoder.register_full_backward_hook(self._counter("encoder backward"))
        self.head.register_forward_hook(self._counter("head"))

    def _counter(self, name: str):  # type: ignore[no-untyped-def]
        def count(*_: object) -> None:
            self.counts[name] += 1

        return count

    def forward(self, image: Tensor, guidance: Tensor) -> dict[str, Tensor]:
        return {"logits": self.rest(self.features(image, guidance, "a"))}

    def features(self, image: Tensor, guidance: Tensor, point: str) -> Cut:
        x = self.encoder(torch.cat([image, guidance], 1))
        x = x if point == "a" else torch.tanh(self.decoder(torch.tanh(x)))
        return Cut(point, x, (), (image.shape[2], image.shape[3]))

    def rest(self, cut: Cut) -> Tensor:
        x = torch.tanh(self.decoder(torch.tanh(cut.features))) if cut.point == "a" else cut.features
        return self.head(x) * 4


def method(**fields: object) -> Method:
    """The default method, for inputs of 32 x 32."""
    return replace(find_method("compact"), input_hw=(SIDE, SIDE), **fields)  # type: ignore[arg-type]


def backend(seed: int = 0) -> TorchBackend:
    """A network with random weights that takes clicks the wrong way now and then."""
    torch.manual_seed(seed)
    return TorchBackend(TinyNet().eval(), method())


def frame(seed: int = 0) -> Frame:
    """A 32 x 32 image of two noisy halves."""
    rng = np.random.default_rng(seed)
    image = rng.integers(60, 110, (SIDE, SIDE, 3))
    image[:, SIDE // 2 :] += 90
    return Frame.of(image.astype(np.uint8))
