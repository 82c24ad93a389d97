"""Made-up scenes hide what a scanner does not see; catalogues of furniture are read at their true size."""

import io
import zipfile

import numpy as np
import pytest
from tests.spatial.made_up import small_cloud

from clickmask.core.errors import FormatError, InputError
from clickmask.formats.cloud_file import write_cloud
from clickmask.spatial.cloud import Cloud
from clickmask.train.clouds import sources
from clickmask.train.clouds.furniture import CATALOGUE, Model, read_catalogues, read_obj
from clickmask.train.clouds.scanner import Scanner, scan, thinned
from clickmask.train.clouds.scenes import MAKERS, Parts
from clickmask.train.clouds.shapes import PRIMITIVES, Shape, box, turned_body


@pytest.mark.parametrize("kind", list(MAKERS))
def test_scenes_are_labelled_and_repeatable_without_any_model(kind):
    one, two = (MAKERS[kind]([], np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.xyz, two.xyz)
    assert one.kind == kind and one.voxel > 0
    assert one.xyz.dtype == np.float32 and np.isfinite(one.xyz).all()
    assert len(one.xyz) == len(one.instance) > 2000
    assert set(one.surroundings) <= set(range(one.instance.max() + 1))
    things = np.setdiff1d(np.unique(one.instance), one.surroundings)
    assert len(things) >= 1
    assert (one.rgb is None) == (kind == "street")


def test_the_back_of_a_box_is_not_seen():
    rng = np.random.default_rng(0)
    solid = box(np.array([1.0, 1.0, 1.0]), 0.02, rng)
    rows, places = scan(solid.xyz, np.array([[0.0, -3.0, 0.5]]), Scanner(noise=0.0), rng)
    behind = solid.xyz[:, 1] > 0.49
    assert np.isin(np.flatnonzero(behind), rows).mean() < 0.1  # points drawn at random leave a few holes to see through
    front = solid.xyz[:, 1] < -0.49
    assert np.isin(np.flatnonzero(front), rows).all()
    np.testing.assert_allclose(places, solid.xyz[rows], atol=1e-5)


def test_what_stands_behind_something_is_hidden():
    rng = np.random.default_rng(0)
    parts = Parts()
    near = parts.add(box(np.array([2.0, 0.1, 2.0]), 0.02, rng))
    far = parts.add(box(np.array([0.5, 0.1, 0.5]), 0.02, rng).moved(0, 2, 0.5))
    scene = parts.seen(np.array([[0.0, -2.0, 1.0]]), Scanner(), 0.01, rng)
    alone = Parts()
    alone.add(box(np.array([0.5, 0.1, 0.5]), 0.02, rng).moved(0, 2, 0.5))
    free = alone.seen(np.array([[0.0, -2.0, 1.0]]), Scanner(), 0.01, rng)
    assert (scene.instance == near).any()
    assert (scene.instance == far).sum() < 0.1 * len(free.xyz)


def test_thinning_leaves_one_point_a_cube():
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0, 1, (3000, 3)).astype(np.float32)
    kept = xyz[thinned(xyz, 0.25, rng)]
    cells = np.floor(kept / 0.25).astype(int)
    assert len(np.unique(cells, axis=0)) == len(kept) == 64


@pytest.mark.parametrize("make", [make for make, _ in PRIMITIVES], ids=lambda make: make.__name__)
def test_primitives_stand_on_the_ground_and_have_their_size(make):
    for seed in range(5):
        shape = make(0.5, 0.02, np.random.default_rng(seed))
        assert shape.xyz[:, 2].min() > -1e-3
        assert 0.02 < shape.extent.max() < 1.5
        assert shape.rgb.shape == shape.xyz.shape and shape.rgb.dtype == np.uint8


def test_points_lie_evenly_on_a_cone():
    cone = turned_body(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.01, np.random.default_rng(0))
    radius = np.linalg.norm(cone.xyz[:, :2], axis=1)
    assert (radius > np.sqrt(0.5)).mean() == pytest.approx(0.5, abs=0.02)  # half of a cone's surface lies outside


