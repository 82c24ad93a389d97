"""NRRD: attached and detached, every encoding, what is refused; labels as Slicer reads them, checked with pynrrd."""

import bz2
import contextlib
import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.spatial.volumes import small_volume

from clickmask.core.errors import FormatError
from clickmask.formats import nrrd
from clickmask.formats.volume_file import read_labels, read_volume, write_labels
from clickmask.spatial.segments import LabelVolume, Segment

VALUES = np.arange(24, dtype="<i2").reshape(4, 3, 2)
PLACE = """space: left-posterior-superior
space directions: (0.5,0,0) (0,0.75,0) (0,0,3)
space origin: (1,2,3)
"""


def content(body=None, place=PLACE, encoding="raw", kind="short", sizes="2 3 4", extra="endian: little\n"):
    head = f"NRRD0004\n# comment\ntype: {kind}\ndimension: {len(sizes.split())}\nsizes: {sizes}\n{place}"
    return f"{head}encoding: {encoding}\n{extra}\n".encode() + (VALUES.tobytes() if body is None else body)


def read(tmp_path, data, name="v.nrrd"):
    path = tmp_path / name
    path.write_bytes(data)
    return read_volume(path)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("raw", VALUES.tobytes()),
        ("gzip", gzip.compress(VALUES.tobytes())),
        ("gz", gzip.compress(VALUES.tobytes()[:10]) + gzip.compress(VALUES.tobytes()[10:])),
        ("bzip2", bz2.compress(VALUES.tobytes())),
        ("text", " ".join(map(str, VALUES.ravel())).encode()),
    ],
)
def test_every_encoding(tmp_path, encoding, body):
    volume = read(tmp_path, content(body, encoding=encoding))
    np.testing.assert_array_equal(volume.voxels, VALUES)
    np.testing.assert_allclose(volume.affine_ras @ [1, 1, 1, 1], [-1.5, -2.75, 6, 1])
    assert volume.oriented


def test_big_endian_skips_and_windows_line_ends(tmp_path):
    body = b"skipped line\n??" + VALUES.astype(">i2").tobytes()
    data = content(body, extra="endian: big\nline skip: 1\nbyte skip: 2\n")
    head, _, rest = data.partition(b"\n\n")
    volume = read(tmp_path, head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + rest)
    np.testing.assert_array_equal(volume.voxels, VALUES)
    backwards = content(b"whatever" + VALUES.tobytes(), extra="endian: little\nbyte skip: -1\n")
    np.testing.assert_array_equal(read(tmp_path, backwards).voxels, VALUES)


def test_a_detached_header(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "v.raw").write_bytes(VALUES.tobytes())
    volume = read(tmp_path, content(b"", extra="endian: little\ndata file: raw/v.raw\n"), "v.nhdr")
    np.testing.assert_array_equal(volume.voxels, VALUES)


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.raw", "raw/../../secret.raw", "link.raw"])
def test_a_header_cannot_reach_out_of_its_folder(tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(VALUES.tobytes())
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    with pytest.raises(FormatError, match="outside the header's folder"):
        read(folder, content(b"", extra=f"endian: little\ndata file: {name}\n"), "v.nhdr")


def test_spacings_alone_name_no_sides(tmp_path):
    volume = read(tmp_path, content(place="spacings: 0.5 0.75 NaN\n"))
    assert volume.spacing_xyz == (0.5, 0.75, 1)
    assert not volume.oriented
    other = content(place=PLACE.replace("left-posterior-superior", "scanner-xyz"))
    assert not read(tmp_path, other).oriented


@pytest.mark.parametrize(("space", "corner"), [("RAS", [1, 2, 3]), ("left-anterior-superior", [-1, 2, 3])])
def test_spaces(tmp_path, space, corner):
    volume = read(tmp_path, content(place=PLACE.replace("left-posterior-superior", space)))
    assert volume.affine_ras[:3, 3].tolist() == corner


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "must begin with NRRD"),
        (b"NRRD0004\nnonsense\n\n", "not understood"),
        (b"NRRD0004\ntype: short\n\n", "lacks dimension, sizes, encoding"),
        (content(sizes="2 3"), "2 axes"),
        (content(sizes="2 3 4 1"), "4 axes"),
        (content(sizes="2 3 -4"), "whole number"),
        (content(sizes="2 3 0"), "at least 1"),
        (content(sizes="90000 90000 90000"), "million voxels"),
        (content(sizes="2 3 4").replace(b"dimension: 3", b"dimension: 4"), "3 sizes for the dimension '4'"),
        (content(kind="block"), "type 'block'"),
        (content(kind="bytes" * 100), "are not read"),
        (content(encoding="hex"), "encoding 'hex'"),
        (content(b"1 2 x", encoding="text"), "numbers as text"),
        (content(b"1 2 3", encoding="text"), "3 numbers"),
        (content(b"9e9 " * 24, encoding="text"), "outside -32768"),
        (content(b"12"), "need 48"),
        (content(gzip.compress(VALUES.tobytes())[:-20], encoding="gzip"), "end too early|damaged"),
        (content(b"BZh9 no", encoding="bzip2"), "damaged"),
        (content(extra="endian: middle\n"), "endian"),
        (content(extra="endian: little\nbyte skip: -3\n"), "byte skip"),
        (content(extra="endian: little\nkinds: vector domain domain\n"), "kind 'vector'"),
        (content(extra="endian: little\ndata file: LIST\n"), "list of data files"),
        (content(extra="endian: little\ndata file: gone.raw\n"), "There is no file"),
        (content(place=PLACE.replace("(0,0,3)", "none")), "vectors of three numbers"),
        (content(place=PLACE.replace("(0,0,3)", "(0,0,x)")), "no numbers"),
        (content(place=PLACE.replace("(0,0,3)", "(0,0,0)")), "span space"),
        (content(place=PLACE.replace("(0,0,3)", "(0,0,nan)")), "finite"),
        (content(place=PLACE.replace("left-posterior", "moon")), "space 'moon-superior'"),
        (content(place="spacings: 1 1\n"), "2 spacings"),
    ],
)
def test_what_is_refused(tmp_path, data, text):
    with pytest.raises(FormatError, match=text):
        read(tmp_path, data)


