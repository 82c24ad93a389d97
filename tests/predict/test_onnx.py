from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from clickmask.core.errors import WeightsError
from clickmask.core.frames import FloatMap, Frame
from clickmask.core.masks import BoolMask
from clickmask.core.prompts import Click, Prompts
from clickmask.predict.onnx import OnnxBackend

onnx = pytest.importorskip("onnx", reason="graphs are written with the torch extra's onnx")

INPUT_HW = (6, 8)


class LastClick:
    """An encoding of one map: 1 at the newest click, the previous logits elsewhere."""

    channels = 1
    feedback: str | None = "logits"

    def encode(self, prompts: Prompts, previous: FloatMap | None, size_hw: tuple[int, int]) -> FloatMap:
        maps = np.zeros((1, *size_hw), np.float32) if previous is None else previous[None].copy()
        click = prompts.last_click
        assert click is not None
        maps[0, int(click.y), int(click.x)] = 1
        return maps


class SeesItsHints(LastClick):
    """What comes back is the graph's inner map; of a mask that was given, its right half."""

    feedback = "hints"

    def of_mask(self, mask: BoolMask) -> BoolMask:
        return mask & (np.arange(INPUT_HW[1]) >= INPUT_HW[1] // 2)


def graph(folder: Path, guidance: str = "guidance") -> Path:
    """logits = mean of the image's channels + 10 x guidance."""
    helper, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=kinds.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["grey"], axes=[3], keepdims=0),
        helper.make_node("Unsqueeze", ["grey", "one"], ["channel"]),
        helper.make_node("Mul", [guidance, "ten"], ["hints"]),
        helper.make_node("Add", ["channel", "hints"], ["logits"]),
    ]
    one = helper.make_tensor("one", kinds.INT64, [1], [1])
    ten = helper.make_tensor("ten", kinds.FLOAT, [1], [10.0])
    inputs = [
        helper.make_tensor_value_info("image", kinds.UINT8, [1, *INPUT_HW, 3]),
        helper.make_tensor_value_info(guidance, kinds.FLOAT, [1, 1, *INPUT_HW]),
    ]
    outputs = [helper.make_tensor_value_info(name, kinds.FLOAT, [1, 1, *INPUT_HW]) for name in ("logits", "hints")]
    model = helper.make_model(
        helper.make_graph(nodes, "toy", inputs, outputs, [one, ten]), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    onnx.save(model, str(folder / "model.onnx"))
    return folder / "model.onnx"


def opened(path: Path, sha256: str | None = None) -> OnnxBackend:
    return OnnxBackend(path, LastClick(), INPUT_HW, frozenset({"previous_mask"}), sha256=sha256, threads=1)


def test_the_graph_gets_pixels_and_guidance(tmp_path: Path) -> None:
    path = graph(tmp_path)
    backend = opened(path, hashlib.sha256(path.read_bytes()).hexdigest())
    image = np.random.default_rng(0).integers(0, 256, (*INPUT_HW, 3)).astype(np.uint8)
    embedding = backend.embed(Frame.of(image))
    prompts = Prompts((Click(5.5, 2.5),))
    expected = image.mean(axis=2)
    expected[2, 5] += 10
    first = backend.decode(embedding, prompts, None)
    assert (first.shape, first.dtype) == (INPUT_HW, np.dtype(np.float32))
    np.testing.assert_allclose(first, expected, rtol=1e-5)
    assert np.array_equal(first, backend.decode(embedding, prompts, None))
    again = backend.decode(embedding, prompts, np.full(INPUT_HW, 2, np.float32))
    np.testing.assert_allclose(again[0, 0], expected[0, 0] + 20, rtol=1e-5)


def test_a_graph_can_see_another_of_its_answers_again(tmp_path: Path) -> None:
    backend = OnnxBackend(graph(tmp_path), SeesItsHints(), INPUT_HW, frozenset({"recall"}), threads=1)
    embedding, prompts = backend.embed(Frame.of(np.zeros((*INPUT_HW, 3), np.uint8))), Prompts((Click(5.5, 2.5),))
    first = backend.answer(embedding, prompts, None, {})
    assert list(first.maps) == ["hints"]
    assert np.array_equal(first.maps["hints"], first.logits)  # of a black image
    second = backend.answer(embedding, prompts, np.full(INPUT_HW, 7, np.float32), first.maps)
    assert second.logits[2, 5] == 10 and second.logits[0, 0] == 0  # hints, not the mask
    given = np.full(INPUT_HW, 7, np.float32)
    assert backend.answer(embedding, prompts, given, {}).logits[0].tolist() == [-80] * 4 + [80] * 4
    assert np.array_equal(
        backend.decode(embedding, prompts, given), backend.answer(embedding, prompts, given, {}).logits
    )


def test_weights_with_another_digest_are_refused(tmp_path: Path) -> None:
    path = graph(tmp_path)
    with pytest.raises(WeightsError, match=r"not the ones the model was published with .*expected abababababab…\)"):
        opened(path, "ab" * 32)


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot be read: .* Reinstall clickmask or export the model again"):
        opened(tmp_path / "model.onnx")


def test_a_truncated_graph(tmp_path: Path) -> None:
    path = graph(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(WeightsError, match="are no ONNX graph that can be run"):
        opened(path)


def test_a_graph_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="takes clicks, image and gives hints, logits; expected image and guidance"):
        opened(graph(tmp_path, guidance="clicks"))
