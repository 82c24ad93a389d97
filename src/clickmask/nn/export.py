"""From a trained network to a model folder: torch weights, ONNX graph, spec, each checked against the network."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from clickmask.core.errors import WeightsError
from clickmask.formats.files import write_atomically
from clickmask.nn.backbones.efficientnet_lite import FrozenNormConv
from clickmask.nn.method import Method, find_method
from clickmask.nn.weights import HALF_SUFFIX, TORCH_FILE, load_weights, save_weights
from clickmask.predict.onnx import FREE_SIZES
from clickmask.zoo.spec import SPEC_FILE, ModelSpec

MODEL_FILE = "model.onnx"
OPSET = 17
SMALL = 64
"""Tensors with fewer values are stored as they are, and so are vectors: variances may leave the half's range."""
ANY_SIZE = {
    "image": dict(zip((1, 2), FREE_SIZES, strict=True)),
    "guidance": dict(zip((2, 3), FREE_SIZES, strict=True)),
    "logits": dict(zip((2, 3), FREE_SIZES, strict=True)),
}
"""Axes of a graph that takes any input size, by their names."""
AGREEMENT = 1e-3
"""Largest difference in probability that the exported graph may show."""
ROUNDING = 0.05
"""Largest difference in probability that storing weights in half precision may make. At single pixels of noise an HRNet
that has learned nothing comes to 0.021; one whose weights do not fit half precision gives no number at all."""


class Deployed(nn.Module):
    """The network with its pixel scaling, set to evaluation: takes bytes as they lie in an image."""

    def __init__(self, network: nn.Module, method: Method) -> None:
        super().__init__()
        self.network, self.scaling = network, method.scaling
        feedback = method.make_encoding().feedback
        self.answers = ["logits", feedback] if feedback not in (None, "logits") else ["logits"]
        self.answers += method.kept
        self.eval()

    def forward(self, image: Tensor, guidance: Tensor) -> tuple[Tensor, ...]:
        """(1, H, W, 3) uint8 and (1, C, H, W) -> (1, 1, H, W) logits, and what the network sees again besides them."""
        outputs = self.network(self.scaling.of_bytes(image.permute(0, 3, 1, 2)), guidance)
        return tuple(outputs[name] for name in self.answers)