@settings(max_examples=40)
@given(st.data())
def test_damaged_headers_never_crash(tmp_path_factory, data):
    good = bytearray(content())
    for _ in range(4):
        good[data.draw(st.integers(0, len(good) - 49))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FormatError):
        read(tmp_path_factory.getbasetemp(), bytes(good))


def test_labels_keep_the_space_to_the_letter_and_slicer_finds_the_segments(tmp_path):
    pynrrd = pytest.importorskip("nrrd")
    volume = read(tmp_path, content(place=PLACE.replace("0.75", "0.7500000000000001")))
    labels = (volume.voxels > 11).astype(np.uint8) * 2
    write_labels(tmp_path / "l.seg.nrrd", LabelVolume.of(volume, labels, [Segment(1, "empty"), Segment(2, "leber\nä")]))
    array, header = pynrrd.read(str(tmp_path / "l.seg.nrrd"))
    np.testing.assert_array_equal(array.T, labels)
    assert b"(0.5,0,0) (0,0.7500000000000001,0) (0,0,3)" in (tmp_path / "l.seg.nrrd").read_bytes()
    assert header["space"] == "left-posterior-superior"
    assert (header["Segment1_Extent"], header["Segment1_LabelValue"]) == ("0 1 0 2 2 3", "2")
    assert header["Segment0_Extent"] == "0 -1 0 -1 0 -1"
    assert "Segment1_Name:=leber ä\n".encode() in (tmp_path / "l.seg.nrrd").read_bytes()
    back = read_labels(tmp_path / "l.seg.nrrd", volume)
    np.testing.assert_array_equal(back.labels, labels)
    told = [(s.number, s.name, s.colour_rgb) for s in back.segments]
    assert told == [(1, "empty", Segment(1).rgb), (2, "leber ä", Segment(2).rgb)]


def test_segments_that_make_no_sense_are_passed_over(tmp_path):
    strange = [
        "Segment0_LabelValue:=70000", "Segment1_LabelValue:=0", "Segment2_LabelValue:=-1",
        "Segment3_LabelValue:=3", "Segment3_Color:=nonsense", "Segment4_LabelValue:=3", "Segment4_Name:=twice",
    ]  # fmt: skip
    volume = read(tmp_path, content(place=PLACE))
    data = content(place="\n".join([PLACE.strip(), *strange]) + "\n", kind="uint8")
    (tmp_path / "l.seg.nrrd").write_bytes(data)
    found = {s.number: s for s in read_labels(tmp_path / "l.seg.nrrd", volume).segments}
    assert not {0, 70000} & set(found) and (found[3].name, found[3].colour_rgb) == ("", None)


@settings(max_examples=40)
@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1, 1])] * 3), st.tuples(*[st.floats(0.2, 8)] * 3))
def test_labels_of_any_volume_lie_exactly_where_it_lies(tmp_path_factory, order, signs, spacing):
    volume = small_volume(order=order, signs=signs, spacing=spacing)
    path = tmp_path_factory.getbasetemp() / "any.nrrd"
    path.write_bytes(nrrd.serialize(LabelVolume.of(volume, volume.voxels > 0)))
    again = nrrd.read(path)
    np.testing.assert_array_equal(again.affine_ras, volume.affine_ras)
    np.testing.assert_array_equal(again.voxels, volume.voxels > 0)


def test_spacings_without_a_space_are_kept(tmp_path):
    volume = read(tmp_path, content(place="spacings: 0.5 0.75 2\n"))
    again = tmp_path / "again.nrrd"
    again.write_bytes(nrrd.serialize(LabelVolume.of(volume, volume.voxels > 3)))
    assert read_volume(again).spacing_xyz == (0.5, 0.75, 2)
