"""DICOM series: order, geometry, values and what is refused; SEG objects back on the same grid."""

import contextlib

import numpy as np
import pytest
from tests.formats.volumes import dicom_slice, pydicom, stored, write_dicom, write_series

from clickmask.core.errors import FormatError
from clickmask.core.window import Window
from clickmask.formats import dicom, dicom_seg
from clickmask.formats.volume_file import is_volume, read_labels, read_volume, write_labels
from clickmask.spatial.segments import LabelVolume, Segment
from clickmask.spatial.volume import Plane


def test_slices_are_ordered_by_place_and_scaled(tmp_path):
    values = stored()
    volume = dicom.read(write_series(tmp_path / "ct", values))
    np.testing.assert_array_equal(volume.voxels, values.astype(np.int16) - 1024)
    assert volume.spacing_xyz == pytest.approx((0.5, 0.75, 2.5))
    np.testing.assert_allclose(volume.affine_ras @ [0, 0, 0, 1], [10, -20, 5, 1])
    np.testing.assert_allclose(volume.affine_ras @ [1, 1, 1, 1], [9.5, -20.75, 7.5, 1])
    assert (volume.modality, volume.window, volume.inverted) == ("CT", Window(40, 400), False)
    assert volume.slicing(Plane.AXIAL).sides == ("R", "L", "A", "P")


def test_a_sheared_stack_keeps_its_geometry(tmp_path):
    """A tilted gantry: slices lie evenly, each a little further back."""
    volume = dicom.read(write_series(tmp_path / "ct", stored(), step=(0.0, 0.5, 2.5)))
    np.testing.assert_allclose(volume.affine_ras @ [0, 0, 2, 1], [10, -21, 10, 1])


def test_bits_signs_and_monochrome1(tmp_path):
    values = np.array([[-5, 7], [2047, -2048]], np.int16)
    high = np.bitwise_and(values, 0x0FFF) | 0x5000  # an overlay above the twelve stored bits
    data = dicom_slice(
        high.astype(np.int16), (0, 0, 0), BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1"
    )
    data.RescaleIntercept = 0
    volume = read_volume(write_dicom(tmp_path / "one.dcm", data))
    np.testing.assert_array_equal(volume.voxels[0], values)
    assert volume.inverted


def test_slopes_may_differ_between_slices(tmp_path):
    """Positron emission: each slice has its own slope."""
    for number, slope in enumerate((0.5, 2)):
        data = dicom_slice(np.full((2, 2), 10, np.uint16), (0, 0, number), RescaleSlope=slope, RescaleIntercept=0)
        write_dicom(tmp_path / f"{number}", data)
    assert dicom.read(tmp_path).voxels[:, 0, 0].tolist() == [5, 20]


def test_a_radiograph_without_a_place(tmp_path):
    data = dicom_slice(
        stored()[0],
        (0, 0, 0),
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        PixelSpacing=None,
        WindowWidth=0,
    )
    data.ImagerPixelSpacing = [0.2, 0.1]
    volume = dicom.read(write_dicom(tmp_path / "x.dcm", data))
    assert volume.spacing_xyz[:2] == pytest.approx((0.1, 0.2))
    assert volume.slicing(Plane.AXIAL).sides == ()
    assert volume.window is None


def test_several_series_in_a_folder_must_be_chosen_from(tmp_path):
    write_series(tmp_path / "ct", stored())
    write_series(tmp_path / "ct", stored(seed=1), series="1.2.3.5", names=list("abcd"))
    (tmp_path / "ct" / "notes.txt").write_text("not DICOM")
    with pytest.raises(FormatError, match=r"2 series, not one.*--series UID:\n  1\.2\.3\.4  \(CT made up, 4 images\)"):
        dicom.read(tmp_path / "ct")
    chosen = read_volume(tmp_path / "ct", series="1.2.3.5")
    np.testing.assert_array_equal(chosen.voxels, stored(seed=1).astype(np.int16) - 1024)
    with pytest.raises(FormatError, match="no series 9"):
        read_volume(tmp_path / "ct", series="9")


def refused(tmp_path, match, **changes):
    write_series(tmp_path / "ct", stored(), **changes)
    with pytest.raises(FormatError, match=match) as error:
        dicom.read(tmp_path / "ct")
    assert "Doe" not in str(error.value)


def test_a_gap_is_refused_with_its_place(tmp_path):
    write_series(tmp_path / "ct", stored((5, 4, 4)))
    (tmp_path / "ct" / "003.dcm").unlink()
    with pytest.raises(FormatError, match=r"2\.5 mm apart, but 5 mm between 004\.dcm and 002\.dcm"):
        dicom.read(tmp_path / "ct")


def test_duplicates_are_refused_with_what_differs(tmp_path):
    write_series(tmp_path / "ct", stored())
    write_series(tmp_path / "ct", stored(), names=list("abcd"))
    with pytest.raises(FormatError, match=r"4 slices lie where another one lies.*One is a copy"):
        dicom.read(tmp_path / "ct")
    write_series(tmp_path / "ct", stored(), names=list("abcd"), EchoNumbers=2)
    with pytest.raises(FormatError, match="differ in EchoNumbers"):
        dicom.read(tmp_path / "ct")


