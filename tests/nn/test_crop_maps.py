from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from clickmask.core.frames import Crop, LogitMap, whole  # noqa: E402
from clickmask.nn.blocks.crop import crop_maps  # noqa: E402


def test_it_samples_as_logits_are_sampled_everywhere_else() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20, 30)).astype(np.float32)
    box = (4.5, 3.0, 21.25, 15.5)
    expected = LogitMap(values, whole((20, 30))).sample(Crop(box, (26, 35)))
    boxes = torch.tensor([[box[0] / 30, box[1] / 20, box[2] / 30, box[3] / 20]])
    ours = crop_maps(torch.from_numpy(values)[None, None], boxes, (26, 35))[0, 0].numpy()
    assert np.abs(ours - expected).max() < 0.02  # OpenCV interpolates in steps of 1/32 pixel


def test_each_sample_has_its_own_box_and_the_whole_box_is_the_identity() -> None:
    maps = torch.rand(2, 3, 8, 6)
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.5, 0.25, 1.0, 0.75]])
    cut = crop_maps(maps, boxes, (8, 6))
    assert torch.allclose(cut[0], maps[0], atol=1e-6)
    small = crop_maps(maps, boxes, (4, 3))
    assert torch.allclose(small[1], maps[1, :, 2:6, 3:6], atol=1e-6)


def test_beyond_the_outermost_centres_the_edge_is_repeated() -> None:
    maps = torch.tensor([[[[1.0, 2.0]]]])
    assert crop_maps(maps, torch.tensor([[0.0, 0.0, 0.25, 1.0]]), (1, 2)).tolist() == [[[[1.0, 1.0]]]]


def test_gradients_reach_the_map() -> None:
    maps = torch.rand(1, 1, 8, 8, requires_grad=True)
    crop_maps(maps, torch.tensor([[0.0, 0.0, 0.5, 0.5]]), (8, 8)).sum().backward()
    gradient = maps.grad
    assert gradient is not None
    assert gradient[0, 0, :4, :4].min() > 0
    assert gradient[0, 0, 5:, 5:].abs().max() == 0
