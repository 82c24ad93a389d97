"""NIfTI: values, geometry, units and series in; labels out on the same grid, bit for bit."""

import contextlib
import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.volumes import nibabel, nifti_bytes
from tests.spatial.volumes import ROTATION, affine_of, small_volume

from clickmask.core.errors import FormatError
from clickmask.core.window import Window
from clickmask.formats import nifti
from clickmask.formats.volume_file import read_labels, read_volume, write_labels
from clickmask.formats.volume_limits import MAX_VOXELS_VARIABLE, gunzipped
from clickmask.spatial.segments import LabelVolume, Segment

ARRAY = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)  # x, y, z
AFFINE = affine_of((0.5, 0.75, 3))


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("packed", [False, True])
def test_values_and_geometry(kind, packed):
    data = nifti_bytes(ARRAY, AFFINE, kind=kind)
    volume = nifti.parse(gzip.compress(data) if packed else data)
    np.testing.assert_array_equal(volume.voxels, ARRAY.transpose(2, 1, 0))
    np.testing.assert_array_equal(volume.affine_ras, AFFINE)
    assert volume.voxels.dtype == np.int16
    assert volume.oriented
    assert volume.window is None


def test_big_endian_and_the_window_of_the_file():
    header = nibabel.Nifti1Header(endianness=">")
    header["cal_min"], header["cal_max"] = -50, 150
    image = nibabel.Nifti1Image(ARRAY.astype(">i2"), AFFINE, header)
    volume = nifti.parse(image.to_bytes())
    np.testing.assert_array_equal(volume.voxels, ARRAY.transpose(2, 1, 0))
    assert volume.window == Window.of_range(-50, 150)


@pytest.mark.parametrize(
    ("scaling", "wanted", "kind"),
    [
        ((2, -10), ARRAY * 2.0 - 10, np.int16),
        ((0.5, 3), ARRAY * 0.5 + 3, np.float32),
        ((1000, 5), ARRAY * 1000.0 + 5, np.int16),
        ((3000, 0), ARRAY * 3000.0, np.int32),
        ((0, 99), ARRAY, np.int16),
    ],
)
def test_scaling(scaling, wanted, kind):
    def change(header):
        header["scl_slope"], header["scl_inter"] = scaling

    volume = nifti.parse(nifti_bytes(ARRAY, AFFINE, change))
    np.testing.assert_allclose(volume.voxels, wanted.transpose(2, 1, 0))
    assert volume.voxels.dtype == kind


def test_the_qform_counts_where_there_is_no_sform_and_metres_become_millimetres():
    affine = AFFINE.copy()
    affine[:3, :3] = ROTATION @ affine[:3, :3]

    def change(header):
        header.set_qform(affine / [[1000], [1000], [1000], [1]], 1)
        header["sform_code"], header["xyzt_units"] = 0, 1

    volume = nifti.parse(nifti_bytes(ARRAY, AFFINE, change))
    np.testing.assert_allclose(volume.affine_ras, affine, atol=1e-4)


def test_without_codes_only_spacings_are_known():
    def change(header):
        header["sform_code"] = header["qform_code"] = 0
        header.set_zooms((0.5, 0.75, 3))

    volume = nifti.parse(nifti_bytes(ARRAY, AFFINE, change))
    assert volume.spacing_xyz == (0.5, 0.75, 3)
    assert not volume.oriented


def test_a_series_is_refused_until_one_is_chosen(tmp_path):
    path = tmp_path / "series.nii.gz"
    path.write_bytes(gzip.compress(nifti_bytes(np.stack([ARRAY, ARRAY + 100], axis=-1), AFFINE)))
    with pytest.raises(FormatError, match=r"series of 2 volumes \(2 x 3 x 4 x 2\).*--volume 0"):
        read_volume(path)
    np.testing.assert_array_equal(read_volume(path, number=1).voxels, ARRAY.transpose(2, 1, 0) + 100)
    with pytest.raises(FormatError, match="volumes 0 to 1; there is no volume 2"):
        read_volume(path, number=2)


def test_one_slice_is_a_volume():
    assert nifti.parse(nifti_bytes(ARRAY[:, :, 0], AFFINE)).shape_zyx == (1, 3, 2)


def headed(**fields):
    def change(header):
        for name, value in fields.items():
            header[name] = value

    return nifti_bytes(ARRAY, AFFINE, change)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "no NIfTI file"),
        (b"\x1f\x8b" + b"\0" * 400, "damaged"),
        (gzip.compress(b"x" * 3000), "no NIfTI file"),
        (nifti_bytes(ARRAY, AFFINE)[:360], "need 400"),
        (gzip.compress(nifti_bytes(ARRAY, AFFINE))[:-30], "end too early"),
        (headed(dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]), "million voxels"),
        (headed(dim=[3, -1, 3, 4, 1, 1, 1, 1]), "at least 1"),
        (headed(dim=[9, 1, 3, 4, 1, 1, 1, 1]), "9 axes"),
        (headed(vox_offset=float("nan")), "cannot be"),
        (headed(vox_offset=-400), "cannot be"),
        (headed(datatype=32), "no single real number"),
        (headed(datatype=77), "does not know"),
        (headed(magic=b"ni1"), "nib-convert"),
        (headed(magic=b"xyz"), "ANALYZE"),
        (headed(srow_x=[0, 0, 0, 0]), "span space"),
        (headed(srow_x=[float("nan")] * 4), "finite"),
        (headed(sform_code=0, qform_code=1, quatern_b=5), "damaged"),
    ],
)
def test_what_is_refused(data, text):
    with pytest.raises(FormatError, match=text):
        nifti.parse(data)


