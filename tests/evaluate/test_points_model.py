"""The bundled model for point clouds does what its card says, in both runtimes."""

import numpy as np
import pytest

import clickmask
from clickmask.api import build_cloud_pipeline
from clickmask.data.cloud_sample import open_cloud_dataset
from clickmask.evaluate.cloud_protocol import find_cloud_protocol
from clickmask.evaluate.cloud_run import measure_object, open_scan
from clickmask.simulate.cloud_clicks import deepest_error
from clickmask.train.clouds.scenes import tabletop

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif("points" not in clickmask.cloud_models(), reason="the model 'points' is not bundled"),
]


def test_real_table_tops_that_it_never_saw(shared_data):
    folder = shared_data / "points" / "tabletop"
    if not folder.is_dir():
        pytest.skip(f"no table-top scans in {folder}")
    pipeline = build_cloud_pipeline("points", threads=1)
    dataset = open_cloud_dataset("tabletop", folder, "validation")
    ious = []
    for scan in (dataset.scans[0], dataset.scans[-1]):
        opened = open_scan(scan, dataset.spacing)
        for number in opened.objects[:2]:
            key = ("tabletop", scan.scan_id, str(number))
            records = measure_object(pipeline, find_cloud_protocol("single", 3), opened, key, dataset.spacing)
            ious.append(records[-1].iou)
    assert np.mean(ious) > 0.8


def test_made_up_table_tops():
    predictor = clickmask.load_cloud("points", threads=1)
    scene = tabletop([], np.random.default_rng(11))
    predictor.set_cloud(scene.xyz, scene.rgb)
    counts = np.bincount(scene.instance)
    ious = []
    for number in [n for n in np.argsort(-counts) if n not in scene.surroundings][:3]:
        truth, mask = scene.instance == number, np.zeros(len(scene.xyz), dtype=bool)
        predictor.reset()
        for _ in range(4):
            click = deepest_error(scene.xyz, truth, mask)
            mask = predictor.add_click(click.index, click.positive)
        ious.append((mask & truth).sum() / (mask | truth).sum())
    assert np.mean(ious) > 0.7


def test_both_runtimes_give_the_same_logits():
    pytest.importorskip("torch", reason="needs the torch extra")
    scene = tabletop([], np.random.default_rng(3))
    row = int(np.flatnonzero(scene.instance == scene.instance.max())[0])
    logits = []
    for backend in ("onnx", "torch"):
        predictor = clickmask.load_cloud("points", backend=backend)
        predictor.set_cloud(scene.xyz, scene.rgb)
        predictor.add_click(row)
        logits.append(predictor.state.objects[1].logits.spread(len(scene.xyz)))
    np.testing.assert_allclose(*logits, atol=1e-3)
