"""SAM, SAM-HQ and SAM 2 through transformers, with random weights and tiny sizes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")
transformers = pytest.importorskip("transformers", reason="needs the sam extra")

from clickmask.api import load  # noqa: E402
from clickmask.core.errors import WeightsError  # noqa: E402
from clickmask.core.frames import Frame  # noqa: E402
from clickmask.core.prompts import Box, Click, Prompts  # noqa: E402
from clickmask.nn.sam import KINDS, SamTorchBackend, import_checkpoint  # noqa: E402
from clickmask.zoo.spec import ModelSpec  # noqa: E402

SIDE = 64
ONE = Prompts((Click(20.5, 30.5),))
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)


def plain(kind: str) -> Any:
    """SAM's and SAM-HQ's configuration."""
    vision = {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": SIDE, "mlp_dim": 16,
        "window_size": 2, "global_attn_indexes": [1], "output_channels": 16, "num_pos_feats": 8,
        "initializer_range": 0.1,
    }  # fmt: skip
    prompts = {"hidden_size": 16, "image_size": SIDE, "image_embedding_size": SIDE // 16}
    decoder = {"hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 8}
    if kind == "sam_hq":
        decoder["vit_dim"] = 16
    name = {"sam": "SamConfig", "sam_hq": "SamHQConfig"}[kind]
    return getattr(transformers, name)(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder)


def hiera() -> Any:
    backbone = {
        "hidden_size": 8, "image_size": [SIDE, SIDE], "blocks_per_stage": [1, 1, 2, 1], "global_attention_blocks": [3],
        "embed_dim_per_stage": [8, 16, 32, 64], "num_attention_heads_per_stage": [1, 1, 2, 2],
        "window_size_per_stage": [8, 4, 4, 2], "model_type": "sam2_hiera_det_model",
    }  # fmt: skip
    vision = {
        "backbone_config": backbone, "backbone_channel_list": [64, 32, 16, 8], "fpn_hidden_size": 16,
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
    }  # fmt: skip
    return transformers.Sam2Config(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 16, "image_size": SIDE},
        mask_decoder_config={"hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 8},
    )


@cache
def network(kind: str) -> Any:
    torch.manual_seed(0)
    config = hiera() if kind == "sam2" else plain(kind)
    made = getattr(transformers, KINDS[kind].model)(config).eval()
    with torch.no_grad():
        for value in made.parameters():
            value.add_(0.05 * torch.randn(value.shape))
    return made


SORTS = ("sam", "sam_hq", "sam2")


@pytest.mark.parametrize("kind", SORTS)
def test_one_click_has_three_masks_and_more_have_one(kind: str) -> None:
    backend = SamTorchBackend(network(kind), KINDS[kind])
    assert backend.input_hw == (SIDE, SIDE) and backend.low_res_hw == (16, 16)
    embedding = backend.embed(Frame.of(IMAGE))
    answer = backend.answer(embedding, ONE, None)
    assert answer.logits.shape == (16, 16) and answer.logits.dtype == np.float32
    assert len(answer.candidates) == 3
    assert any(np.array_equal(answer.logits, mask) for mask, _ in answer.candidates)
    more = backend.answer(embedding, ONE.add(Click(50, 10, positive=False)), None)
    if kind != "sam2":  # which itself falls back to one of the three where its single mask is unstable
        assert not any(np.array_equal(more.logits, mask) for mask, _ in more.candidates)


@pytest.mark.parametrize("kind", SORTS)
def test_every_prompt_matters(kind: str) -> None:
    backend = SamTorchBackend(network(kind), KINDS[kind])
    embedding = backend.embed(Frame.of(IMAGE))
    box = Prompts((Box(5, 6, 50, 40),))
    previous = np.linspace(-5, 5, 256, dtype=np.float32).reshape(16, 16)
    answers = [
        backend.decode(embedding, ONE, None),
        backend.decode(embedding, ONE, previous),
        backend.decode(embedding, Prompts((Click(40, 30),)), None),
        backend.decode(embedding, Prompts((Click(20.5, 30.5, positive=False),)), None),
        backend.decode(embedding, box, None),
        backend.decode(embedding, box.add(Click(20.5, 30.5)), None),
        backend.decode(embedding, box.add(Click(20.5, 30.5, positive=False)), None),
    ]
    assert len({answer.tobytes() for answer in answers}) == len(answers)
    assert np.array_equal(answers[0], backend.decode(embedding, ONE, None))


def test_points_and_pixels_are_those_of_the_plain_call() -> None:
    backend, made = SamTorchBackend(network("sam"), KINDS["sam"]), network("sam")
    scaled = (torch.from_numpy(IMAGE.copy()).permute(2, 0, 1)[None].float() / 255 - torch.tensor(
        (0.485, 0.456, 0.406)).view(1, 3, 1, 1)) / torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)  # fmt: skip
    points, labels = torch.tensor([[[[20.0, 30.0]]]]), torch.tensor([[[1]]])
    with torch.inference_mode():
        expected = made(pixel_values=scaled, input_points=points, input_labels=labels, multimask_output=True)
    answer = backend.answer(backend.embed(Frame.of(IMAGE)), ONE, None)
    for (mask, _), theirs in zip(answer.candidates, expected.pred_masks[0, 0].numpy(), strict=True):
        np.testing.assert_allclose(mask, theirs, atol=1e-3)


@pytest.mark.parametrize("kind", SORTS)
def test_a_checkpoint_becomes_a_model(kind: str, tmp_path: Path) -> None:
    network(kind).save_pretrained(tmp_path / "checkpoint")
    spec = import_checkpoint(tmp_path / "checkpoint", tmp_path / "model", licence="Apache-2.0")
    assert ModelSpec.read(tmp_path / "model") == spec
    assert (spec.runtime, spec.input_hw) == ("sam_torch", (SIDE, SIDE))
    predictor = load(str(tmp_path / "model"), threads=1)
    assert set(spec.capabilities) == predictor.pipeline.backend.capabilities
    predictor.set_image(np.ascontiguousarray(IMAGE[:40]))
    masks, scores, _ = predictor.predict([[20, 30]], [1], multimask_output=True)
    assert masks.shape == (3, 40, SIDE) and scores.shape == (3,)
    first = predictor.add_click(20, 30)
    predictor.add_click(50, 10, positive=False)
    assert np.array_equal(predictor.undo(), first)


def test_checkpoints_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is no checkpoint of transformers"):
        import_checkpoint(tmp_path, tmp_path / "model")
    transformers.ViTConfig().save_pretrained(tmp_path / "vit")
    with pytest.raises(WeightsError, match=r"holds a 'vit'\. Accepted: sam, sam_hq, sam2"):
        import_checkpoint(tmp_path / "vit", tmp_path / "model")
    network("sam").save_pretrained(tmp_path / "sam")
    (tmp_path / "sam" / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        import_checkpoint(tmp_path / "sam", tmp_path / "model")
    assert not (tmp_path / "model").exists()
