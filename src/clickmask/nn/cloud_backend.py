"""Networks for clouds on torch: what training looks at, and what exports are compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clickmask.nn.backbones.sparse_unet import SparseUNet
from clickmask.nn.cloud_export import read_network
from clickmask.nn.sparse import SparsePlan
from clickmask.predict.onnx import read_weights
from clickmask.predict.onnx_cloud import one_logit
from clickmask.spatial.plan import Plan


class TorchCloudBackend:
    """A network as a backend; it is put into evaluation mode."""

    def __init__(self, network: SparseUNet) -> None:
        self.network = network.eval()
        self.depth = len(network.config.widths)

    def run(self, plan: Plan, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N,) logits of (N, C) voxels."""
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(channels), SparsePlan.of(plan))
        return one_logit(logits.numpy())


def open_torch_cloud(path: Path, sha256: str | None = None, threads: int | None = None) -> TorchCloudBackend:
    """The network of an exported file on torch.

    Args:
        path: the ONNX file, whose numbers are taken.
        sha256: expected digest, None to skip the check.
        threads: CPU threads of torch in this process; None leaves them as they are.

    Raises:
        WeightsError: the file is missing, damaged or not the expected one.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    return TorchCloudBackend(read_network(read_weights(path, sha256)))
