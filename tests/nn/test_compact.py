from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")
onnx = pytest.importorskip("onnx", reason="needs the torch extra")

from clickmask.core.errors import WeightsError  # noqa: E402
from clickmask.core.frames import Frame  # noqa: E402
from clickmask.core.prompts import Box, Click, Prompts  # noqa: E402
from clickmask.encode.disk_distance import DiskDistance  # noqa: E402
from clickmask.nn.export import deployable, export_model, spec_of  # noqa: E402
from clickmask.nn.method import find_method  # noqa: E402
from clickmask.nn.models.compact import Compact, CompactConfig, build  # noqa: E402
from clickmask.nn.torch_backend import TorchBackend, open_torch  # noqa: E402
from clickmask.nn.weights import load_graph_weights  # noqa: E402
from clickmask.predict.onnx import OnnxBackend  # noqa: E402
from clickmask.zoo.spec import ModelSpec  # noqa: E402

SIDE = 64
SMALL = CompactConfig(widths=(8, 8, 16, 16, 16), guidance=(8, 8, 16, 16))
METHOD = find_method("compact").with_config(SMALL)


def made(seed: int = 0, config: CompactConfig = SMALL) -> Compact:
    """A network with random weights, all different: the exporter stores equal ones once, and training leaves none."""
    torch.manual_seed(seed)
    network = build(config, pretrained=False).eval()
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.01 * torch.randn(value.shape))
    return network


@pytest.fixture(scope="module")
def network() -> Compact:
    return made()


@pytest.fixture(scope="module")
def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, 3, SIDE, 96, generator=generator) * 2 - 1, torch.rand(3, 5, SIDE, 96, generator=generator)


def test_one_logit_map_at_the_input_s_size(network: Compact, inputs: tuple[torch.Tensor, torch.Tensor]) -> None:
    with torch.no_grad():
        logits = network(*inputs)["logits"]
    assert logits.shape == (3, 1, SIDE, 96)
    assert logits.dtype == torch.float32
    assert logits.std() > 0


def test_a_batch_is_its_samples(network: Compact, inputs: tuple[torch.Tensor, torch.Tensor]) -> None:
    with torch.no_grad():
        batch = network(*inputs)["logits"]
        for row in range(3):
            single = network(inputs[0][row : row + 1], inputs[1][row : row + 1])["logits"]
            torch.testing.assert_close(batch[row : row + 1], single, rtol=1e-4, atol=1e-3 * float(batch.std()))


def test_every_channel_of_the_guidance_reaches_the_answer(
    network: Compact, inputs: tuple[torch.Tensor, torch.Tensor]
) -> None:
    image, guidance = (part[:1] for part in inputs)
    with torch.no_grad():
        plain = network(image, guidance)["logits"]
        for channel in range(DiskDistance.channels):
            other = guidance.clone()
            other[:, channel] = 0
            assert (network(image, other)["logits"] - plain).abs().max() > 1e-6 * plain.std()


def test_every_parameter_is_trained(network: Compact, inputs: tuple[torch.Tensor, torch.Tensor]) -> None:
    fresh = made(1)
    fresh(*(part[:1] for part in inputs))["logits"].square().mean().backward()
    assert [name for name, value in fresh.named_parameters() if value.grad is None] == []


def test_prompts_change_the_torch_backend_s_answer(network: Compact) -> None:
    backend = TorchBackend(network, METHOD, (SIDE, SIDE))
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    embedding = backend.embed(Frame.of(image))
    assert embedding.shape == (1, 3, SIDE, SIDE)
    assert float(embedding.min()) == -1 and float(embedding.max()) == 1
    first = backend.decode(embedding, Prompts((Click(20, 30),)), None)
    assert (first.shape, first.dtype) == ((SIDE, SIDE), np.dtype(np.float32))
    assert np.array_equal(first, backend.decode(embedding, Prompts((Click(20, 30),)), None))
    for prompts in (Prompts((Click(50, 30),)), Prompts((Click(20, 30, False),)), Prompts((Box(5, 5, 40, 40),))):
        assert not np.array_equal(first, backend.decode(embedding, prompts, None))
    assert not np.array_equal(first, backend.decode(embedding, Prompts((Click(20, 30),)), first))


@pytest.mark.parametrize("point", ["a", "b", "c"])
def test_the_pass_can_be_stopped_and_taken_up_again(
    network: Compact, inputs: tuple[torch.Tensor, torch.Tensor], point: str
) -> None:
    with torch.no_grad():
        cut = network.features(*inputs, point)
        assert cut.features.shape[1] == network.insertion_points[point]
        assert torch.equal(network.rest(cut), network(*inputs)["logits"])
        changed = network.rest(replace(cut, features=cut.features * 1.5 + 0.2))
    assert not torch.allclose(changed, network(*inputs)["logits"])


