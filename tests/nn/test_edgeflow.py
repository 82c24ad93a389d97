from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")

from clickmask.core.frames import Frame  # noqa: E402
from clickmask.core.prompts import Click  # noqa: E402
from clickmask.core.protocols import ObjectState  # noqa: E402
from clickmask.encode.edge_disks import edge_of  # noqa: E402
from clickmask.nn.blocks.flow import EdgeFlow, warped  # noqa: E402
from clickmask.nn.method import find_method  # noqa: E402
from clickmask.nn.models.edgeflow import TINY, EdgeFlowNet, edge_labels, loss  # noqa: E402
from clickmask.nn.torch_backend import backend_of  # noqa: E402
from clickmask.predict.base import backend_step  # noqa: E402
from clickmask.predict.predictor import Pipeline, advance  # noqa: E402
from clickmask.zoo.spec import ModelSpec  # noqa: E402

SIDE = 64


def network() -> EdgeFlowNet:
    torch.manual_seed(0)
    made = EdgeFlowNet(TINY)
    with torch.no_grad():
        for value in made.parameters():
            value.add_(0.05 * torch.randn(value.shape))
    return made.eval()


def random_labels(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.random((8, 8)) > 0.5
    return np.kron(coarse, np.ones((6, 6))).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_edge_labels_are_the_outline_that_a_mask_is_given(seed: int) -> None:
    mask = random_labels(seed)
    labels = edge_labels(torch.from_numpy(mask)[None, None])
    assert np.array_equal(labels[0, 0].numpy() == 1, edge_of(mask > 0))


def test_near_ignored_pixels_nothing_is_known_of_the_edge() -> None:
    labels = torch.zeros(1, 1, 20, 20)
    labels[..., 10, 10] = -1
    edges = edge_labels(labels)
    assert (edges == -1).sum() == 25
    assert (edges == 1).sum() == 0


def test_features_flow_where_they_are_pointed_to() -> None:
    maps = torch.arange(5.0).expand(1, 1, 4, 5)
    flow = torch.zeros(1, 2, 4, 5)
    torch.testing.assert_close(warped(maps, flow), maps)
    flow[:, 0] = 1  # one pixel to the right
    torch.testing.assert_close(warped(maps, flow)[0, 0, 0], torch.tensor([1.0, 2, 3, 4, 4]))
    flow[:, 0], flow[:, 1] = 0, -1
    rows = torch.arange(4.0)[:, None].expand(1, 1, 4, 5)
    torch.testing.assert_close(warped(rows, flow)[0, 0, :, 0], torch.tensor([0.0, 0, 1, 2]))


def test_at_the_start_nothing_flows_and_nothing_is_refined() -> None:
    features = torch.rand(1, 6, 8, 8)
    torch.testing.assert_close(EdgeFlow(6, 3)(features, torch.rand(1, 3, 8, 8)), features)
    answers = EdgeFlowNet(TINY).eval()(torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 3, SIDE, SIDE))
    assert torch.equal(answers["logits"], answers["coarse"])


def test_guidance_reaches_the_late_stages_by_itself() -> None:
    made = network()
    with torch.no_grad():
        made.early.scale.zero_()
    image, guidance = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 3, SIDE, SIDE)
    with torch.inference_mode():
        assert not torch.equal(made(image, guidance)["aux"], made(image, 1 - guidance)["aux"])


def test_every_answer_has_its_loss() -> None:
    labels = torch.from_numpy(random_labels(0))[None, None].contiguous()
    answers = {name: torch.zeros(1, 1, 48, 48, requires_grad=True) for name in ("logits", "coarse", "aux", "edge")}
    loss(answers, labels, torch.zeros(1, 1, 3)).sum().backward()
    for name, value in answers.items():
        assert value.grad is not None and value.grad.abs().sum() > 0, name
    edge = answers["edge"].grad
    outline = edge_labels(labels) == 1
    assert edge is not None
    # balanced: edge and the rest pull with the same total force
    assert edge[outline].sum().item() == pytest.approx(-edge[~outline].sum().item(), rel=1e-4)


def test_the_edge_is_seen_again_and_not_the_mask() -> None:
    method = find_method("edgeflow").with_config(TINY)
    backend = backend_of(network(), method, (SIDE, SIDE))
    seen: list[torch.Tensor] = []
    backend.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1].clone()))  # type: ignore[attr-defined]
    made = Pipeline(ModelSpec("toy", "edgeflow", "For tests.", "Apache-2.0"), backend, backend_step(backend))
    frame = Frame.of(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8))
    state = advance(made, frame, ObjectState(), Click(20, 20))
    advance(made, frame, state, Click(40, 40))
    with torch.inference_mode():
        image = method.scaling.of_bytes(torch.from_numpy(frame.pixels.copy()).permute(2, 0, 1)[None])
        first = backend.network(image, seen[0])  # type: ignore[attr-defined]
    assert not seen[0][:, 0].any()
    torch.testing.assert_close(seen[1][:, :1], torch.sigmoid(first["edge"]))