def export_model(network: nn.Module, method: Method, spec: ModelSpec, folder: Path) -> ModelSpec:
    """Write a model folder: ``model.safetensors``, ``model.onnx`` where the method allows, and ``spec.json``.

    Args:
        network: of the method, with its weights.
        method: in the network's size.
        spec: see `spec_of`; files and digests are filled in.
        folder: made if missing.

    Raises:
        WeightsError: what was written answers differently from the network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = deepcopy(network).eval().to("cpu").float()
    digest = save_weights(network, folder / TORCH_FILE)
    _check_stored(network, method, spec.input_hw, folder / TORCH_FILE)
    written = replace(spec, runtime="torch", weights=TORCH_FILE, sha256=digest)
    if method.onnx:
        graph = export_graph(network, method, spec.input_hw, folder / MODEL_FILE)
        written = replace(
            spec, runtime="onnx", weights=MODEL_FILE, sha256=graph, torch_weights=TORCH_FILE, torch_sha256=digest
        )
        if method.further_graphs is not None:
            parts = method.further_graphs(deployable(network), method, spec.input_hw, folder)
            written = replace(written, parts={part: _digest(folder / part) for part in parts})
    write_atomically(folder / SPEC_FILE, written.to_json().encode())
    return written


def _check_stored(network: nn.Module, method: Method, input_hw: tuple[int, int], path: Path) -> None:
    stored = method.network().eval()
    load_weights(stored, path)
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (1, *input_hw, 3), generator=generator, dtype=torch.uint8)
    guidance = torch.rand(1, method.make_encoding().channels, *input_hw, generator=generator)
    with torch.inference_mode():
        answers = [torch.sigmoid(Deployed(n, method)(image, guidance)[0]) for n in (network, stored)]
    difference = float((answers[0] - answers[1]).abs().max())
    if not difference <= ROUNDING:
        raise WeightsError(
            f"The weights in {path} answer differently from the network, by {difference:.2g} in probability "
            f"(limit {ROUNDING}): its weights do not fit half precision. Has the training diverged?"
        )


def export_graph(network: nn.Module, method: Method, input_hw: tuple[int, int], path: Path) -> str:
    """Write a network as an ONNX graph and compare it; returns the file's SHA-256.

    Raises:
        WeightsError: the graph's answers differ from the network's.
    """
    height, width = input_hw
    channels = method.make_encoding().channels
    deployed = Deployed(deployable(network), method)
    inputs = {
        "image": torch.zeros(1, height, width, 3, dtype=torch.uint8),
        "guidance": torch.zeros(1, channels, height, width),
    }
    write_graph(deployed, inputs, deployed.answers, path, ANY_SIZE if method.any_size else None)
    sizes = [input_hw, (height + method.side_step, width)] if method.any_size else [input_hw]
    difference = max(worst_difference(deployed, path, (channels, *size)) for size in sizes)
    if difference > AGREEMENT:
        raise WeightsError(
            f"The exported graph differs from the network by {difference:.2g} in probability (limit {AGREEMENT})."
        )
    return _digest(path)


def write_graph(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    path: Path,
    free: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """Write a module as an ONNX graph with the names given; large weights are stored in half precision.

    Args:
        module: called with the inputs in their order; its weights are rounded already, see `deployable`.
        inputs: examples by name; their sizes are fixed in the graph but for free axes.
        outputs: names of what it gives.
        path: of the file.
        free: axes of inputs and outputs that may have any size, by tensor and number, with their names.
    """
    with warnings.catch_warnings():
        # The exporter warns of shapes that it fixes (they are meant to be) and announces its successor (which needs
        # a package that is not installed). The graph's answers are compared with the network's afterwards.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            dynamo=False,
            dynamic_axes=free,
            # normalisation is not folded into kernels here but by the runtime: kernels stay the network's own, exact
            # in half precision
            training=torch.onnx.TrainingMode.PRESERVE,
        )
    store_halves(path)
    onnx.checker.check_model(str(path))


def run_graph(path: Path, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[np.ndarray]:
    """What a graph on disk answers."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answers = session.run(list(outputs), {name: value.numpy() for name, value in inputs.items()})
    return [np.asarray(answer) for answer in answers]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def deployable(network: nn.Module) -> nn.Module:
    """A copy for the graph: plain convolutions, kernels rounded to half precision, which is how they are stored."""
    copy = deepcopy(network).eval().to("cpu").float()
    for module in copy.modules():
        if isinstance(module, FrozenNormConv):
            module.fold()
    with torch.no_grad():
        for value in copy.parameters():
            if value.ndim > 1:
                value.copy_(value.half().float())
    return copy


def store_halves(path: Path) -> None:
    """Store large weights of a graph in half precision, widened when it is loaded: half the file, same answers."""
    model = onnx.load(str(path))
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL or values.ndim < 2:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + HALF_SUFFIX))
        casts.append(helper.make_node("Cast", [name + HALF_SUFFIX], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.save(model, str(path))


def worst_difference(deployed: Deployed, path: Path, guidance_chw: tuple[int, int, int], cases: int = 2) -> float:
    """Largest difference in probability between network and graph on random inputs."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(cases):
        image = rng.integers(0, 256, (1, *guidance_chw[1:], 3), dtype=np.uint8)
        guidance = rng.random((1, *guidance_chw), dtype=np.float32)
        with torch.inference_mode():
            ours = deployed(torch.from_numpy(image), torch.from_numpy(guidance))
        theirs = session.run(deployed.answers, {"image": image, "guidance": guidance})
        for answer, other in zip(ours, theirs, strict=True):
            difference = torch.sigmoid(answer) - torch.sigmoid(torch.from_numpy(other))
            worst = max(worst, float(difference.abs().max()))
    return worst


def spec_of(method: Method, name: str, *, side: int | None = None, summary: str | None = None) -> ModelSpec:
    """Spec of a model of a method, without its files.

    Args:
        method: in the size that is described.
        name: of the model.
        side: network input in pixels; the method's own if None.
        summary: one sentence; the method's own if None.
    """
    sizes = json.loads(json.dumps(asdict(method.config)))
    usual = json.loads(json.dumps(asdict(find_method(method.name).config)))
    changed: dict[str, Any] = {key: value for key, value in sizes.items() if value != usual[key]}
    return ModelSpec(
        name=name,
        method=method.name,
        summary=summary or method.summary,
        licence="Apache-2.0",
        input_hw=(side, side) if side else method.input_hw,
        encoding=method.encoding,
        encoding_options=asdict(method.make_encoding()),
        capabilities=tuple(sorted(method.capabilities)),
        threshold=method.threshold,
        zoom_in=None if method.zoom_in is None else dict(method.zoom_in),
        config=changed,
    )
