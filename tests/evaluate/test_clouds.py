"""Measuring on clouds with a toy model that is right about balls."""

import json
from itertools import pairwise

import numpy as np
import pytest
from tests.predict.test_clouds import Balls

from clickmask.core.errors import FormatError, InputError
from clickmask.data.cloud_sample import open_cloud_dataset
from clickmask.evaluate.cloud_protocol import CLOUD_PROTOCOLS, find_cloud_protocol
from clickmask.evaluate.cloud_run import from_run_lengths, read_records, run_lengths
from clickmask.evaluate.cloud_summary import CloudQuestion, answer_clouds
from clickmask.formats.cloud_file import write_cloud
from clickmask.predict.cloud_predictor import CloudPipeline
from clickmask.predict.clouds import CloudOptions
from clickmask.spatial.cloud import Cloud


def sheet(tmp_path):
    """Two discs of 20 cm radius on a sheet with a point every 5 cm, and one of 8 points."""
    x, y = np.meshgrid(np.arange(60), np.arange(60), indexing="ij")
    xyz = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3).astype(np.float32) * 0.05
    instance = np.zeros(len(xyz), dtype=np.int32)
    for number, middle in ((1, (1.0, 1.0)), (2, (2.0, 2.0))):
        instance[np.linalg.norm(xyz[:, :2] - middle, axis=1) < 0.2] = number
    write_cloud(tmp_path / "sheet.ply", Cloud(xyz, instance=instance))
    return open_cloud_dataset("clouds", tmp_path)


def question(dataset, protocol="single", clicks=4, **options):
    pipeline = CloudPipeline("balls", CloudOptions(voxel=0.05, **options), Balls(4.2))
    return CloudQuestion(pipeline, find_cloud_protocol(protocol, clicks), [dataset])


def told(done, newest):
    """A progress that shows nothing."""


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    return sheet(folder)


def test_a_run_leaves_records_summary_and_report(tmp_path, dataset):
    summary = answer_clouds(question(dataset), tmp_path / "run", told)
    figures = summary["datasets"]["clouds"]
    assert figures["objects"] == 2
    assert figures["IoU@1"] > 0.8
    assert figures["NoC@80"] == 1.0
    lines = [json.loads(line) for line in (tmp_path / "run" / "records.jsonl").read_text().splitlines()]
    assert lines[0]["positive"] is True
    assert lines[0]["image"] == "sheet"
    assert np.linalg.norm(np.array([lines[0]["x"], lines[0]["y"]]) - 1.0) < 0.1
    report = (tmp_path / "run" / "report.html").read_text()
    assert "data:image/jpeg" in report and "balls on clouds" in report
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == summary


def test_a_stopped_run_goes_on_and_another_question_is_refused(tmp_path, dataset):
    first = answer_clouds(question(dataset), tmp_path / "run", told)
    records = tmp_path / "run" / "records.jsonl"
    text = records.read_text()
    records.write_text(text[: len(text) * 2 // 3])
    again = answer_clouds(question(dataset), tmp_path / "run", told)
    for key, value in first["datasets"]["clouds"].items():
        if key != "SPC":
            assert again["datasets"]["clouds"][key] == value
    with pytest.raises(InputError, match="another"):
        answer_clouds(question(dataset, clicks=5), tmp_path / "run", told)
    records.write_text("nonsense\n" + text)
    with pytest.raises(FormatError, match="Line 1"):
        read_records(records)


def test_several_objects_are_measured_together(tmp_path, dataset):
    summary = answer_clouds(question(dataset, "multi"), tmp_path / "run", told)
    assert summary["datasets"]["clouds"]["objects"] == 1
    records = read_records(tmp_path / "run" / "records.jsonl")
    (steps,) = records.values()
    assert steps[0].clicks == 1.0  # one click on each of two objects
    assert steps[0].iou > 0.8
    assert all(b.clicks - a.clicks == 0.5 for a, b in pairwise(steps))


def test_the_published_protocol_cuts_a_column_and_starts_from_an_answer(tmp_path, dataset):
    protocol = CLOUD_PROTOCOLS["interobject3d"]
    assert (protocol.column, protocol.start, protocol.max_clicks) == (5.0, "answer", 20)
    wide = answer_clouds(question(dataset, "interobject3d"), tmp_path / "run", told)
    assert wide["datasets"]["clouds"]["IoU@1"] > 0.8


def test_the_hash_changes_with_any_value():
    hashes = {protocol.to_json()["hash"] for protocol in CLOUD_PROTOCOLS.values()}
    hashes.add(find_cloud_protocol("single", 5).to_json()["hash"])
    assert len(hashes) == 4
    with pytest.raises(InputError, match="multi"):
        find_cloud_protocol("mutli")


@pytest.mark.parametrize("text", ["0", "1", "0110", "1001", "111000"])
def test_run_lengths_come_back(text):
    mask = np.array([c == "1" for c in text])
    np.testing.assert_array_equal(from_run_lengths(run_lengths(mask)), mask)
