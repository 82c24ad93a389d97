"""`clickmask segment` on point clouds, with the bundled model."""

import json

import numpy as np
import pytest

import clickmask
from clickmask.formats.cloud_file import read_cloud, write_cloud
from clickmask.spatial.cloud import Cloud

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif("points" not in clickmask.cloud_models(), reason="the model 'points' is not bundled"),
]


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A ball of 8 cm on a table of one metre, as a PLY file far from zero."""
    rng = np.random.default_rng(0)
    table = np.stack([*rng.uniform(-0.5, 0.5, (2, 20000)), rng.normal(0, 0.0005, 20000)], axis=1)
    way = rng.normal(size=(3000, 3))
    ball = 0.08 * way / np.linalg.norm(way, axis=1, keepdims=True) + [0.1, 0.1, 0.08]
    colours = np.repeat(np.array([[120, 90, 60], [200, 40, 40]], np.uint8), [20000, 3000], axis=0)
    origin = np.array([500_000.0, 5_400_000.0, 200.0])
    path = tmp_path_factory.mktemp("scan") / "scan.ply"
    xyz = np.concatenate([table, ball]).astype(np.float32)
    write_cloud(path, Cloud(xyz, colours, origin=origin, fields={"quality": np.arange(23000, dtype=np.float32)}))
    return path


def test_a_click_labels_the_object_and_keeps_the_file(scan, tmp_path, clickmask_command):
    output = tmp_path / "labels.ply"
    ran = clickmask_command("segment", scan, "--positive", "500000.1,5400000.1,200.16", "-o", output)
    assert ran.status == 0, ran.err
    assert "of 23000 points" in ran.out
    before, after = read_cloud(scan), read_cloud(output)
    truth = np.arange(23000) >= 20000
    mask = after.instance == 1
    assert (mask & truth).sum() / (mask | truth).sum() > 0.8
    assert set(np.unique(after.instance)) == {0, 1}
    for name in before.fields:
        np.testing.assert_array_equal(after.fields[name], before.fields[name])


def test_json_and_several_clicks(scan, clickmask_command):
    ran = clickmask_command(
        "segment", scan, "--positive", "500000.1,5400000.1,200.16", "500000.1,5400000.02,200.08",
        "--negative", "499999.8,5399999.8,200", "--json",
    )  # fmt: skip
    told = json.loads(ran.out)
    assert (told["points"], told["model"], told["labels"]) == (23000, "points", None)
    assert 2000 < told["points_on_object"] < 4500


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--positive", "1,2"], "is no X,Y,Z"),
        (["--positive", "9,9,9"], "No point lies within"),
        ([], "at least one click"),
        (["--negative", "0,0,0"], "at least one click"),
        (["--positive", "0,0,0", "--box", "1,2,3,4"], "clicks alone"),
        (["--positive", "0,0,0", "--model", "pionts"], "Did you mean 'points'"),
        (["--positive", "0,0,0", "--model", "flood"], "does not take point clouds"),
    ],
)
def test_what_is_refused(scan, tmp_path, clickmask_command, arguments, text):
    ran = clickmask_command("segment", scan, *arguments, "-o", tmp_path / "labels.ply")
    assert ran.status == 2 and text in ran.err, ran.err
    assert not (tmp_path / "labels.ply").exists()


def test_outputs_are_checked_first(scan, tmp_path, clickmask_command):
    click = ("--positive", "500000.1,5400000.1,200.16")
    for output, text in ((scan, "the scan itself"), (tmp_path / "mask.png", "ending in one of .ply")):
        ran = clickmask_command("segment", scan, *click, "-o", output)
        assert ran.status == 2 and text in ran.err
    (tmp_path / "bad.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nend_header\n1\n")
    ran = clickmask_command("segment", tmp_path / "bad.ply", *click, "-o", tmp_path / "out.ply")
    assert ran.status == 2 and "cut short" in ran.err
