from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from clickmask.api import assemble, build_pipeline  # noqa: E402
from clickmask.core.errors import CapabilityError, WeightsError  # noqa: E402
from clickmask.core.frames import Frame  # noqa: E402
from clickmask.core.prompts import Click  # noqa: E402
from clickmask.core.protocols import ObjectState  # noqa: E402
from clickmask.encode.disk_mask import DiskMask  # noqa: E402
from clickmask.nn.backbones.mix_transformer import SIZES, MixTransformer  # noqa: E402
from clickmask.nn.blocks.stochastic_depth import StochasticDepth  # noqa: E402
from clickmask.nn.export import export_model, spec_of  # noqa: E402
from clickmask.nn.heads.local_refiner import LocalRefiner  # noqa: E402
from clickmask.nn.method import find_method  # noqa: E402
from clickmask.nn.models.focalclick import FocalClick, FocalClickConfig, learn, loss  # noqa: E402
from clickmask.nn.torch_backend import backend_of  # noqa: E402
from clickmask.predict.predictor import advance  # noqa: E402

from .published import GOLDEN, imagenet, made_inputs, made_state  # noqa: E402

PUBLISHED = ("segformer_b0_s2", "segformer_b0_s1", "hrnet18s_s2")


@pytest.mark.parametrize("name", PUBLISHED)
def test_both_networks_answer_what_the_authors_code_answered(name: str) -> None:
    golden = np.load(GOLDEN / f"focalclick_{name}.npz")
    method = find_method(f"focalclick_{name}")
    assert method.convert is not None
    network = method.network().eval()
    network.load_state_dict(method.convert(made_state(golden)))
    side, step = int(golden["side"]), int(golden["step"])
    image, previous, prompts = made_inputs(side)
    window, _, _ = made_inputs(side, seed=1)

    def disks(radius: float) -> torch.Tensor:
        return torch.from_numpy(DiskMask(radius, previous=False).encode(prompts, None, (side, side)))[None]

    with torch.inference_mode():
        coarse = network(imagenet(image), torch.cat([previous, disks(method.make_encoding().radius)], dim=1))
        boxes = torch.from_numpy(golden["box"])[None]
        refined = network.refine(imagenet(window), disks(5.0), coarse["logits"], coarse["features"], boxes)
    answers = {"logits": coarse["logits"], "aux": coarse["aux"], "refined": refined["logits"]}
    for key, value in {**answers, "boundary": refined["boundary"]}.items():
        assert np.abs(value[0, 0, ::step, ::step].numpy() - golden[key]).max() < 1e-4, key


def test_where_no_boundary_is_found_the_coarse_answer_stays() -> None:
    refiner = LocalRefiner(8).eval()
    coarse = torch.randn(1, 1, 32, 32)
    with torch.inference_mode():
        torch.nn.init.zeros_(refiner.boundary.weight)
        torch.nn.init.constant_(refiner.boundary.bias, -30.0)
        kept, _ = refiner(torch.rand(1, 3, 32, 32), torch.zeros(1, 2, 32, 32), coarse, torch.rand(1, 8, 8, 8))
        torch.nn.init.constant_(refiner.boundary.bias, 30.0)
        new, _ = refiner(torch.rand(1, 3, 32, 32), torch.zeros(1, 2, 32, 32), coarse, torch.rand(1, 8, 8, 8))
    assert torch.allclose(kept, coarse, atol=1e-5)
    assert (new - coarse).abs().max() > 0.1


def test_the_refiner_is_light() -> None:
    # 0.011 million are published for HRNet-18s, whose features have 96 channels
    assert sum(p.numel() for p in LocalRefiner(96).parameters()) == pytest.approx(11_300, rel=0.03)


@pytest.mark.parametrize(("name", "millions"), [("b0", 3.32), ("b3", 44.1)])
def test_the_encoder_has_the_published_size(name: str, millions: float) -> None:
    encoder = MixTransformer(name, 3)
    assert sum(p.numel() for p in encoder.parameters()) / 1e6 == pytest.approx(millions, rel=0.01)
    assert encoder.channels == SIZES[name].widths


