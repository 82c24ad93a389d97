"""Volumes: slices are turned for the eye, geometry comes back, masks go into the right voxels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.spatial.volumes import ROTATION, affine_of, small_volume

from clickmask.core.errors import InputError
from clickmask.core.window import Window
from clickmask.spatial.segments import LabelVolume, Segment
from clickmask.spatial.volume import Plane, Volume, lps, rendered, same_grid

places = st.fixed_dictionaries(
    {
        "order": st.permutations([0, 1, 2]),
        "signs": st.tuples(*[st.sampled_from([-1, 1])] * 3),
        "spacing": st.tuples(*[st.floats(0.2, 8)] * 3),
        "origin": st.tuples(*[st.floats(-300, 300)] * 3),
    }
)
TOWARDS = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "I": (2, -1), "S": (2, 1)}


@given(places, st.sampled_from(list(Plane)), st.data())
def test_the_sides_are_where_they_are_named(place, plane, data):
    volume = small_volume(**place)
    slicing = volume.slicing(plane)
    left, right, top, bottom = slicing.sides
    height, width = slicing.size_hw
    index, row, column = (data.draw(st.integers(0, n - 1)) for n in (slicing.count, height, width))

    def world(row, column):
        return (volume.affine_ras @ [*slicing.voxel(index, row, column), 1])[:3]

    for start, end, side in (((row, width - 1), (row, 0), left), ((row, 0), (row, width - 1), right)):
        axis, sign = TOWARDS[side]
        assert np.sign((world(*end) - world(*start))[axis]) == sign
    for start, end, side in (((height - 1, column), (0, column), top), ((0, column), (height - 1, column), bottom)):
        axis, sign = TOWARDS[side]
        assert np.sign((world(*end) - world(*start))[axis]) == sign
    steps = [np.linalg.norm(world(1, 0) - world(0, 0)), np.linalg.norm(world(0, 1) - world(0, 0))]
    np.testing.assert_allclose(steps, slicing.spacing_hw)


@given(places, st.sampled_from(list(Plane)), st.data())
def test_pixels_and_voxels_name_the_same_value(place, plane, data):
    volume = small_volume(**place)
    slicing = volume.slicing(plane)
    index, row, column = (data.draw(st.integers(0, n - 1)) for n in (slicing.count, *slicing.size_hw))
    i, j, k = slicing.voxel(index, row, column)
    assert slicing.take(volume.voxels, index)[row, column] == volume.voxels[k, j, i]
    assert slicing.pixel((i, j, k)) == (index, row, column)


def test_radiologists_see_the_right_side_at_the_left():
    slicing = small_volume(signs=(-1, -1, 1)).slicing(Plane.AXIAL)  # the usual DICOM: columns to the left, rows back
    assert slicing.sides == ("R", "L", "A", "P")
    assert (slicing.flip_rows, slicing.flip_columns) == (False, False)
    assert small_volume(signs=(1, 1, 1)).slicing(Plane.AXIAL).flip_columns


def test_an_oblique_volume_is_cut_along_its_own_axes():
    affine = affine_of((1, 1, 3))
    affine[:3, :3] = ROTATION @ affine[:3, :3]
    slicing = Volume(np.zeros((3, 4, 5)), affine).slicing(Plane.CORONAL)
    assert slicing.axes == (1, 0, 2)
    assert slicing.aspect == pytest.approx(3)


def test_the_plane_of_recording():
    assert small_volume(spacing=(0.5, 0.5, 5)).acquired_plane() == Plane.AXIAL
    assert small_volume(spacing=(5, 0.5, 0.5)).acquired_plane() == Plane.SAGITTAL
    assert small_volume(spacing=(0.5, 5, 0.5)).acquired_plane() == Plane.CORONAL


def test_labels_are_written_where_the_slice_was():
    volume = small_volume(signs=(1, 1, 1), order=(1, 2, 0))
    slicing = volume.slicing(Plane.SAGITTAL)
    mask = slicing.take(volume.voxels, 1) > 0
    labels = np.zeros(volume.shape_zyx, np.uint8)
    slicing.put(labels, 1, mask, 3)
    assert np.array_equal(slicing.take(labels, 1) == 3, mask)
    assert (labels == 3).sum() == mask.sum()


def test_a_slice_is_drawn_through_its_window():
    volume = Volume(np.array([[[0, 5, 10]]], np.int16), affine_of(), inverted=True)
    picture = rendered(volume, volume.slicing(Plane.AXIAL), 0, Window.of_range(0, 10))
    assert picture[0, :, 0].tolist() == [255, 128, 0]
    assert picture.flags.c_contiguous


@pytest.mark.parametrize(
    ("affine", "text"),
    [
        (np.eye(3), "finite"),
        (np.full((4, 4), np.nan), "finite"),
        (np.diag([1, 0, 1, 1.0]), "span space"),
        (np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "span space"),
    ],
)
def test_affines_that_are_none(affine, text):
    with pytest.raises(InputError, match=text):
        Volume(np.zeros((2, 2, 2)), affine)


@pytest.mark.parametrize("voxels", [np.zeros((2, 2)), np.zeros((0, 2, 2)), np.zeros((2, 2, 2), complex)])
def test_arrays_that_are_no_volume(voxels):
    with pytest.raises(InputError, match="real numbers"):
        Volume(voxels, np.eye(4))


def test_no_such_slice():
    volume = small_volume()
    with pytest.raises(InputError, match="0 to 3, got 4"):
        volume.slicing(Plane.AXIAL).take(volume.voxels, 4)


def test_lps_is_its_own_inverse_and_grids_are_compared():
    affine = affine_of((0.7, 0.7, 2.0))
    np.testing.assert_array_equal(lps(lps(affine)), affine)
    moved = affine.copy()
    moved[0, 3] += 0.0005
    assert same_grid(affine, moved, (10, 10, 10))
    moved[0, 3] += 0.01
    assert not same_grid(affine, moved, (10, 10, 10))


def test_segments_get_names_numbers_and_the_smallest_type():
    volume = small_volume()
    labels = np.zeros(volume.shape_zyx, np.int32)
    labels[0, 0, 0], labels[1, 1, 1] = 2, 7
    made = LabelVolume.of(volume, labels, [Segment(2, "liver")])
    assert made.labels.dtype == np.uint8
    assert [(s.number, s.label) for s in made.segments] == [(2, "liver"), (7, "object 7")]
    labels[0, 0, 0] = 300
    assert LabelVolume.of(volume, labels).labels.dtype == np.uint16
    for wrong in (labels - 1, labels[:1], labels.astype(float), labels * 1000):
        with pytest.raises(InputError, match="Labels"):
            LabelVolume.of(volume, wrong)
    with pytest.raises(InputError, match="number of its own"):
        LabelVolume.of(volume, labels, [Segment(1), Segment(1)])
