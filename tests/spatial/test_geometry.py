"""Upright turns, voxel sizes and averages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.spatial.made_up import small_cloud

from clickmask.core.errors import InputError
from clickmask.spatial.cloud import Cloud, centred, check_xyz
from clickmask.spatial.grid import by_key
from clickmask.spatial.scale import SAMPLE, _nearest, _reach, suggest_voxel
from clickmask.spatial.upright import guess_up, turn_to_z, upright
from clickmask.spatial.voxels import voxelise


def floor_and_wall(rng, floor=3000, wall=2000):
    """A floor of 4 m and a wall at its end."""
    ground = np.stack([*rng.uniform(-2, 2, (2, floor)), rng.normal(0, 0.003, floor)], axis=1)
    upstanding = np.stack([rng.uniform(-2, 2, wall), np.full(wall, 2.0), rng.uniform(0, 2.5, wall)], axis=1)
    return np.concatenate([ground, upstanding])


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda v: np.linalg.norm(v) > 0.1))
def test_the_turn_is_a_rotation_that_takes_its_vector_up(vector):
    normal = np.array(vector) / np.linalg.norm(vector)
    turn = turn_to_z(normal)
    np.testing.assert_allclose(turn @ normal, [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(turn) == pytest.approx(1)


@settings(max_examples=10)
@given(st.floats(-15, 15), st.integers(0, 99))
def test_a_slanting_floor_becomes_level(degrees, seed):
    rng = np.random.default_rng(seed)
    angle = np.radians(degrees)
    slant = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    xyz = floor_and_wall(rng)
    turn = upright(xyz @ slant.T)
    assert np.ptp((xyz @ slant.T @ turn.T)[:3000, 2]) < 0.1


def test_a_larger_wall_is_not_taken_for_the_floor():
    xyz = floor_and_wall(np.random.default_rng(0), 800, 4000)
    np.testing.assert_allclose(upright(xyz)[2], [0, 0, 1], atol=0.05)


def test_without_a_plane_z_stays_up():
    xyz = np.random.default_rng(0).normal(size=(3000, 3))
    np.testing.assert_allclose(upright(xyz), np.eye(3))


def test_what_a_camera_saw_from_above_is_turned_by_its_table():
    rng = np.random.default_rng(0)
    table = np.stack([*rng.uniform(-0.5, 0.5, (2, 4000)), np.zeros(4000)], axis=1)
    box = rng.uniform([-0.1, -0.1, 0], [0.1, 0.1, 0.2], (500, 3))
    scene = np.concatenate([table, box])
    tilt = np.radians(55)  # the camera looks down at 55 degrees, x right, y down, z forward
    right, down = np.array([1.0, 0, 0]), np.array([0, -np.sin(tilt), -np.cos(tilt)])
    forward = np.cross(right, down)
    camera = (scene - [0, -0.6, 1.0]) @ np.stack([right, down, forward]).T
    assert camera[:, 2].min() > 0
    assert guess_up(camera)[0] == (0.0, -1.0, 0.0)
    level = camera @ upright(camera).T
    assert np.ptp(level[:4000, 2]) < 0.01
    assert level[4000:, 2].mean() > level[:4000, 2].mean()  # things stand on the table, not below it


def test_voxels_grow_with_the_scene_and_with_sparse_points():
    rng = np.random.default_rng(0)
    table, room = (rng.uniform(0, [w, w, w / 4], (60000, 3)) for w in (1.0, 4.0))
    assert 0.006 < suggest_voxel(table) < 0.06
    flat = [np.stack([*rng.uniform(0, w, (2, 90000)), np.zeros(90000)], axis=1) for w in (1.0, 4.0)]
    assert suggest_voxel(flat[0]) == pytest.approx(0.0096, abs=0.001)
    assert suggest_voxel(flat[1]) == pytest.approx(0.036, abs=0.001)
    sparse = np.stack([*rng.uniform(0, 40, (2, 8000)), np.zeros(8000)], axis=1)
    assert suggest_voxel(sparse) > 0.2
    assert suggest_voxel(room[:1]) > 0


def test_means_are_over_the_points_of_a_voxel():
    voxels = voxelise(np.array([[0.1, 0, 0], [0.9, 0, 0], [-0.5, 0, 0]]), 1.0)
    assert voxels.coords.tolist() == [[-1, 0, 0], [0, 0, 0]]
    assert voxels.counts.tolist() == [1, 2]
    np.testing.assert_allclose(voxels.mean(np.array([2.0, 4.0, 7.0])), [7, 3])
    np.testing.assert_allclose(voxels.mean(np.eye(3)), [[0, 0, 1], [0.5, 0.5, 0]])


def test_an_origin_is_taken_off_far_places_only():
    near, far = np.array([[1.0, 2, 3]]), np.array([[4e6, 5e6, 100.25], [4e6 + 1, 5e6, 100.5]])
    assert not centred(near)[1].any()
    xyz, origin = centred(far)
    np.testing.assert_array_equal(xyz.astype(np.float64) + origin, far)


def test_columns_must_be_as_long_as_the_cloud():
    with pytest.raises(InputError, match="'rgb'"):
        Cloud(small_cloud(4).xyz, np.zeros((3, 3), np.uint8))
    with pytest.raises(InputError, match="the first at row 1"):
        check_xyz(np.array([[0, 0, 0], [0, np.inf, 0]]))


@given(st.lists(st.integers(0, 2**32 - 1), max_size=60))
def test_the_order_by_key_is_the_stable_one(numbers):
    keys = np.array(numbers, dtype=np.int64)
    np.testing.assert_array_equal(by_key(keys), np.argsort(keys, kind="stable"))


@given(st.integers(0, 1000), st.sampled_from([1, 2, 50, 3000, 9000]), st.sampled_from([1.0, 0.05]))
@settings(max_examples=25)
def test_the_nearest_points_are_found_without_looking_at_all(seed, count, flat):
    rng = np.random.default_rng(seed)
    xyz = (rng.normal(size=(count, 3)) ** 3 * [1, 1, flat]).astype(np.float32)
    place = xyz[rng.integers(count)]
    near = _nearest(xyz, place, _reach(xyz[:: max(count // 200, 1)], place, count))
    away = np.abs(xyz - place).max(axis=1)
    wanted = np.sort(away)[:SAMPLE]
    np.testing.assert_array_equal(np.sort(np.abs(near - place).max(axis=1)), wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_near_zero_stay_as_they_are_and_far_ones_get_an_origin(dtype):
    near = np.array([[0, 1, 2], [-3, 4, 5]], dtype=dtype)
    kept, origin = centred(near)
    np.testing.assert_array_equal(kept, near)
    assert kept.dtype == np.float32 and not origin.any()
    far = near.astype(np.float64) + np.array([450_000.125, 5_400_000.5, 0])
    small, origin = centred(far)
    np.testing.assert_array_equal(small + origin, far)
    assert np.abs(small).max() < 10
