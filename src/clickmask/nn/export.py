"""From a trained network to a model folder: ONNX graph, spec, checked against torch."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from clickmask.core.errors import WeightsError
from clickmask.encode.disk_distance import DiskDistance
from clickmask.nn.backbones.efficientnet_lite import FrozenNormConv
from clickmask.zoo.spec import SPEC_FILE, ModelSpec

MODEL_FILE = "model.onnx"
OPSET = 17
HALF_SUFFIX = ".half"
SMALL = 64
"""Tensors with fewer values are stored as they are."""
AGREEMENT = 1e-3
"""Largest difference in probability that the exported graph may show."""


class Deployed(nn.Module):
    """The network with its pixel scaling: takes bytes as they lie in an image."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, guidance: Tensor) -> Tensor:
        """(1, H, W, 3) uint8 and (1, C, H, W) -> (1, 1, H, W) logits."""
        scaled = image.permute(0, 3, 1, 2).float() / 127.5 - 1
        logits: Tensor = self.network(scaled, guidance)
        return logits


def export_onnx(network: nn.Module, spec: ModelSpec, folder: Path) -> ModelSpec:
    """Write ``model.onnx`` and ``spec.json``; the spec returned names the file and its digest.

    Raises:
        WeightsError: the graph's answers differ from the network's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MODEL_FILE
    network = deployable(network)
    height, width = spec.input_hw
    channels = DiskDistance.channels
    example = (torch.zeros(1, height, width, 3, dtype=torch.uint8), torch.zeros(1, channels, height, width))
    torch.onnx.export(
        Deployed(network),
        example,
        str(path),
        input_names=["image", "guidance"],
        output_names=["logits"],
        opset_version=OPSET,
        dynamo=False,
    )
    store_halves(path)
    onnx.checker.check_model(str(path))
    difference = worst_difference(network, path, spec.input_hw)
    if difference > AGREEMENT:
        raise WeightsError(
            f"The exported graph differs from the network by {difference:.2g} in probability (limit {AGREEMENT})."
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    written = replace(spec, weights=MODEL_FILE, sha256=digest)
    (folder / SPEC_FILE).write_text(written.to_json(), encoding="utf-8")
    return written


def deployable(network: nn.Module) -> nn.Module:
    """A copy for the graph: plain convolutions, weights rounded to half precision, which is how they are stored."""
    copy = deepcopy(network).eval().to("cpu").float()
    for module in copy.modules():
        if isinstance(module, FrozenNormConv):
            module.fold()
    return copy.half().float()


def store_halves(path: Path) -> None:
    """Store large weights of a graph in half precision, widened when it is loaded: half the file, same answers."""
    model = onnx.load(str(path))
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + HALF_SUFFIX))
        casts.append(helper.make_node("Cast", [name + HALF_SUFFIX], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.save(model, str(path))


def worst_difference(network: nn.Module, path: Path, input_hw: tuple[int, int], cases: int = 4) -> float:
    """Largest difference in probability between network and graph on random inputs."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(cases):
        image = rng.integers(0, 256, (1, *input_hw, 3), dtype=np.uint8)
        guidance = rng.random((1, DiskDistance.channels, *input_hw), dtype=np.float32)
        with torch.inference_mode():
            ours = torch.sigmoid(Deployed(network)(torch.from_numpy(image), torch.from_numpy(guidance))).numpy()
        theirs = 1 / (1 + np.exp(-session.run(["logits"], {"image": image, "guidance": guidance})[0]))
        worst = max(worst, float(np.abs(ours - theirs).max()))
    return worst


def load_graph_weights(network: nn.Module, path: Path) -> None:
    """Take the weights of an exported graph back into a network of the same shape, to train it further.

    Raises:
        WeightsError: the graph holds other weights than the network has.
    """
    tensors = {t.name.removesuffix(HALF_SUFFIX): t for t in onnx.load(str(path)).graph.initializer}
    state = network.state_dict()
    found = {name: tensors.get(f"network.{name}") for name in state if not name.endswith(".scale")}
    missing = [name for name, tensor in found.items() if tensor is None]
    if missing:
        raise WeightsError(f"{path} is not an exported network of this kind: it lacks {', '.join(missing[:5])} …")
    values = {name: torch.from_numpy(numpy_helper.to_array(t).astype(np.float32)) for name, t in found.items() if t}
    wrong = [name for name, value in values.items() if value.shape != state[name].shape]
    if wrong:
        raise WeightsError(f"{path} was exported from a network of another size: {', '.join(wrong[:5])} …")
    scales = {name: torch.ones_like(value) for name, value in state.items() if name.endswith(".scale")}
    network.load_state_dict({**values, **scales})


def compact_spec(name: str, side: int, summary: str) -> ModelSpec:
    """Spec of an exported compact network."""
    return ModelSpec(
        name=name,
        method="compact",
        summary=summary,
        licence="Apache-2.0",
        input_hw=(side, side),
        encoding="disk_distance",
        encoding_options=asdict(DiskDistance()),
        capabilities=("box", "previous_mask"),
        threshold=0.5,
        zoom_in={},
    )
