"""`clickmask evaluate` on point clouds, with the bundled model."""

import json

import numpy as np
import pytest

import clickmask
from clickmask.formats.cloud_file import write_cloud
from clickmask.spatial.cloud import Cloud

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif("points" not in clickmask.cloud_models(), reason="the model 'points' is not bundled"),
]


@pytest.fixture
def folder(tmp_path):
    """A box of 12 cm on a table, labelled."""
    rng = np.random.default_rng(0)
    table = np.stack([*rng.uniform(-0.5, 0.5, (2, 15000)), rng.normal(0, 0.0005, 15000)], axis=1)
    side = rng.integers(0, 3, 2500)
    box = rng.uniform(-0.06, 0.06, (2500, 3))
    box[np.arange(2500), side] = np.where(side == 2, 0.06, rng.choice([-0.06, 0.06], 2500))
    xyz = np.concatenate([table, box + np.array([0.1, 0.0, 0.06])]).astype(np.float32)
    rgb = np.repeat(np.array([[120, 90, 60], [40, 60, 200]], np.uint8), [15000, 2500], axis=0)
    scans = tmp_path / "scans"
    scans.mkdir()
    write_cloud(scans / "one.ply", Cloud(xyz, rgb, np.repeat(np.array([0, 1], np.int32), [15000, 2500])))
    return scans


def test_figures_come_out_as_a_table_and_as_json(folder, tmp_path, clickmask_command):
    run = ("evaluate", f"clouds={folder}", "--max-clicks", 3, "-o", tmp_path / "run")
    ran = clickmask_command(*run)
    assert ran.status == 0, ran.err
    assert "clouds" in ran.out and "report.html" in ran.out
    told = json.loads(clickmask_command(*run, "--json").out)
    assert told["model"]["name"] == "points"
    assert told["protocol"]["kind"] == "single"
    assert told["datasets"]["clouds"]["IoU@3"] > 0.7


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["clouds={}", "grabcut={}"], "in two runs"),
        (["clouds={}", "--refine", "flip"], "stages for images"),
        (["clouds={}", "--protocol", "itis"], "Unknown protocol for point clouds"),
        (["clouds={}", "--model", "flood"], "does not take point clouds"),
        (["clouds=missing"], "does not exist"),
        (["clouds="], "DATASET=DIR"),
    ],
)
def test_what_is_refused(folder, tmp_path, clickmask_command, arguments, text):
    ran = clickmask_command("evaluate", *(a.format(folder) for a in arguments), "-o", tmp_path / "run")
    assert ran.status == 2 and text in ran.err, ran.err
    assert not (tmp_path / "run" / "records.jsonl").exists()