def test_other_planes_sizes_colours_and_frames_are_refused(tmp_path):
    write_series(tmp_path / "a", stored())
    turned = dicom_slice(stored()[0], (0, 0, 0), ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    write_dicom(tmp_path / "a" / "z.dcm", turned)
    with pytest.raises(FormatError, match="different planes"):
        dicom.read(tmp_path / "a")
    write_dicom(tmp_path / "a" / "z.dcm", dicom_slice(stored()[0, :2], (0, 0, 0)))
    with pytest.raises(FormatError, match="different sizes"):
        dicom.read(tmp_path / "a")
    refused(tmp_path, "colour image", PhotometricInterpretation="RGB")
    refused(tmp_path, "many frames", NumberOfFrames=4)
    refused(tmp_path, "order is unknown", ImagePositionPatient=None)
    refused(tmp_path, "no direction", ImageOrientationPatient=[0, 0, 0, 0, 0, 0])
    refused(tmp_path, "scaled by 0", RescaleSlope=0)
    refused(tmp_path, "PixelSpacing of an image is not 2 finite", PixelSpacing=[1, 1, 1])


def test_a_syntax_that_nothing_here_decodes_names_the_remedy(tmp_path):
    data = dicom_slice(stored()[0], (0, 0, 0))
    data.PixelData = pydicom.encaps.encapsulate([data.PixelData])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = pydicom.uid.HTJ2KLossless
    with pytest.raises(FormatError, match="gdcmconv --raw"):
        dicom.read(write_dicom(tmp_path / "j.dcm", data))


def test_run_lengths_are_decoded(tmp_path):
    data = dicom_slice(stored()[0], (0, 0, 0))
    data.compress(pydicom.uid.RLELossless)
    np.testing.assert_array_equal(dicom.read(write_dicom(tmp_path / "r.dcm", data)).voxels[0] + 1024, stored()[0])


@pytest.mark.parametrize("cut", [140, 300, 700, -7])
def test_cut_files_are_refused(tmp_path, cut):
    path = write_dicom(tmp_path / "c.dcm", dicom_slice(stored()[0], (0, 0, 0)))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FormatError):
        read_volume(path)


def test_damaged_bytes_never_crash(tmp_path):
    rng = np.random.default_rng(0)
    path = write_dicom(tmp_path / "c.dcm", dicom_slice(stored()[0], (0, 0, 0)))
    good = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(60):
        bad = good.copy()
        bad[rng.integers(132, len(bad) - 60, 3)] = rng.integers(0, 256, 3)
        path.write_bytes(bad.tobytes())
        with contextlib.suppress(FormatError):
            read_volume(path)


def test_folders_and_files_are_known(tmp_path):
    write_series(tmp_path / "ct", stored(), names=list("abcd"))
    assert is_volume(tmp_path / "ct")
    assert is_volume(tmp_path / "ct" / "a")
    assert not is_volume(tmp_path)
    with pytest.raises(FormatError, match="no DICOM image"):
        read_volume(tmp_path)


@pytest.mark.parametrize("step", [(0.0, 0.0, 2.5), (0.0, 0.0, -2.5), (0.0, 0.5, 2.5)])
def test_a_segmentation_refers_to_the_series_and_lies_on_its_grid(tmp_path, step):
    highdicom = pytest.importorskip("highdicom")
    volume = read_volume(write_series(tmp_path / "ct", stored((5, 6, 4)), step=step))
    labels = np.zeros(volume.shape_zyx, np.uint8)
    labels[1:3, 2:4, 1:], labels[3, 0, 0] = 1, 5
    made = LabelVolume.of(volume, labels, [Segment(1, "liver", "default", (255, 0, 0)), Segment(5, "cyst")])
    write_labels(tmp_path / "seg.dcm", made)

    seg = highdicom.seg.segread(tmp_path / "seg.dcm")
    assert seg.SOPClassUID == dicom_seg.SEGMENTATION_STORAGE
    assert (seg.SegmentationType, seg.FrameOfReferenceUID, seg.StudyInstanceUID) == ("BINARY", "1.2.9", "1.2.3")
    assert [seg.get_segment_description(n).segment_label for n in (1, 2)] == ["liver", "cyst"]
    kinds = [seg.get_segment_description(n).algorithm_type.value for n in (1, 2)]
    assert kinds == ["SEMIAUTOMATIC", "MANUAL"]
    sources = {str(head.SOPInstanceUID): number for number, head in enumerate(volume.source["dicom"])}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        head = volume.source["dicom"][sources[source]]
        assert list(frame.PlanePositionSequence[0].ImagePositionPatient) == list(head.ImagePositionPatient)

    back = read_labels(tmp_path / "seg.dcm", volume)
    np.testing.assert_array_equal(back.labels, np.where(labels == 5, 2, labels))
    assert [segment.name for segment in back.segments] == ["liver", "cyst"]
    other = read_volume(write_series(tmp_path / "other", stored((5, 6, 4)), PixelSpacing=[1, 1]))
    with pytest.raises(FormatError, match="another grid"):
        read_labels(tmp_path / "seg.dcm", other)


def test_what_a_segmentation_cannot_be_written_of(tmp_path):
    volume = read_volume(write_series(tmp_path / "ct", stored()))
    empty = LabelVolume.of(volume, np.zeros(volume.shape_zyx, np.uint8), [Segment(1, "liver")])
    with pytest.raises(FormatError, match="No voxel is labelled"):
        write_labels(tmp_path / "seg.dcm", empty)
    heads = write_series(tmp_path / "bare", stored(), StudyInstanceUID=None)
    bare = read_volume(heads)
    with pytest.raises(FormatError, match="lack what DICOM SEG demands"):
        write_labels(tmp_path / "seg.dcm", LabelVolume.of(bare, np.ones(bare.shape_zyx, np.uint8)))
    assert not (tmp_path / "seg.dcm").exists()


def test_no_segmentation_at_all(tmp_path):
    volume = read_volume(write_series(tmp_path / "ct", stored()))
    with pytest.raises(FormatError, match="cannot be read as DICOM SEG"):
        read_labels(tmp_path / "ct" / "001.dcm", volume)
