"""A sparse U-Net as an ONNX graph of gathers, products and additions that takes clouds of any size.

The graph is put together node by node: no tracing, so nothing of a cloud's size freezes into it. Batch
normalisation melts into the matrices. Weights are kept as float16 and computed with as float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from clickmask.core.errors import WeightsError
from clickmask.nn.backbones.sparse_unet import Block, Level, Normed, SparseUNet, SparseUNetConfig

OPSET, IR_VERSION = 18, 9


def export_cloud(network: SparseUNet, path: Path, half: bool = True) -> None:
    """Write a network as ONNX.

    Args:
        network: trained; read in evaluation mode.
        path: file to write.
        half: keep weights as float16.
    """
    onnx.save(build_graph(network, half), path)


def build_graph(network: SparseUNet, half: bool = True) -> onnx.ModelProto:
    """The graph of a network; see `clickmask.predict.onnx_cloud` for its inputs."""
    graph = _Graph(half, {id(module): name for name, module in network.named_modules()})
    depth = len(network.config.widths)
    graph.inputs.append(helper.make_tensor_value_info("channels", TensorProto.FLOAT, [None, network.config.inputs]))
    same = [graph.pair_input(f"same{i}", 27) for i in range(depth)]
    down = [graph.pair_input(f"down{i}", 8) for i in range(depth - 1)]
    for i in range(depth):
        graph.inputs.append(helper.make_tensor_value_info(f"rows{i}", TensorProto.INT64, [1]))
    rows = graph.relu(graph.normed(network.stem, "channels", same[0], None))
    kept = []
    for i, level in enumerate(network.encoder):
        rows = graph.level(cast(Level, level), rows, same[i])
        if i < depth - 1:
            kept.append(rows)
            rows = graph.relu(graph.normed(cast(Normed, network.down[i]), rows, down[i], f"rows{i + 1}"))
    for i in reversed(range(depth - 1)):
        rows = graph.relu(graph.normed(cast(Normed, network.up[i]), rows, down[i].reversed(), f"rows{i}"))
        rows = graph.level(cast(Level, network.decoder[i]), graph.node("Concat", [rows, kept[i]], axis=1), same[i])
    graph.linear(network.head, rows, "logits")
    return graph.model(network.config.outputs)


class _PairNames:
    """Names of a pair list's parts inside the graph."""

    def __init__(self, source: str, target: str, starts: list[str], centre: bool) -> None:
        self.source, self.target, self.starts, self.centre = source, target, starts, centre

    def reversed(self) -> _PairNames:
        """The way back."""
        return _PairNames(self.target, self.source, self.starts, self.centre)


