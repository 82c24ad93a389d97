"""Every format: what is written reads back, labels go into the same file and nothing else of it changes."""

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.spatial.made_up import small_cloud

from clickmask.core.errors import ClickmaskError, FormatError
from clickmask.formats.cloud_file import read_cloud, write_cloud
from clickmask.spatial import kitti, las, lzf, npz, pcd, ply, text
from clickmask.spatial.cloud import Cloud

PLY_BODY = np.array(
    [(1.5, 2, 3, 255, 0, 7, 0.25, 9), (4, 5, 6, 1, 2, 3, 0.5, 8)],
    dtype=[
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("red", "u1"),
        ("green", "u1"),
        ("blue", "u1"),
        ("q", "f4"),
        ("cls", "u2"),
    ],
)


def ply_bytes(layout: str) -> bytes:
    head = (
        f"ply\nformat {layout} 1.0\ncomment from a scanner\nelement vertex 2\nproperty double x\nproperty double y\n"
        "property double z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nproperty float q\n"
        "property ushort cls\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode()
    if layout == "ascii":
        return head + b"1.5 2 3 255 0 7 0.25 9\n4 5 6 1 2 3 0.5 8\n3 0 1 1\n"
    order = ">" if layout.endswith("big_endian") else "<"
    return head + PLY_BODY.astype(PLY_BODY.dtype.newbyteorder(order)).tobytes() + b"\x03" + b"\0" * 12


@pytest.mark.parametrize("layout", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_keeps_every_field_and_the_faces(layout):
    data = ply_bytes(layout)
    cloud = ply.parse(data)
    np.testing.assert_array_equal(cloud.xyz, [[1.5, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(cloud.rgb, [[255, 0, 7], [1, 2, 3]])
    assert cloud.fields["q"].tolist() == [0.25, 0.5]
    written = ply.serialize(cloud.with_labels(np.array([3, 0])))
    again = ply.parse(written)
    assert again.instance.tolist() == [3, 0]
    for name in PLY_BODY.dtype.names:
        np.testing.assert_array_equal(again.fields[name], PLY_BODY[name])
        assert again.fields[name].dtype == PLY_BODY[name].dtype
    assert b"comment from a scanner" in written
    assert b"property list uchar int vertex_indices" in written
    assert written.endswith(data[-13:] if layout != "ascii" else b"3 0 1 1\n")
    assert ply.serialize(cloud) == data


def test_ply_says_what_is_wrong():
    with pytest.raises(FormatError, match="cut short"):
        ply.parse(ply_bytes("binary_little_endian")[:-30])
    with pytest.raises(FormatError, match="no PLY file"):
        ply.parse(b"solid cube")
    with pytest.raises(FormatError, match="no 'vertex'"):
        ply.parse(b"ply\nformat ascii 1.0\nelement camera 0\nproperty float x\nend_header\n")


@given(st.binary(max_size=3000), st.integers(1, 40))
def test_lzf_gives_back_what_went_in(data, times):
    data = data * times
    assert lzf.decompress(lzf.compress(data), len(data)) == data


def test_lzf_reads_overlapping_references():
    # one literal 'a', then 5 bytes from one byte before: what is only now written is repeated
    assert lzf.decompress(bytes([0, ord("a"), 3 << 5, 0]), 6) == b"aaaaaa"
    with pytest.raises(FormatError, match="before their start"):
        lzf.decompress(bytes([0, ord("a"), 3 << 5, 9]), 6)


def pcd_cloud(layout: str) -> bytes:
    cloud = small_cloud(7)
    data = pcd.serialize(
        Cloud(cloud.xyz, cloud.rgb, fields={"hist:0": np.arange(7, dtype="f4"), "hist:1": np.ones(7, "f4")})
    )
    parsed = pcd.parse(data)
    return pcd.serialize(Cloud(**{**parsed.__dict__, "source": {**parsed.source, "layout": layout}}))


@pytest.mark.parametrize("layout", ["ascii", "binary", "binary_compressed"])
def test_pcd_keeps_every_field(layout):
    data = pcd_cloud(layout)
    cloud = pcd.parse(data)
    expected = small_cloud(7)
    np.testing.assert_array_equal(cloud.xyz, expected.xyz)
    if layout != "ascii":  # packed colours are no numbers: their text need not keep every bit
        np.testing.assert_array_equal(cloud.rgb, expected.rgb)
    again = pcd.parse(pcd.serialize(cloud.with_labels(np.arange(7))))
    assert again.instance.tolist() == list(range(7))
    assert again.fields["hist:0"].tolist() == list(range(7))
    assert b"COUNT 1 1 1 1 2" in data
    assert pcd.serialize(cloud) == data


def test_pcd_headers_that_promise_too_much_are_refused():
    for count in (99_999_999_999, 0, -3):
        with pytest.raises(FormatError, match="numbers a point"):
            pcd.parse(pcd_cloud("ascii").replace(b"COUNT 1 1 1 1 2", f"COUNT 1 1 1 1 {count}".encode()))


def test_archives_that_claim_more_than_memory_are_refused():
    head, archive = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (10**13, 3)})
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("xyz.npy", head.getvalue() + bytes(100))
    with pytest.raises(FormatError, match="larger than this machine can hold"):
        npz.parse(archive.getvalue())


@pytest.mark.parametrize("suffix", [".ply", ".pcd", ".npz", ".csv", ".las"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # coordinates and scales may be any numbers
def test_damaged_clouds_are_read_or_refused_in_words(tmp_path, suffix):
    if suffix == ".las":
        pytest.importorskip("laspy", reason="needs the las extra")
    rng = np.random.default_rng(8)
    write_cloud(tmp_path / f"whole{suffix}", small_cloud(7))
    whole = (tmp_path / f"whole{suffix}").read_bytes()
    words = [b"", b"0", b"-1", b"x", b"nan", b"1000000000000", b"\xff", b"\n"]
    for _ in range(120):
        place, cut = int(rng.integers(min(len(whole), 400))), int(rng.integers(3))
        damaged = whole[:place] + words[rng.integers(len(words))] + whole[place + cut :]
        (tmp_path / f"damaged{suffix}").write_bytes(damaged if rng.random() < 0.8 else damaged[: place + 1])
        try:
            read_cloud(tmp_path / f"damaged{suffix}")
        except ClickmaskError as error:
            assert len(str(error)) > 20


@pytest.mark.parametrize(("place", "kind"), [(100, "<I"), (107, "<I"), (243, "<I"), (247, "<Q")])
def test_las_headers_that_promise_too_much_are_refused_before_laspy_counts(place, kind):
    pytest.importorskip("laspy", reason="needs the las extra")
    data = bytearray(las.serialize(small_cloud(7), compressed=False))
    assert len(las.parse(bytes(data))) == 7
    struct.pack_into(kind, data, place, 2**32 - 1)
    with pytest.raises(FormatError, match="it is damaged"):
        las.parse(bytes(data))


def test_text_keeps_its_lines():
    data = b"x,y,z,intensity\n1.50,2,3,0.10\n4,5,6,0.20\n"
    cloud = text.parse(data)
    assert text.serialize(cloud.with_labels(np.array([1, 0]))) == (
        b"x,y,z,intensity,instance\n1.50,2,3,0.10,1\n4,5,6,0.20,0\n"
    )
    again = text.parse(text.serialize(cloud.with_labels(np.array([1, 0]))))
    assert again.instance.tolist() == [1, 0]
    assert text.serialize(again.with_labels(np.array([2, 2]))).endswith(b"4,5,6,0.20,2\n")


def test_text_columns_are_guessed():
    assert text.parse(b"0 0 0 1 0.5 0\n1 1 1 0 0 1\n").rgb.tolist() == [[255, 128, 0], [0, 0, 255]]
    pts = text.parse(b"2\n1 2 3 -500 10 20 30\n4 5 6 -20 1 2 3\n", pts=True)
    assert pts.rgb.tolist() == [[10, 20, 30], [1, 2, 3]]
    assert pts.fields["intensity"].tolist() == [-500, -20]
    with pytest.raises(FormatError, match="three numbers"):
        text.parse(b"1 2\n3 4\n")
    with pytest.raises(FormatError, match="no point"):
        text.parse(b"# nothing\n")


def test_kitti_labels_pack_instance_above_class():
    points = np.arange(8, dtype="<f4").tobytes()
    labels = np.array([5 << 16 | 10, 40], dtype="<u4").tobytes()
    cloud = kitti.parse(points, labels)
    assert cloud.instance.tolist() == [5, 0]
    assert cloud.fields["semantic"].tolist() == [10, 40]
    assert kitti.serialize(cloud) == points
    assert kitti.serialize_labels(cloud) == labels
    with pytest.raises(FormatError, match="65535"):
        kitti.serialize_labels(cloud.with_labels(np.array([70000, 0])))
    with pytest.raises(FormatError, match="16 bytes"):
        kitti.parse(points[:-1])


def test_npz_keeps_other_arrays_and_reads_tabletop_scans():
    cloud = small_cloud(5)
    own = npz.parse(npz.serialize(cloud))
    np.testing.assert_array_equal(own.xyz, cloud.xyz)
    np.testing.assert_array_equal(own.instance, cloud.instance)


def test_far_coordinates_keep_their_millimetres(tmp_path):
    places = np.array([[3_500_000.123, 5_400_000.456, 210.789], [3_500_001.0, 5_400_000.0, 211.0]])
    path = tmp_path / "utm.csv"
    path.write_text("x,y,z\n" + "\n".join(",".join(f"{v:.3f}" for v in row) for row in places))
    cloud = read_cloud(path)
    np.testing.assert_allclose(cloud.world_xyz, places, atol=1e-4)
    assert np.abs(cloud.xyz).max() < 10
    write_cloud(tmp_path / "utm.ply", cloud.with_labels(np.array([1, 2])))
    again = read_cloud(tmp_path / "utm.ply")
    np.testing.assert_allclose(again.world_xyz, places, atol=1e-4)


@pytest.mark.parametrize("suffix", [".ply", ".pcd", ".npz", ".xyz", ".csv"])
def test_any_format_takes_any_cloud(tmp_path, suffix):
    cloud = small_cloud()
    write_cloud(tmp_path / f"a{suffix}", cloud)
    again = read_cloud(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(again.xyz, cloud.xyz, atol=1e-6)
    np.testing.assert_array_equal(again.rgb, cloud.rgb)
    np.testing.assert_array_equal(again.instance, cloud.instance)


def test_unknown_suffixes_and_formats_without_labels_are_refused(tmp_path):
    with pytest.raises(FormatError, match=r"Known: \.ply"):
        read_cloud(tmp_path / "a.doc")
    with pytest.raises(FormatError, match=r"\.label file"):
        write_cloud(tmp_path / "a.bin", small_cloud())
    with pytest.raises(FormatError, match="no place for labels"):
        write_cloud(tmp_path / "a.e57", small_cloud())
    with pytest.raises(FormatError, match="no file"):
        read_cloud(tmp_path / "missing.ply")


def test_points_without_place_stay_but_are_far_away():
    data = ply.serialize(Cloud(np.array([[0, 0, 0], [1, 1, 1]], dtype=np.float32)))
    cloud = ply.parse(data.replace(np.float32(1).tobytes(), np.float32(np.nan).tobytes(), 1))
    assert len(cloud) == 2
    assert cloud.xyz[1].max() < -900


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_las_keeps_its_dimensions(tmp_path, suffix):
    laspy = pytest.importorskip("laspy", reason="needs the las extra")
    pytest.importorskip("lazrs", reason="needs the las extra")
    header = laspy.LasHeader(point_format=3, version="1.4")
    header.offsets, header.scales = [3_500_000, 5_400_000, 0], [0.001] * 3
    las = laspy.LasData(header)
    las.x, las.y, las.z = np.array([[3_500_000.5, 3_500_001.25], [5_400_000.125, 5_400_002], [1, 2]])
    las.intensity, las.red, las.green, las.blue = np.array([[7, 9], [257, 0], [0, 65535], [0, 514]])
    las.write(tmp_path / f"a{suffix}")
    cloud = read_cloud(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(cloud.world_xyz[:, 0], [3_500_000.5, 3_500_001.25])
    assert cloud.rgb.tolist() == [[1, 0, 0], [0, 255, 2]]
    write_cloud(tmp_path / f"b{suffix}", cloud.with_labels(np.array([4, 70000])))
    again = laspy.read(tmp_path / f"b{suffix}")
    assert again["instance"].tolist() == [4, 70000]
    assert again.intensity.tolist() == [7, 9]
    np.testing.assert_array_equal(again.X, las.X)


def test_e57_gives_world_coordinates(tmp_path):
    pye57 = pytest.importorskip("pye57", reason="needs the e57 extra")
    scan = {name: np.array([1.0, 2.0]) for name in ("cartesianX", "cartesianY", "cartesianZ")}
    file = pye57.E57(str(tmp_path / "a.e57"), mode="w")
    file.write_scan_raw(scan, translation=np.array([10.0, 0.0, 0.0]))
    file.close()
    cloud = read_cloud(tmp_path / "a.e57")
    np.testing.assert_allclose(cloud.world_xyz, [[11, 1, 1], [12, 2, 2]])