OBJ = "mtllib m.mtl\nv 0 0 0\nv 2 0 0\nv 2 4 0\nv 0 4 0\nusemtl red\nf 1/1 2/2 3/3 4/4\nusemtl blue\nf -4 -3 -2\n"
MTL = "newmtl red\nKd 1 0 0\nnewmtl blue\nKd 0 0 0.5\nmap_Kd pic.png\n"


def catalogue(folder, entry=""):
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (4, 4), (0, 200, 0)).save(picture, "PNG")
    text = f"id=x\nname#1=Board\ncategory#1=Office\nmodel#1=/a/m.obj\nwidth#1=50\ndepth#1=10\nheight#1=100\n{entry}"
    with zipfile.ZipFile(folder / "x.sh3f", "w") as archive:
        archive.writestr(CATALOGUE, text)
        archive.writestr("a/m.obj", OBJ)
        archive.writestr("a/m.mtl", MTL)
        archive.writestr("a/pic.png", picture.getvalue())


def test_polygons_become_fans_and_negative_numbers_count_back():
    mesh = read_obj(OBJ)
    assert mesh.corners.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    assert [mesh.names[i] for i in mesh.material] == ["red", "red", "blue"]
    assert mesh.library == "m.mtl"


def test_a_catalogue_gives_models_of_true_size_upright(tmp_path):
    catalogue(tmp_path)
    (model,) = read_catalogues(tmp_path)
    assert (model.name, model.category) == ("Board", "Office")
    assert not model.outdoors
    np.testing.assert_allclose(model.shape.extent, [0.5, 0.0, 1.0], atol=0.02)
    assert abs(model.shape.xyz[:, 2].min()) < 1e-6
    colours = {tuple(c) for c in model.shape.rgb.tolist()}
    assert colours == {(255, 0, 0), (0, 200, 0)}  # the picture's mean colour wins over Kd


def test_models_without_a_list_or_archive_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"No \.sh3f"):
        read_catalogues(tmp_path)
    (tmp_path / "x.sh3f").write_bytes(b"no archive")
    with pytest.raises(FormatError, match="furniture catalogue"):
        read_catalogues(tmp_path)


def test_every_tenth_model_is_held_out_and_the_cache_is_the_same(tmp_path, monkeypatch):
    shape = Shape(np.zeros((3, 3), np.float32), np.zeros((3, 3), np.uint8))
    models = [Model(str(i), "", shape) for i in range(25)]
    monkeypatch.setattr(sources, "read_catalogues", lambda path: models)
    folder, cache = tmp_path / "models", tmp_path / "cache.npz"
    folder.mkdir()
    (folder / "x.sh3f").write_bytes(b"")
    learn = sources.read_material([folder], cache)
    monkeypatch.setattr(sources, "read_catalogues", None)  # from now on the cache alone is read
    held = sources.read_material([folder], cache, held_out=True)
    assert [model.name for model in held.models] == ["0", "10", "20"]
    assert len(learn.models) == 22
    assert not {m.name for m in learn.models} & {m.name for m in held.models}
    np.testing.assert_array_equal(held.models[0].shape.xyz, shape.xyz)


def test_any_labelled_cloud_is_a_scan_to_learn_from(tmp_path):
    cloud = small_cloud(200)
    write_cloud(tmp_path / "a.ply", cloud)
    (scene,) = sources.read_material([tmp_path]).recorded
    assert scene.kind == "scan" and scene.surroundings == (0,)
    np.testing.assert_array_equal(scene.instance, cloud.instance)
    write_cloud(tmp_path / "b.ply", Cloud(cloud.xyz))
    with pytest.raises(InputError, match="no labels"):
        sources.read_material([tmp_path])
    with pytest.raises(InputError, match="There is no"):
        sources.read_material([tmp_path / "missing"])