def test_guidance_does_not_reach_the_first_map() -> None:
    torch.manual_seed(0)
    encoder = MixTransformer("b0", 3).eval()
    image, guidance = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        pairs = zip(encoder(image, guidance), encoder(image, 1 - guidance), strict=True)
        differences = [float((a - b).abs().max()) for a, b in pairs]
    assert differences[0] == 0 and min(differences[1:]) > 1e-4


def test_stochastic_depth_keeps_the_mean_and_rests_outside_training() -> None:
    torch.manual_seed(0)
    layer = StochasticDepth(0.25)
    branch = torch.ones(4000, 2)
    dropped = layer(branch)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert dropped.mean() == pytest.approx(1.0, abs=0.05)
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    assert layer.eval()(branch) is branch


def learned(labels: torch.Tensor, clicks: torch.Tensor) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    network = FocalClick(FocalClickConfig("segformer_tiny")).train()
    count = labels.shape[0]
    return dict(learn(network, torch.rand(count, 3, 64, 64), torch.rand(count, 3, 64, 64), labels, clicks))


def test_the_refiner_learns_in_windows_of_the_same_samples() -> None:
    labels = torch.zeros(2, 1, 64, 64)
    labels[:, :, 20:44, 16:48] = 1
    labels[1, :, 30:40, 20:30] = -1
    clicks = torch.tensor([[[30.0, 30.0, 1.0], [2.0, 2.0, 0.0], [0.0, 0.0, -1.0]]]).expand(2, 3, 3)
    outputs = learned(labels, clicks)
    for name in ("refined", "boundary", "window_labels", "boundary_labels"):
        assert outputs[name].shape == (2, 1, 64, 64), name
    assert set(outputs["window_labels"][0].unique().tolist()) == {0.0, 1.0}
    assert -1 in outputs["window_labels"][1].unique().tolist()
    losses = loss(outputs, labels, clicks)
    assert losses.shape == (2,) and losses.isfinite().all()
    perfect = {**outputs, "refined": (outputs["window_labels"] * 2 - 1) * 9}
    assert (loss(perfect, labels, clicks) < losses).all()


def test_what_does_not_count_does_not_teach_the_refiner() -> None:
    labels = torch.full((1, 1, 64, 64), -1.0)
    clicks = torch.tensor([[[30.0, 30.0, 1.0]]])
    outputs = learned(labels, clicks)
    changed = {**outputs, "refined": outputs["refined"] + 5, "boundary": outputs["boundary"] - 5}
    assert torch.equal(loss(changed, labels, clicks), loss(outputs, labels, clicks))


@pytest.mark.parametrize("name", ["focalclick_segformer_b0_s1", "focalclick_hrnet18s_s2"])
def test_two_graphs_answer_a_person_like_the_network(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = find_method(name)
    method = method.with_config(method.tiny)
    network = method.network()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():  # statistics as after training
        network.train()(torch.rand(4, 3, 64, 64), torch.rand(4, 3, 64, 64))
    export_model(network.eval(), method, spec_of(method, "tiny", side=64), tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    answers = {}
    for runtime in ("onnx", "torch"):
        pipeline = build_pipeline(str(tmp_path), backend=runtime, threads=1)
        assert "refiner" in pipeline.backend.capabilities
        state = ObjectState()
        for click in (Click(40, 40), Click(80, 60), Click(20, 20, positive=False)):
            state = advance(pipeline, Frame.of(image), state, click)
        assert state.logits is not None
        answers[runtime] = state.logits
    assert answers["onnx"].box_xyxy == answers["torch"].box_xyxy
    assert np.abs(answers["onnx"].values - answers["torch"].values).max() < 5e-3
    (tmp_path / "refiner.onnx").write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"refiner\.onnx are not the ones"):
        build_pipeline(str(tmp_path), backend="onnx")


def test_stages_that_need_gradients_are_refused_with_the_reason() -> None:
    method = find_method("focalclick_segformer_b0_s2")
    method = method.with_config(method.tiny)
    backend = backend_of(method.network(), method, (64, 64))
    with pytest.raises(CapabilityError, match="needs gradients"):
        assemble(spec_of(method, "tiny", side=64), backend, ["brs"])