@pytest.fixture(scope="module")
def exported(network: Compact, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelSpec]:
    folder = tmp_path_factory.mktemp("model")
    return folder, export_model(network, METHOD, spec_of(METHOD, "toy", side=SIDE), folder)


@pytest.mark.parametrize("size_hw", [(SIDE, SIDE), (SIDE + 32, SIDE + 64)])
def test_the_exported_graph_answers_like_the_network_at_any_size(
    network: Compact, exported: tuple[Path, ModelSpec], size_hw: tuple[int, int]
) -> None:
    folder, spec = exported
    assert ModelSpec.read(folder) == spec
    encoding = DiskDistance(**spec.encoding_options)
    light = OnnxBackend(folder / "model.onnx", encoding, size_hw, frozenset(spec.capabilities), sha256=spec.sha256)
    heavy = TorchBackend(deployable(network), METHOD, size_hw)
    image = np.random.default_rng(1).integers(0, 256, (*size_hw, 3)).astype(np.uint8)
    frame, previous = Frame.of(image), None
    for prompts in (Prompts((Click(20, 30),)), Prompts((Click(20, 30), Click(50, 10, False)))):
        ours = heavy.decode(heavy.embed(frame), prompts, previous)
        theirs = light.decode(light.embed(frame), prompts, previous)
        np.testing.assert_allclose(theirs, ours, atol=1e-3 * max(1.0, float(np.abs(ours).max())))
        previous = theirs
    assert light.capabilities == heavy.capabilities - {"gradients", "features"}


def test_the_graph_is_stored_in_half_precision(network: Compact, exported: tuple[Path, ModelSpec]) -> None:
    full = sum(p.numel() * 4 for p in network.parameters())
    assert (exported[0] / "model.onnx").stat().st_size < 0.65 * full


def test_the_graph_pads_inside_its_convolutions(exported: tuple[Path, ModelSpec]) -> None:
    """A node of its own for the padding would copy whole maps before every strided layer."""
    nodes = onnx.load(str(exported[0] / "model.onnx")).graph.node
    assert not [node.name for node in nodes if node.op_type == "Pad"]
    pads = [list(onnx.helper.get_node_attr_value(node, "pads")) for node in nodes if node.op_type == "Conv"]
    assert pads.count([0, 0, 1, 1]) == 3 and pads.count([1, 1, 2, 2]) == 2


def test_weights_come_back_from_a_graph(network: Compact, exported: tuple[Path, ModelSpec]) -> None:
    again = made(7)
    load_graph_weights(again, exported[0] / "model.onnx")
    image, guidance = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 5, SIDE, SIDE)
    with torch.no_grad():
        expected = deployable(network)(image, guidance)["logits"]
        torch.testing.assert_close(
            again(image, guidance)["logits"], expected, rtol=1e-3, atol=1e-3 * float(expected.std())
        )


def test_a_network_of_another_size_refuses_the_graph(exported: tuple[Path, ModelSpec]) -> None:
    wider = made(config=replace(SMALL, widths=(16, 8, 16, 16, 16)))
    with pytest.raises(WeightsError, match=r"was exported from a network of another size: .*laterals"):
        load_graph_weights(wider, exported[0] / "model.onnx")


def test_another_network_refuses_the_graph(exported: tuple[Path, ModelSpec]) -> None:
    with pytest.raises(WeightsError, match=r"is not an exported network of this kind: it lacks 0.weight, 0.bias"):
        load_graph_weights(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1)), exported[0] / "model.onnx")


def test_the_network_in_training_is_not_changed_by_its_export(network: Compact) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    deployable(network)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_model_folder_opens_on_torch_in_its_own_size(network: Compact, exported: tuple[Path, ModelSpec]) -> None:
    folder, spec = exported
    assert spec.runtime == "onnx" and spec.torch_weights == "model.safetensors"
    assert spec.config == {"widths": [8, 8, 16, 16, 16], "guidance": [8, 8, 16, 16]}
    backend, ours = open_torch(spec, folder), TorchBackend(network, METHOD, (SIDE, SIDE))
    frame = Frame.of(np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8))
    answers = [b.decode(b.embed(frame), Prompts((Click(20, 30),)), None) for b in (backend, ours)]
    np.testing.assert_allclose(*answers, atol=2e-3 * max(1.0, float(np.abs(answers[1]).max())))
    assert backend.capabilities == {"box", "previous_mask", "gradients", "features"}


def test_sizes_that_the_method_does_not_have_are_refused(exported: tuple[Path, ModelSpec]) -> None:
    with pytest.raises(WeightsError, match=r"'toy' is no 'compact' of this clickmask: .*widths"):
        open_torch(replace(exported[1], config={"widths": [1, 2]}), exported[0])
