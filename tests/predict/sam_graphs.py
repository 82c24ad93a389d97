"""Tiny encoder and decoder graphs with the names and shapes of the exports that are about.

The encoder averages the image over 4 x 4 pixels. A mask is that map, plus what the previous one and the first point
add; the masks of a decoder differ by one each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

SIDE, LOW = 64, 256
FLOAT = TensorProto.FLOAT


@dataclass(frozen=True)
class Names:
    """What an export calls its inputs and outputs."""

    image: str = "input"
    embedding: str = "output"
    taken: str = "image_embeddings"
    points: str = "point_coords"
    labels: str = "point_labels"
    masks: str = "low_res_masks"
    scores: str = "iou_predictions"
    count: int = 4
    rank: int = 3
    channels_last: bool = False
    open_sides: bool = False
    mask_input: bool = True
    size_input: bool = True
    high_res: bool = False
    label_type: int = FLOAT


EXPORTS = {
    "sam": Names(),
    "sam, one mask": Names(count=1),
    "edgesam": Names("image", "image_embeddings", masks="masks", scores="scores", mask_input=False, size_input=False),
    "efficientsam": Names(
        "batched_images",
        "image_embeddings",
        points="batched_point_coords",
        labels="batched_point_labels",
        count=3,
        rank=4,
        mask_input=False,
    ),
    "samexporter": Names("input_image", "image_embeddings", channels_last=True),
    "sam2": Names("image", "image_embed", "image_embed", masks="masks", count=3, high_res=True, size_input=False),
    "transformers": Names(
        "pixel_values",
        "image_embeddings",
        points="input_points",
        labels="input_labels",
        masks="pred_masks",
        scores="iou_scores",
        count=3,
        rank=4,
        mask_input=False,
        size_input=False,
        label_type=TensorProto.INT64,
    ),
}


def write_pair(folder: Path, names: Names) -> tuple[Path, Path]:
    """Both graphs; the paths of encoder and decoder."""
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / "image.onnx", *encoder(names))
    save(folder / "prompts.onnx", *decoder(names))
    return folder / "image.onnx", folder / "prompts.onnx"


def save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: list[Any]) -> None:
    graph = helper.make_graph(nodes, "toy", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def encoder(names: Names) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    shape: list[Any] = [SIDE, SIDE, 3] if names.channels_last else [1, 3, SIDE, SIDE]
    cells: list[Any] = [1, 3, SIDE // 4, SIDE // 4]
    if names.open_sides:
        shape, cells = ["height", "width", 3], [1, 3, "rows", "columns"]
    nodes = []
    source = names.image
    if names.channels_last:
        nodes.append(helper.make_node("Transpose", [source], ["planes"], perm=[2, 0, 1]))
        nodes.append(helper.make_node("Unsqueeze", ["planes", "zero"], ["batch"]))
        source = "batch"
    nodes.append(helper.make_node("AveragePool", [source], [names.embedding], kernel_shape=[4, 4], strides=[4, 4]))
    outputs = [value(names.embedding, cells)]
    if names.high_res:
        nodes += [helper.make_node("Identity", [source], [f"high_res_feats_{level}"]) for level in (0, 1)]
        outputs += [value(f"high_res_feats_{level}", [1, 3, SIDE, SIDE]) for level in (0, 1)]
    return nodes, [value(names.image, shape)], outputs, [constant("zero", np.array([0]))]


def decoder(names: Names) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    lead = [1] * (names.rank - 2)
    inputs = [
        value(names.taken, [1, 3, "rows", "columns"]),
        value(names.points, [*lead, "points", 2]),
        value(names.labels, [*lead, "points"], names.label_type),
    ]
    masks_shape = [1] * (names.rank - 3) + [1, names.count, LOW, LOW]
    constants = [
        constant("target", np.array([1, 1, LOW, LOW])),
        constant("steps", np.arange(names.count, dtype=np.float32).reshape(1, -1, 1, 1)),
        constant("shape", np.array(masks_shape)),
        constant("estimates", np.linspace(0.5, 0.8, names.count, dtype=np.float32)[None]),
    ]
    nodes = [
        helper.make_node("ReduceMean", [names.taken], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Resize", ["grey", "", "", "target"], ["large"], mode="linear"),
        helper.make_node("ReduceSum", [names.points], ["told"], keepdims=0),
        helper.make_node("Cast", [names.labels], ["signs"], to=FLOAT),
        helper.make_node("ReduceSum", ["signs"], ["signed"], keepdims=0),
        helper.make_node("Add", ["told", "signed"], ["hint"]),
        helper.make_node("Add", ["large", "hint"], ["hinted"]),
    ]
    last = "hinted"
    if names.mask_input:
        inputs += [value("mask_input", [1, 1, LOW, LOW]), value("has_mask_input", [1])]
        nodes.append(helper.make_node("Mul", ["mask_input", "has_mask_input"], ["recalled"]))
        nodes.append(helper.make_node("Add", [last, "recalled"], ["remembered"]))
        last = "remembered"
    if names.size_input:
        inputs.append(value("orig_im_size", [2]))
        nodes.append(helper.make_node("Identity", ["orig_im_size"], ["unused_size"]))
    if names.high_res:
        inputs += [value(f"high_res_feats_{level}", [1, 3, SIDE, SIDE]) for level in (0, 1)]
    nodes.append(helper.make_node("Add", [last, "steps"], ["several"]))
    nodes.append(helper.make_node("Reshape", ["several", "shape"], [names.masks]))
    nodes.append(helper.make_node("Identity", ["estimates"], [names.scores]))
    outputs = [value(names.masks, masks_shape), value(names.scores, [1, names.count])]
    return nodes, inputs, outputs, constants


def value(name: str, shape: list[Any], kind: int = FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name: str, array: np.ndarray) -> Any:
    return onnx.numpy_helper.from_array(array, name)
