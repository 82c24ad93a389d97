"""Torch runtime for a network in training, with the same interface as the ONNX backend."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from clickmask.core.frames import FloatMap, Frame
from clickmask.core.prompts import Prompts
from clickmask.encode.disk_distance import DiskDistance

COMPACT_CAPABILITIES = frozenset({"previous_mask", "box"})


class TorchBackend:
    """A network that takes an image and guidance and gives one logit map.

    Args:
        network: (1, 3, H, W) in [-1, 1] and (1, C, H, W) -> (1, 1, H, W).
        input_hw: size of the input.
        encoding: turns prompts into guidance.
    """

    capabilities = COMPACT_CAPABILITIES

    def __init__(self, network: nn.Module, input_hw: tuple[int, int], encoding: DiskDistance) -> None:
        self.network = network
        self.input_hw = input_hw
        self._encoding = encoding

    def embed(self, frame: Frame) -> Tensor:
        """(1, 3, H, W) in [-1, 1]."""
        image = torch.from_numpy(np.ascontiguousarray(frame.pixels)).permute(2, 0, 1)[None]
        return image.float() / 127.5 - 1

    def decode(self, embedding: Tensor, prompts: Prompts, previous: FloatMap | None) -> FloatMap:
        """See `clickmask.core.protocols.Backend.decode`."""
        guidance = torch.from_numpy(self._encoding.encode(prompts, previous, self.input_hw))[None]
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            logits = self.network(embedding.to(device), guidance.to(device))
        return np.asarray(logits[0, 0].float().cpu().numpy(), dtype=np.float32)
