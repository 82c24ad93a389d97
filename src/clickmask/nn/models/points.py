"""Our default for point clouds: a sparse U-Net over cubes, distances, the mask so far, height and colour.

What it takes from others: cubes round clicks from InterObject3D (Kontogianni et al., ICRA 2023,
https://arxiv.org/abs/2204.07183), previous mask and iterative training from RITM (Sofiiuk et al. 2021), label
competition from AGILE3D (Yue et al., ICLR 2024), prompts of both signs fused before the first layer as
Easy3D's ablation (Simonelli et al., ICCV 2025) favours over a maximum of masks. Ours: lengths in voxels only, with
scales mixed in training, so that tables, rooms and streets share one network; distances exp(-d / 8 voxels) beside the
cubes; colour dropped out in training, so that clouds without colour work.
"""

from __future__ import annotations

from torch import Tensor, nn, sigmoid

from clickmask.encode.voxel_clicks import CHANNELS
from clickmask.nn.backbones.sparse_unet import SparseUNetConfig
from clickmask.nn.cloud_method import CloudMethod
from clickmask.predict.clouds import CloudOptions


def mask_loss(logits: Tensor, share: Tensor) -> Tensor:
    """Twice the binary cross-entropy plus the Dice loss of (N, 1) logits against (N,) shares."""
    flat = logits[:, 0]
    entropy = nn.functional.binary_cross_entropy_with_logits(flat, share)
    probability = sigmoid(flat)
    dice = 1 - (2 * (probability * share).sum() + 1) / (probability.sum() + share.sum() + 1)
    return 2 * entropy + dice


METHOD = CloudMethod(
    name="points",
    summary="Our default for clouds: cubes and distances of clicks, previous mask, height, colour; iterative training.",
    config=SparseUNetConfig(CHANNELS, 1, (16, 32, 64, 80, 96)),
    loss=mask_loss,
    options=CloudOptions(),
    clicks="iterative",
)
