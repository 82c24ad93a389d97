"""Torch runtime of a network with a refiner, see `clickmask.predict.focal_click`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from clickmask.core.frames import BoxFloat, FloatMap
from clickmask.core.prompts import Prompts
from clickmask.encode.disk_mask import DiskMask
from clickmask.nn.method import Method
from clickmask.nn.torch_backend import TorchBackend

Kept = tuple[Tensor, Tensor]
"""Coarse logits (1, 1, H, W) and features (1, C, h, w)."""


class RefiningTorchBackend(TorchBackend):
    """A network with ``features`` among its outputs and a method ``refine`` like `FocalClick`'s.

    It declares no gradients: refinement by gradients would act on the coarse answer alone.
    """

    def __init__(self, network: nn.Module, method: Method, input_hw: tuple[int, int] | None = None) -> None:
        super().__init__(network, method, input_hw)
        self.capabilities = method.capabilities
        self._disks = DiskMask(previous=False)

    def coarse(self, embedding: Tensor, prompts: Prompts, previous: FloatMap | None) -> tuple[FloatMap, Kept]:
        """See `clickmask.predict.focal_click.RefiningBackend`."""
        with torch.inference_mode():
            outputs = self.network(embedding, self.guidance(prompts, previous))
        return _values(outputs["logits"]), (outputs["logits"], outputs["features"])

    def refine(self, embedding: Tensor, prompts: Prompts, kept: Kept, box_xyxy: BoxFloat) -> FloatMap:
        """See `clickmask.predict.focal_click.RefiningBackend`."""
        disks = torch.from_numpy(self._disks.encode(prompts, None, self.input_hw))[None].to(self.device)
        height, width = self.input_hw
        box = torch.tensor([box_xyxy], dtype=torch.float32, device=self.device)
        box = box / box.new_tensor([width, height, width, height])
        refine: nn.Module = self.network.refine  # type: ignore[assignment]
        with torch.inference_mode():
            outputs = refine(embedding, disks, *kept, box)
        return _values(outputs["logits"])


def _values(logits: Tensor) -> FloatMap:
    return np.asarray(logits[0, 0].float().cpu().numpy(), dtype=np.float32)
