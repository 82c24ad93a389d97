"""What ONNX Runtime answers is what torch answers, for clouds of any size."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch extra")
pytest.importorskip("onnx", reason="needs the torch extra")

from clickmask.core.errors import WeightsError  # noqa: E402
from clickmask.nn.backbones.sparse_unet import SparseUNet, SparseUNetConfig  # noqa: E402
from clickmask.nn.cloud_backend import TorchCloudBackend, open_torch_cloud  # noqa: E402
from clickmask.nn.cloud_export import export_cloud  # noqa: E402
from clickmask.predict.onnx_cloud import OnnxCloudBackend  # noqa: E402
from clickmask.spatial.plan import make_plan, unique_rows  # noqa: E402


def network(outputs: int = 1) -> SparseUNet:
    torch.manual_seed(3)
    made = SparseUNet(SparseUNetConfig(5, outputs, (4, 6, 8)))
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return made.eval()


@pytest.mark.parametrize("outputs", [1, 2])
def test_onnx_answers_like_torch_at_any_size(tmp_path, outputs):
    trained = network(outputs)
    export_cloud(trained, tmp_path / "model.onnx", half=False)
    light, heavy = OnnxCloudBackend(tmp_path / "model.onnx"), TorchCloudBackend(trained)
    assert light.depth == heavy.depth == 3
    rng = np.random.default_rng(0)
    for count in (1, 40, 900):
        coords, _ = unique_rows(rng.integers(-10, 10, (count, 3)))
        plan = make_plan(coords, 3)
        channels = rng.normal(size=(len(coords), 5)).astype(np.float32)
        answers = light.run(plan, channels), heavy.run(plan, channels)
        assert answers[0].shape == (len(coords),)
        np.testing.assert_allclose(*answers, atol=1e-3)


def test_half_weights_halve_the_file_and_hardly_change_the_answer(tmp_path):
    trained = network()
    export_cloud(trained, tmp_path / "half.onnx")
    export_cloud(trained, tmp_path / "full.onnx", half=False)
    coords, _ = unique_rows(np.random.default_rng(1).integers(0, 9, (300, 3)))
    plan, channels = make_plan(coords, 3), np.ones((len(coords), 5), dtype=np.float32)
    half, full = (OnnxCloudBackend(tmp_path / f"{name}.onnx").run(plan, channels) for name in ("half", "full"))
    assert 0 < np.abs(half - full).max() < 0.05


def test_torch_takes_the_numbers_of_the_file(tmp_path):
    export_cloud(network(2), tmp_path / "model.onnx")
    light, heavy = OnnxCloudBackend(tmp_path / "model.onnx"), open_torch_cloud(tmp_path / "model.onnx", threads=1)
    coords, _ = unique_rows(np.random.default_rng(2).integers(0, 9, (300, 3)))
    plan, channels = make_plan(coords, 3), np.random.default_rng(3).normal(size=(300, 5)).astype(np.float32)
    channels = channels[: len(coords)]
    np.testing.assert_allclose(light.run(plan, channels), heavy.run(plan, channels), atol=1e-4)


def test_other_graphs_are_refused(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    with pytest.raises(WeightsError, match="no ONNX graph"):
        OnnxCloudBackend(tmp_path / "bad.onnx")
    with pytest.raises(WeightsError, match="torch can take"):
        open_torch_cloud(tmp_path / "bad.onnx")