@settings(max_examples=40)
@given(st.data())
def test_damaged_headers_never_crash(data):
    good = bytearray(nifti_bytes(ARRAY, AFFINE))
    for _ in range(4):
        good[data.draw(st.integers(0, 351))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FormatError):
        nifti.parse(bytes(good))


def test_the_limit_can_be_raised_and_lowered(monkeypatch):
    monkeypatch.setenv(MAX_VOXELS_VARIABLE, "23")
    with pytest.raises(FormatError, match=f"{MAX_VOXELS_VARIABLE}=24"):
        nifti.parse(nifti_bytes(ARRAY, AFFINE))
    monkeypatch.setenv(MAX_VOXELS_VARIABLE, "many")
    with pytest.raises(FormatError, match="number of voxels"):
        nifti.parse(nifti_bytes(ARRAY, AFFINE))


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(headed(dim=[3, 4, 4, 4, 1, 1, 1, 1]) + b"\0" * 5_000_000)
    assert nifti.parse(bomb).shape_zyx == (4, 4, 4)
    assert len(gunzipped(bomb, 1000)) == 1000


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_labels_carry_the_source_geometry_bit_for_bit(tmp_path, kind):
    affine = AFFINE.copy()
    affine[:3, :3] = ROTATION @ affine[:3, :3] + 0.01  # a shear, which a qform cannot hold

    def change(header):
        header.set_sform(affine, 3)
        header.set_qform(AFFINE, 1)
        header["xyzt_units"], header["descrip"], header["scl_slope"] = 10, b"Jane Doe", 2

    source = tmp_path / "t1.nii"
    source.write_bytes(nifti_bytes(ARRAY, affine, change, kind))
    volume = read_volume(source)
    labels = (volume.voxels > 20).astype(np.int64) * 3
    made = LabelVolume.of(volume, labels, [Segment(3, "liver")])
    write_labels(tmp_path / "labels.nii.gz", made)
    before, after = nibabel.load(source), nibabel.load(tmp_path / "labels.nii.gz")
    assert type(before) is type(after)
    for name in ("srow_x", "srow_y", "srow_z", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "sform_code"):
        assert before.header[name].tobytes() == after.header[name].tobytes()
    np.testing.assert_array_equal(before.header["pixdim"][:4], after.header["pixdim"][:4])
    assert (int(after.header["qform_code"]), int(after.header["xyzt_units"])) == (1, 2)
    assert (int(after.header["intent_code"]), after.get_data_dtype()) == (1002, np.uint8)
    assert b"Doe" not in gzip.decompress((tmp_path / "labels.nii.gz").read_bytes())
    np.testing.assert_array_equal(np.asarray(after.dataobj).T, labels)
    assert json.loads((tmp_path / "labels.json").read_text()) == {"labels": {"3": "liver"}}
    back = read_labels(tmp_path / "labels.nii.gz", volume)
    np.testing.assert_array_equal(back.labels, labels)
    assert back.segments == (Segment(3, "liver"),)
    (tmp_path / "labels.json").write_text('{"labels": {"3": "x", "0": "none", "-1": "no", "4": 7}, "more": 1}')
    assert read_labels(tmp_path / "labels.nii.gz", volume).segments == (Segment(3, "x"),)
    (tmp_path / "labels.json").write_text('{"EchoTime": 0.1}')  # what other programs put beside a NIfTI file
    assert read_labels(tmp_path / "labels.nii.gz", volume).segments == (Segment(3, ""),)


@settings(max_examples=40)
@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1, 1])] * 3), st.tuples(*[st.floats(0.2, 8)] * 3))
def test_labels_of_a_volume_from_elsewhere_lie_where_it_lies(order, signs, spacing):
    volume = small_volume(order=order, signs=signs, spacing=spacing)
    labels = LabelVolume.of(volume, volume.voxels > 0)
    written = nibabel.Nifti1Image.from_bytes(nifti.serialize(labels, compressed=False))
    np.testing.assert_allclose(written.affine, volume.affine_ras, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(written.get_qform(), volume.affine_ras, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(np.asarray(written.dataobj).T, labels.labels)


def test_equal_labels_give_equal_files():
    labels = LabelVolume.of(small_volume(), small_volume().voxels > 0)
    assert nifti.serialize(labels) == nifti.serialize(labels)


def test_labels_must_be_labels_on_the_same_grid(tmp_path):
    volume = small_volume()
    for name, array, affine, text in (
        ("fractions", np.full((6, 5, 4), 0.5, np.float32), volume.affine_ras, "fractions"),
        ("moved", np.zeros((6, 5, 4), np.uint8), volume.affine_ras + np.eye(4)[:, [1, 2, 3, 0]] * 2, "another grid"),
        ("smaller", np.zeros((5, 5, 4), np.uint8), volume.affine_ras, "another grid"),
    ):
        path = tmp_path / f"{name}.nii"
        affine = affine.copy()
        affine[3] = [0, 0, 0, 1]
        path.write_bytes(nifti_bytes(array, affine))
        with pytest.raises(FormatError, match=text):
            read_labels(path, volume)
