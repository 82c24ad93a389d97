"""Samples, and a run from nothing to a model that answers clicks."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import clickmask
from clickmask.core.errors import RecipeError, WeightsError
from clickmask.train.clouds.command import CLOUD_RECIPES, export_cloud_run, is_cloud_run, overridden, train_clouds
from clickmask.train.clouds.random_samples import draw_random_sample
from clickmask.train.clouds.samples import SampleOptions, draw_sample
from clickmask.train.clouds.scenes import Scene, tabletop

TINY = {"network.widths": "[4, 6, 8]", "samples.depth": "3", "samples.most_voxels": "1500", "warmup": "5"}
TABLES = {"shares.scan": "0.0", "shares.room": "0", "shares.street": "0", "shares.tabletop": "1"}


def ball_on_floor() -> Scene:
    rng = np.random.default_rng(0)
    floor = np.stack([*rng.uniform(-1, 1, (2, 4000)), np.zeros(4000)], axis=1)
    way = rng.normal(size=(800, 3))
    ball = way / np.linalg.norm(way, axis=1, keepdims=True) * 0.1 + [0, 0, 0.1]
    xyz = np.concatenate([floor, ball]).astype(np.float32)
    instance = np.repeat(np.array([0, 1], dtype=np.int32), [4000, 800])
    return Scene(xyz, np.full((4800, 3), 99, np.uint8), instance, (0,), 0.02, "tabletop")


def test_a_sample_asks_for_a_thing_and_begins_with_a_click_on_it():
    options = SampleOptions(surroundings=0.0)
    for seed in range(20):
        sample = draw_sample(ball_on_floor(), options, np.random.default_rng(seed))
        assert sample is not None
        assert len(sample.share) <= options.most_voxels
        assert sample.channels().shape == (len(sample.share), 14)
        places = sample.features.places
        nearest = [int(np.linalg.norm(places - click, axis=1).argmin()) for click in sample.positive]
        assert sample.truth[nearest].all()
        assert sample.previous is None and sample.channels()[:, 13].max() == 0


def test_the_next_click_is_where_the_answer_is_wrong():
    rng = np.random.default_rng(1)
    sample = draw_sample(ball_on_floor(), SampleOptions(surroundings=0.0), rng)
    sample.rounds = 9
    clicks = len(sample.positive), len(sample.negative)
    assert sample.advance(np.ones(len(sample.share), dtype=np.float32), rng)  # everything answered: too much
    assert (len(sample.positive), len(sample.negative)) == (clicks[0], clicks[1] + 1)
    place = int(np.linalg.norm(sample.features.places - sample.negative[-1], axis=1).argmin())
    assert not sample.truth[place]
    assert sample.advance(np.zeros(len(sample.share), dtype=np.float32), rng)  # nothing answered: too little
    assert len(sample.positive) == clicks[0] + 1
    assert not sample.advance(sample.truth.astype(np.float32), rng)  # nothing is wrong any more
    assert sample.channels()[:, 13].min() == 1


def test_colour_is_dropped_with_its_flag():
    drawn = [draw_sample(ball_on_floor(), SampleOptions(no_colour=p), np.random.default_rng(2)) for p in (0.0, 1.0)]
    assert drawn[0].features.fixed[:, 3].min() == 1
    assert not drawn[1].features.fixed[:, :4].any()


def test_random_clicks_lie_in_the_box_round_the_object():
    scene = ball_on_floor()
    for seed in range(20):
        sample = draw_random_sample(scene, SampleOptions(surroundings=0.0), np.random.default_rng(seed))
        rows = sample.channels()
        assert rows.shape == (len(sample.share), 5)
        on, off = rows[:, 3] > 0, rows[:, 4] > 0
        assert on.any() and off.any() and rows[:, 3:].max() <= 1
        reach = np.abs(sample.features.places[off][:, :2] * scene.voxel).max()
        assert reach < 0.1 * 1.4 + 3 * scene.voxel  # half the box, a fifth of its edge more, and the cube
        assert not sample.advance(sample.share, np.random.default_rng(0))


def test_a_run_learns_is_resumed_and_becomes_a_model(tmp_path):
    run = tmp_path / "run"
    seen: list[int] = []
    report = lambda step, steps, figures: seen.append(step)  # noqa: E731
    train_clouds("points", [], run, {**TINY, **TABLES, "steps": "6"}, threads=1, report=report)
    with pytest.raises(RecipeError, match="--resume"):
        train_clouds("points", [], run, {**TINY, "steps": "8"})
    outcome = train_clouds("points", [], run, {**TINY, **TABLES, "steps": "8"}, resume=True, report=report)
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8]
    assert outcome.steps == 8 and np.isfinite(outcome.loss)
    assert is_cloud_run(run) and not is_cloud_run(tmp_path)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == seen
    spec = export_cloud_run(run, tmp_path / "model", "mine")
    assert (spec.name, spec.method, spec.training["steps"]) == ("mine", "points", 8)
    scene = tabletop([], np.random.default_rng(0))
    masks = []
    for backend in ("onnx", "torch"):
        predictor = clickmask.load_cloud(str(tmp_path / "model"), backend=backend)
        predictor.set_cloud(scene.xyz, scene.rgb)
        predictor.add_click(100)
        masks.append(predictor.state.objects[1].logits.spread(len(scene.xyz)))
    np.testing.assert_allclose(*masks, atol=1e-3)
    assert isinstance(clickmask.load(str(tmp_path / "model")), clickmask.CloudPredictor)


def test_interobject3d_trains_and_looks_at_clouds_its_own_way(tmp_path):
    settings = {**TINY, **TABLES, "steps": "2"}
    train_clouds("interobject3d", [], tmp_path / "run", settings, threads=1)
    spec = export_cloud_run(tmp_path / "run", tmp_path / "model")
    assert spec.method == "interobject3d"
    assert spec.options["encoding"] == "cubes" and spec.options["force"] == 1.0
    scene = tabletop([], np.random.default_rng(0))
    predictor = clickmask.load_cloud(str(tmp_path / "model"))
    predictor.set_cloud(scene.xyz, scene.rgb)
    assert predictor.add_click(100)[100]  # a clicked point is on the object, whatever the network says


def test_fields_are_checked():
    recipe = CLOUD_RECIPES["points"]
    assert overridden(recipe, {"rate": "1", "samples.scale": "[1, 2]"}).samples.scale == (1.0, 2.0)
    for wrong, text in (("speed", "Known"), ("samples.speed", "Known")):
        with pytest.raises(RecipeError, match=text):
            overridden(recipe, {wrong: "1"})
    with pytest.raises(RecipeError, match="whole number"):
        overridden(recipe, {"steps": "1.5"})
    with pytest.raises(RecipeError, match="not a value"):
        overridden(recipe, {"steps": "many"})


def test_an_export_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no checkpoint"):
        export_cloud_run(tmp_path, tmp_path / "model")
