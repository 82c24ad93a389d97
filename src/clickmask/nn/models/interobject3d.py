"""InterObject3D (Kontogianni, Celikkan, Tang, Schindler: Interactive Object Segmentation in 3D Point Clouds,
ICRA 2023, https://arxiv.org/abs/2204.07183).

Colour and two channels T_p and T_n go into a sparse U-Net that gives two logits a voxel. A click turns on every
point less than e away in each of the three axes; the paper calls e the cube's edge, the released code makes it half
the edge, and so do we: e = 1 voxel. Where cubes overlap they add up when a person clicks, and count once in training.
Clicks in training are drawn once, at random; the loss is plain cross-entropy; there is no previous mask. After each
answer the points inside click cubes take the clicked label.

Departures: the released voxel is 5 cm, ours is chosen by the size of the scene as with our other models; the network
that we train is smaller than the published Res16UNet34C (widths and blocks of its way down are `METHOD.published`),
and its stem is 3x3x3 wide where theirs is 5x5x5. The code is ours: theirs is for research only.
"""

from __future__ import annotations

from torch import Tensor, nn

from clickmask.nn.backbones.sparse_unet import SparseUNetConfig
from clickmask.nn.cloud_method import CloudMethod
from clickmask.predict.clouds import CloudOptions

INPUTS = 5
"""Red, green, blue, T_p, T_n."""


def cross_entropy(logits: Tensor, share: Tensor) -> Tensor:
    """Two-class cross-entropy of (N, 2) logits; a voxel belongs to the object if half of its points do."""
    return nn.functional.cross_entropy(logits, (share >= 0.5).long())


METHOD = CloudMethod(
    name="interobject3d",
    summary="Colour and click cubes into a sparse U-Net; random clicks, cross-entropy, no memory (Kontogianni 2023).",
    config=SparseUNetConfig(INPUTS, 2, (16, 32, 64, 80, 96)),
    published=SparseUNetConfig(INPUTS, 2, (32, 32, 64, 128, 256)),
    loss=cross_entropy,
    options=CloudOptions(encoding="cubes", edge=100.0, margin=50.0, growths=0, level=False, smooth=False, force=1.0),
    clicks="random",
)
