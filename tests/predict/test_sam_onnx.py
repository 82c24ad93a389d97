from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="graphs are written with the torch extra's onnx")

from clickmask.api import load
from clickmask.core.errors import InputError, StorageError, WeightsError
from clickmask.core.frames import Frame
from clickmask.core.prompts import Box, Click, Prompts
from clickmask.predict.sam_import import import_pair
from clickmask.predict.sam_onnx import SamOnnxBackend, open_sam_onnx
from clickmask.zoo.spec import ModelSpec

from .sam_graphs import EXPORTS, SIDE, Names, write_pair

CLICK = Prompts((Click(10.5, 20.5),))


def imported(folder: Path, names: Names) -> tuple[ModelSpec, SamOnnxBackend]:
    spec = import_pair(*write_pair(folder / "source", names), folder / "model")
    assert ModelSpec.read(folder / "model") == spec
    return spec, open_sam_onnx(spec, folder / "model", threads=1)


@pytest.mark.parametrize("export", EXPORTS)
def test_the_usual_exports_are_understood(tmp_path: Path, export: str) -> None:
    names = EXPORTS[export]
    spec, backend = imported(tmp_path, names)
    assert spec.input_hw == (SIDE, SIDE) and backend.low_res_hw == (256, 256)
    offers = {"whole_image", "box"} | ({"multimask"} if names.count > 1 else set())
    assert set(spec.capabilities) == offers | ({"previous_mask"} if names.mask_input else set())
    assert backend.padded == (export != "sam2")
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    answer = backend.answer(backend.embed(Frame.of(image)), CLICK, None)
    assert len(answer.candidates) == min(names.count, 3) * (names.count > 1)
    assert answer.score == pytest.approx(0.8 if names.count > 1 else 0.5)


def test_what_the_graphs_are_given(tmp_path: Path) -> None:
    """Pixels, points one half less, the padding point, labels, the previous logits: all add up in the toy's answer."""
    _, backend = imported(tmp_path, EXPORTS["sam"])
    grey = np.full((SIDE, SIDE, 3), 128, np.uint8)
    embedding = backend.embed(Frame.of(grey))
    normalised = np.mean((128 - np.array([123.675, 116.28, 103.53])) / (58.395, 57.12, 57.375))
    first = backend.answer(embedding, CLICK, None)  # 10 + 20 from the point, 1 - 1 from the labels, 3 for the last mask
    np.testing.assert_allclose(first.logits, normalised + 30 + 3, rtol=1e-5)
    np.testing.assert_allclose(
        backend.answer(embedding, CLICK, np.full((256, 256), 5, np.float32)).logits, first.logits + 5
    )
    boxed = backend.answer(embedding, Prompts((Box(2, 3, 9, 8),)), None)  # 1.5 + 2.5 + 8.5 + 7.5, 2 + 3, first mask
    np.testing.assert_allclose(boxed.logits, normalised + 20 + 5, rtol=1e-5)


@pytest.mark.parametrize(("export", "level"), [("efficientsam", 128 / 255), ("samexporter", 128.0)])
def test_pixels_of_encoders_that_normalise_themselves(tmp_path: Path, export: str, level: float) -> None:
    _, backend = imported(tmp_path, EXPORTS[export])
    embedding = backend.embed(Frame.of(np.full((SIDE, SIDE, 3), 128, np.uint8)))
    np.testing.assert_allclose(embedding["image_embeddings"], level, rtol=1e-4)


def test_encoders_for_bytes_of_any_size_get_the_image_without_padding(tmp_path: Path) -> None:
    """They normalise and pad by themselves: zeros of ours would be normalised as if they were black pixels."""
    _, backend = imported(tmp_path, Names("input_image", "image_embeddings", channels_last=True, open_sides=True))
    assert backend.input_hw == (1024, 1024)
    embedding = backend.embed(Frame.of(np.full((512, 1024, 3), 128, np.uint8)))
    assert embedding["image_embeddings"].shape == (1, 3, 128, 256)


def test_as_a_model_by_its_folder(tmp_path: Path) -> None:
    spec, _ = imported(tmp_path, EXPORTS["sam"])
    predictor = load(str(tmp_path / "model"), threads=1)
    predictor.set_image(np.random.default_rng(0).integers(0, 256, (50, 80, 3)).astype(np.uint8))
    masks, scores, low_res = predictor.predict([[30, 30]], [1], multimask_output=True)
    assert (masks.shape, scores.shape, low_res.shape) == ((3, 50, 80), (3,), (3, 256, 256))
    assert predictor.add_click(30, 30).shape == (50, 80)
    assert spec.name == "model" and spec.licence == "unknown"


def test_graphs_that_do_not_fit(tmp_path: Path) -> None:
    image, _ = write_pair(tmp_path / "sam", EXPORTS["sam"])
    _, prompts = write_pair(tmp_path / "sam2", EXPORTS["sam2"])
    with pytest.raises(WeightsError, match=r"Nothing gives high_res_feats_0, high_res_feats_1\. encoder takes input"):
        import_pair(image, prompts, tmp_path / "out")
    with pytest.raises(WeightsError, match="This graph gives no masks"):
        import_pair(image, image, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_arguments_and_files(tmp_path: Path) -> None:
    image, prompts = write_pair(tmp_path / "sam", EXPORTS["sam"])
    with pytest.raises(InputError, match=r"Unknown kind of pixels 'grey'\. Accepted: normalised, unit, bytes"):
        import_pair(image, prompts, tmp_path / "out", pixels="grey")
    (tmp_path / "file").write_text("here")
    with pytest.raises(StorageError, match="cannot be written"):
        import_pair(image, prompts, tmp_path / "file")
    spec = import_pair(image, prompts, tmp_path / "out", name="mine", licence="MIT", pixels="bytes")
    assert (spec.name, spec.licence, spec.config["pixels"]) == ("mine", "MIT", "bytes")
    (tmp_path / "out" / "decoder.onnx").write_bytes(image.read_bytes())
    with pytest.raises(WeightsError, match="not the ones the model was published with"):
        open_sam_onnx(spec, tmp_path / "out")
