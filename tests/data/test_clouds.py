"""Data sets of clouds in their official layouts, each with a tiny made-up copy."""

import json

import numpy as np
import pytest
from tests.spatial.made_up import small_cloud

from clickmask.core.errors import FormatError, InputError
from clickmask.data.cloud_sample import CLOUD_DATASETS, open_cloud_dataset
from clickmask.formats.cloud_file import write_cloud
from clickmask.spatial import kitti, ply
from clickmask.spatial.cloud import Cloud


def test_scannet_joins_mesh_segments_and_groups(tmp_path):
    scene = tmp_path / "scans" / "scene0001_00"
    scene.mkdir(parents=True)
    write_cloud(scene / "scene0001_00_vh_clean_2.ply", Cloud(small_cloud(4).xyz))
    (scene / "scene0001_00_vh_clean_2.0.010000.segs.json").write_text(json.dumps({"segIndices": [7, 3, 7, 9]}))
    groups = [{"objectId": 0, "label": "chair", "segments": [7]}, {"objectId": 4, "label": "table", "segments": [9]}]
    (scene / "scene0001_00.aggregation.json").write_text(json.dumps({"segGroups": groups}))
    (scan,) = open_cloud_dataset("scannet", tmp_path).scans
    assert scan.scan_id == "scene0001_00"
    assert scan.load().instance.tolist() == [1, 0, 1, 5]
    (scene / "scene0001_00_vh_clean_2.0.010000.segs.json").write_text(json.dumps({"segIndices": [7, 3]}))
    with pytest.raises(FormatError, match="do not belong together"):
        scan.load()


def test_s3dis_rooms_are_the_sum_of_their_objects(tmp_path):
    for area in ("Area_1", "Area_5"):
        room = tmp_path / area / "office_1" / "Annotations"
        room.mkdir(parents=True)
        (room / "chair_1.txt").write_text("0 0 0 255 0 0\n0 0 1 250 0 0\n")
        (room / "chair_2.txt").write_text("1 0 0 0 255 0\n")
        (room / "wall_1.txt").write_text("2 0 0 1 2 3\n")
    (scan,) = open_cloud_dataset("s3dis", tmp_path).scans
    assert scan.scan_id == "Area_5/office_1"
    cloud = scan.load()
    assert cloud.instance.tolist() == [1, 1, 2, 3]
    assert cloud.fields["semantic"].tolist() == [1, 1, 1, 2]
    assert cloud.rgb.tolist()[0] == [255, 0, 0]
    assert open_cloud_dataset("s3dis", tmp_path, "Area_1").scans[0].scan_id == "Area_1/office_1"
    with pytest.raises(InputError, match="Area_9"):
        open_cloud_dataset("s3dis", tmp_path, "Area_9")


def test_semantickitti_numbers_instances_over_all_classes(tmp_path):
    sequence = tmp_path / "dataset" / "sequences" / "08"
    for folder in ("velodyne", "labels"):
        (sequence / folder).mkdir(parents=True)
    packed = [(1 << 16) | 10, (1 << 16) | 30, 40, (1 << 16) | 10]
    (sequence / "velodyne" / "000000.bin").write_bytes(kitti.serialize(small_cloud(4)))
    (sequence / "labels" / "000000.label").write_bytes(np.array(packed, dtype="<u4").tobytes())
    (sequence / "velodyne" / "000001.bin").write_bytes(kitti.serialize(small_cloud(4)))
    (scan,) = open_cloud_dataset("semantickitti", tmp_path).scans
    assert scan.scan_id == "08/000000"
    assert scan.load().instance.tolist() == [1, 2, 0, 1]


def test_kitti360_takes_the_objects_of_agile3ds_list(tmp_path):
    (tmp_path / "scans").mkdir()
    columns = {"x": [0, 1, 2], "y": [0, 0, 0], "z": [0, 0, 0], "R": [9, 9, 9], "G": [8, 8, 8], "B": [7, 7, 7]}
    labels = {"label": np.array([0.0, 12.0, 3.0], dtype=np.float32)}
    fields = {name: np.array(values, dtype="f4") for name, values in columns.items()} | labels
    cloud = Cloud(np.zeros((3, 3), np.float32) + np.arange(3)[:, None].astype(np.float32), fields=fields)
    own = {"format": "ply", "header": ply.Header(elements=[ply.Element("vertex", 3)]), "before": b"", "after": b""}
    (tmp_path / "scans" / "crop_a.ply").write_bytes(ply.serialize(Cloud(cloud.xyz, fields=fields, source=own)))
    (scan,) = open_cloud_dataset("kitti360", tmp_path).scans
    assert scan.load().instance.tolist() == [0, 12, 3]
    assert scan.load().rgb.tolist()[0] == [9, 8, 7]
    (tmp_path / "val_list.json").write_text(json.dumps({"crop_a_obj_1": {"obj": {"1": 12}, "clicks": {"1": 1}}}))
    (scan,) = open_cloud_dataset("kitti360", tmp_path).scans
    assert scan.objects == (12,)
    (tmp_path / "val_list.json").write_text(json.dumps({"crop_a_obj_1": {}}))
    with pytest.raises(FormatError, match="crop_a_obj_1"):
        open_cloud_dataset("kitti360", tmp_path)


def test_tabletop_scans_come_in_the_order_of_their_numbers_and_in_two_splits(tmp_path):
    for number in (2, 10, 36):
        np.savez(tmp_path / f"learn{number}.npz", xyz_tenth_mm=np.ones((3, 3), np.int16), instance=np.ones(3, np.uint8))
    assert [scan.scan_id for scan in open_cloud_dataset("tabletop", tmp_path).scans] == ["learn2", "learn10", "learn36"]
    assert [scan.scan_id for scan in open_cloud_dataset("tabletop", tmp_path, "validation").scans] == ["learn36"]
    np.testing.assert_allclose(open_cloud_dataset("tabletop", tmp_path).scans[0].load().xyz, 1e-4)


def test_a_folder_of_ones_own(tmp_path):
    write_cloud(tmp_path / "b.ply", small_cloud())
    write_cloud(tmp_path / "a.pcd", Cloud(small_cloud().xyz))
    (tmp_path / "notes.md").write_text("no cloud")
    first, second = open_cloud_dataset("clouds", tmp_path).scans
    assert (first.scan_id, second.scan_id) == ("a", "b")
    assert second.load().instance.tolist() == small_cloud().instance.tolist()
    with pytest.raises(InputError, match="no instance labels"):
        first.load()
    with pytest.raises(InputError, match="no splits"):
        open_cloud_dataset("clouds", tmp_path, "val")


@pytest.mark.parametrize("name", list(CLOUD_DATASETS))
def test_an_empty_folder_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="holds no scan"):
        open_cloud_dataset(name, tmp_path)
