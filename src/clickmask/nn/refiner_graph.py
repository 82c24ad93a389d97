"""The second graph of a network with a refiner, see `clickmask.predict.onnx.RefiningOnnxBackend`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from clickmask.core.errors import WeightsError
from clickmask.nn.export import AGREEMENT, run_graph, write_graph
from clickmask.nn.method import Method, Scaling
from clickmask.predict.onnx import REFINER_FILE


class DeployedRefiner(nn.Module):
    """``refine`` of a network with the scaling of pixels: takes bytes as they lie in an image."""

    def __init__(self, network: nn.Module, scaling: Scaling) -> None:
        super().__init__()
        self.network, self.scaling = network, scaling

    def forward(self, image: Tensor, disks: Tensor, coarse: Tensor, features: Tensor, box: Tensor) -> Tensor:
        """(1, H, W, 3) uint8, (1, 2, H, W), (1, 1, H, W), (1, C, h, w) and (1, 4) -> (1, 1, H, W) logits."""
        refine: nn.Module = self.network.refine  # type: ignore[assignment]
        logits: Tensor = refine(self.scaling.of_bytes(image.permute(0, 3, 1, 2)), disks, coarse, features, box)[
            "logits"
        ]
        return logits


def export_refiner(network: nn.Module, method: Method, input_hw: tuple[int, int], folder: Path) -> list[str]:
    """Write the refiner's graph and compare it; returns the file's name.

    Raises:
        WeightsError: the graph's answers differ from the network's.
    """
    deployed = DeployedRefiner(network, method.scaling).eval()
    inputs = _examples(network, method, input_hw)
    path = folder / REFINER_FILE
    write_graph(deployed, inputs, ["logits"], path)
    with torch.inference_mode():
        ours = torch.sigmoid(deployed(*inputs.values())).numpy()
    (theirs,) = run_graph(path, inputs, ["logits"])
    difference = float(np.abs(ours - 1 / (1 + np.exp(-theirs))).max())
    if difference > AGREEMENT:
        raise WeightsError(f"The refiner's graph differs from the network by {difference:.2g} (limit {AGREEMENT}).")
    return [REFINER_FILE]


def _examples(network: nn.Module, method: Method, input_hw: tuple[int, int]) -> dict[str, Tensor]:
    """Inputs with the sizes that the coarse pass gives, random pixels and a window inside."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (1, *input_hw, 3), generator=generator, dtype=torch.uint8)
    guidance = torch.rand(1, method.make_encoding().channels, *input_hw, generator=generator)
    with torch.inference_mode():
        outputs = network(method.scaling.of_bytes(image.permute(0, 3, 1, 2)), guidance)
    disks = (torch.rand(1, 2, *input_hw, generator=generator) > 0.9).float()
    box = torch.tensor([[0.2, 0.1, 0.7, 0.8]])
    coarse = {"coarse": outputs["logits"].clone(), "features": outputs["features"].clone()}
    return {"image": image, "disks": disks, **coarse, "box": box}