class _Graph:
    """Nodes and weights as they are added."""

    def __init__(self, half: bool, names: dict[int, str]) -> None:
        self.inputs: list[onnx.ValueInfoProto] = []
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._half = half
        self._names = names

    def node(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        """Add a node; the name of its output."""
        name = output or f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def weight(self, values: NDArray[np.generic], name: str | None = None) -> str:
        """Add a constant; floats are kept as float16 where asked for."""
        name = name or f"c{len(self._weights)}"
        if not (self._half and values.dtype == np.float32):
            self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
            return name
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values.astype(np.float16)), name))
        return self.node("Cast", [name], to=TensorProto.FLOAT)

    def pair_input(self, name: str, places: int) -> _PairNames:
        """Inputs of a pair list, and where each matrix begins."""
        for part, size in (("source", None), ("target", None), ("splits", places + 1)):
            self.inputs.append(helper.make_tensor_value_info(f"{name}_{part}", TensorProto.INT64, [size]))
        starts = [
            self.node("Gather", [f"{name}_splits", self.weight(np.array([k], dtype=np.int64))])
            for k in range(places + 1)
        ]
        return _PairNames(f"{name}_source", f"{name}_target", starts, places == 27)

    def relu(self, name: str) -> str:
        """max(0, x)."""
        return self.node("Relu", [name])

    def linear(self, layer: nn.Linear, rows: str, output: str | None = None) -> str:
        """Rows times a matrix plus a bias."""
        name = self._names[id(layer)]
        matrix = self.weight(_array(layer.weight).T, f"{name}.weight")
        product = self.node("MatMul", [rows, matrix])
        return self.node("Add", [product, self.weight(_array(layer.bias), f"{name}.bias")], output)

    def normed(self, layer: Normed, rows: str, pairs: _PairNames, outputs: str | None) -> str:
        """A sparse convolution with its normalisation; `outputs` names the number of rows where it changes."""
        matrices, bias = melted(layer)
        places, _, width = matrices.shape
        name = self._names[id(layer)]
        weights = [self.weight(matrices[k], f"{name}.conv.weight.{k}") for k in range(places)]
        shift = self.weight(bias, f"{name}.norm.bias")
        if pairs.centre:
            out = self.node("Add", [self.node("MatMul", [rows, weights[places // 2]]), shift])
        else:
            shape = self.node("Concat", [str(outputs), self.weight(np.array([width], dtype=np.int64))], axis=0)
            out = self.node("Expand", [shift, shape])
        one = self.weight(np.array([1], dtype=np.int64))
        for k in range(places):
            if pairs.centre and k == places // 2:
                continue
            cut = [pairs.starts[k], pairs.starts[k + 1]]
            taken = self.node("Gather", [rows, self.node("Slice", [pairs.source, *cut])])
            product = self.node("MatMul", [taken, weights[k]])
            target = self.node("Unsqueeze", [self.node("Slice", [pairs.target, *cut]), one])
            out = self.node("ScatterND", [out, target, product], reduction="add")
        return out

    def level(self, level: Level, rows: str, pairs: _PairNames) -> str:
        """All blocks of a level."""
        for block in level.blocks:
            rows = self._block(cast(Block, block), rows, pairs)
        return rows

    def _block(self, block: Block, rows: str, pairs: _PairNames) -> str:
        hidden = self.relu(self.normed(block.first, rows, pairs, None))
        second = self.normed(block.second, hidden, pairs, None)
        shortcut = rows
        if block.shortcut is not None:
            shortcut = self.linear(block.shortcut, rows)
        return self.relu(self.node("Add", [second, shortcut]))

    def model(self, outputs: int) -> onnx.ModelProto:
        """The checked model."""
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, outputs])
        graph = helper.make_graph(self._nodes, "sparse_unet", self.inputs, [logits], self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model


def melted(layer: Normed) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(K, Cin, Cout) matrices and (Cout,) bias of a convolution with its running normalisation in them."""
    norm = layer.norm
    mean, spread = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = (_array(norm.weight) / np.sqrt(_array(spread) + np.float32(norm.eps))).astype(np.float32)
    return _array(layer.conv.weight) * scale, _array(norm.bias) - _array(mean) * scale


def read_network(graph: bytes) -> SparseUNet:
    """The network of an exported graph, with the very numbers of the file; its normalisations do nothing any more.

    Raises:
        WeightsError: no graph that `build_graph` made.
    """
    try:
        constants = onnx.load_model_from_string(graph).graph.initializer
        arrays = {c.name: np.array(numpy_helper.to_array(c), dtype=np.float32) for c in constants}
        network = SparseUNet(_config(arrays))
        network.load_state_dict(_state(network, arrays))
    except (KeyError, RuntimeError, ValueError, DecodeError) as error:
        raise WeightsError(f"These weights are no network for clouds that torch can take: {error}") from error
    return network.eval()


def _config(arrays: dict[str, NDArray[np.float32]]) -> SparseUNetConfig:
    """Sizes of the network, told by the shapes of its weights."""
    numbers = [name.split(".") for name in arrays]
    levels = 1 + max(int(n[1]) for n in numbers if n[0] == "encoder")
    blocks = [1 + max(int(n[3]) for n in numbers if n[0] == part) for part in ("encoder", "decoder")]
    widths = tuple(arrays[f"encoder.{i}.blocks.0.first.norm.bias"].shape[0] for i in range(levels))
    inputs, outputs = arrays["stem.conv.weight.0"].shape[0], arrays["head.bias"].shape[0]
    return SparseUNetConfig(inputs, outputs, widths, *blocks)


def _state(network: SparseUNet, arrays: dict[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    state = network.state_dict()
    for name, value in state.items():
        if name.endswith("conv.weight"):
            stacked = np.stack([arrays[f"{name}.{k}"] for k in range(len(value))])
            state[name] = torch.from_numpy(stacked)
        elif name.endswith("norm.weight"):
            state[name] = torch.ones_like(value)
        elif name.endswith("running_mean"):
            state[name] = torch.zeros_like(value)
        elif name.endswith("running_var"):
            state[name] = torch.full_like(value, 1 - nn.BatchNorm1d(1).eps)
        elif name in arrays:
            array = arrays[name].T if value.ndim == 2 else arrays[name]
            state[name] = torch.from_numpy(np.ascontiguousarray(array))
    return state


def _array(values: Tensor) -> NDArray[np.float32]:
    return np.asarray(values.detach().cpu().numpy(), dtype=np.float32)
