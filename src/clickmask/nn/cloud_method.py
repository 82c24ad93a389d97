"""What a method for point clouds is: a network's size, its loss, and how it looks at clouds and clicks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from clickmask.core.registry import Registry
from clickmask.nn.backbones.sparse_unet import SparseUNetConfig
from clickmask.predict.clouds import CloudOptions


@dataclass(frozen=True)
class CloudMethod:
    """One method.

    Attributes:
        name: what a person types.
        summary: one sentence.
        config: sizes of the network that we train.
        published: sizes that the authors used; None for our own methods.
        loss: of (N, outputs) logits against each voxel's share in the target, (N,) float32.
        options: how a trained model looks at clouds.
        clicks: ``iterative`` (at the network's own errors) or ``random`` (drawn once).
    """

    name: str
    summary: str
    config: SparseUNetConfig
    loss: Callable[[Tensor, Tensor], Tensor]
    options: CloudOptions
    clicks: str
    published: SparseUNetConfig | None = None


CLOUD_METHODS: Registry[CloudMethod] = Registry(
    "cloud method",
    {
        "points": "clickmask.nn.models.points:METHOD",
        "interobject3d": "clickmask.nn.models.interobject3d:METHOD",
    },
)
"""Methods by name."""
