"""Samples, the conveyor that keeps them for several clicks, and what is held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch

from clickmask.core.errors import RecipeError
from clickmask.nn.method import Phase
from clickmask.train.augment import IGNORE
from clickmask.train.clicks import ClickRules
from clickmask.train.conveyor import Conveyor
from clickmask.train.held_out import names_digest, split
from clickmask.train.photos import IGNORE_ID, Encoded, Photo
from clickmask.train.recipe import Recipe
from clickmask.train.samples import DataRules, SampleMaker
from clickmask.train.validation import held_out_objects

from .made_up import shapes

PHASE = Phase(32, 8, 10)
RECIPE = Recipe("made-up", phases=(PHASE,), groups=4)


@dataclass(frozen=True, eq=False)
class InMemory:
    """A photograph source without files."""

    name: str
    ids: np.ndarray
    image: np.ndarray
    group: str = "mine"

    def decode(self, longest_side: int = 448) -> Photo:
        return Photo(self.name, self.group, self.image, self.ids.astype(np.uint16))


def photos(count: int = 4, group: str = "mine") -> list[InMemory]:
    return [InMemory(str(i), *reversed(shapes(i)), group) for i in range(count)]


def maker(seed: int = 0, rules: DataRules | None = None) -> SampleMaker:
    return SampleMaker(photos(), rules or DataRules(), seed)


def test_sample_is_determined_by_seed_and_number_alone() -> None:
    first, second = maker(), maker()
    for index in (5, 2, 9):
        second.sample(index, 32)  # what was drawn before does not matter
    for index in range(4):
        a, b = first.sample(index, 32), second.sample(index, 32)
        assert np.array_equal(a.image, b.image) and np.array_equal(a.label, b.label)
        assert a.start.clicks == b.start.clicks and np.array_equal(a.start.previous, b.start.previous)
    assert not np.array_equal(first.sample(0, 32).image, maker(seed=1).sample(0, 32).image)


def test_sample_shows_its_object_and_hides_the_others() -> None:
    drawn = [maker().sample(i, 64) for i in range(20)]
    assert all(np.count_nonzero(s.label == 1) >= 10 for s in drawn)
    assert {int(v) for s in drawn for v in np.unique(s.label)} <= {0, 1, IGNORE}
    assert all(s.image.shape == (64, 64, 3) and s.image.dtype == np.uint8 for s in drawn)


def test_ignored_pixels_reach_the_label_and_no_click() -> None:
    image, ids = shapes(0)
    ids = ids.astype(np.uint16)
    ids[:, 60:] = IGNORE_ID
    only = SampleMaker([InMemory("a", ids, image)], DataRules(), 0)
    drawn = [only.sample(i, 64) for i in range(40)]
    assert any((s.label == IGNORE).any() for s in drawn)
    for sample in drawn:
        assert all(sample.label[int(c.y), int(c.x)] != IGNORE for c in sample.start.clicks)


def test_few_usable_photographs_among_many_are_found() -> None:
    empty = [InMemory(f"empty{i}", np.zeros((72, 96)), shapes(i)[0]) for i in range(30)]
    mixed = SampleMaker([*empty, *photos(1)], DataRules(), 0)
    for index in range(20):
        mixed.sample(index, 32)


@pytest.mark.parametrize("value", [0, IGNORE_ID])
def test_photographs_without_any_object_are_refused(value: int) -> None:
    nothing = SampleMaker([InMemory("a", np.full((72, 96), value), shapes(0)[0])], DataRules(), 0)
    with pytest.raises(RecipeError, match=r"80 pixels.*longest_side"):
        nothing.sample(0, 32)


def test_one_photograph_is_enough() -> None:
    SampleMaker(photos(1), DataRules(), 0).sample(0, 32)


def test_sets_are_drawn_by_their_weights() -> None:
    sets = [*photos(8, "many"), *photos(1, "few"), *photos(2, "never")]
    rules = DataRules(weights=(("many", 1.0), ("few", 3.0), ("never", 0.0)))
    drawing = SampleMaker(sets, rules, 0)
    rng = np.random.default_rng(0)
    drawn = [drawing._draw_photo(drawing._names, drawing._chances, rng).group for _ in range(800)]
    assert "never" not in drawn and 0.7 < drawn.count("few") / 800 < 0.8
    with pytest.raises(RecipeError, match=r"data\.weights.*never"):
        SampleMaker(photos(2, "never"), rules, 0)


def test_decoded_photographs_are_kept_up_to_the_budget() -> None:
    first = photos(1)[0].decode()
    size = first.image.nbytes + first.ids.nbytes
    small = SampleMaker(photos(4), DataRules(), 0, cache_bytes=2 * size)
    for index in range(30):
        small.sample(index, 32)
    assert len(small._decoded) == 2
    same = maker().sample(31, 32)
    assert np.array_equal(same.image, small.sample(31, 32).image)


def test_others_draw_the_same_crops_with_their_own_clicks() -> None:
    first = maker()
    first.remember_crops(3)
    other = first.with_clicks(ClickRules(starts=(0.0, 1.0, 0.0, 0.0)))
    alone = maker(rules=DataRules(clicks=ClickRules(starts=(0.0, 1.0, 0.0, 0.0))))
    for index in range(6):
        mine, theirs, expected = (m.sample(index, 32) for m in (first, other, alone))
        assert np.array_equal(mine.image, theirs.image) and np.array_equal(mine.label, theirs.label)
        assert theirs.start.clicks == expected.start.clicks
    assert theirs.image is mine.image, "drawn once"
    assert len(first._crops) == 3


# The conveyor


def answer(conveyor: Conveyor, value: float = 0.0) -> None:
    batch = conveyor.batch()
    conveyor.advance(np.full((len(batch.ages), 32, 32), value, np.float32))


def filled(recipe: Recipe = RECIPE) -> Conveyor:
    conveyor = Conveyor(maker(), recipe, recipe.phases[0], 0)
    conveyor.fill()
    return conveyor


def test_batch_has_the_shapes_that_it_states() -> None:
    conveyor = filled()
    batch = conveyor.batch()
    conveyor.close()
    assert batch.images.shape == (8, 3, 32, 32) and batch.images.min() >= -1 and batch.images.max() <= 1
    assert batch.labels.shape == batch.previous.shape == (8, 1, 32, 32)
    assert set(batch.labels.unique().tolist()) <= {-1.0, 0.0, 1.0}
    assert set(batch.clicks[..., 2].unique().tolist()) <= {-1.0, 0.0, 1.0}


def test_samples_stay_for_their_life_and_get_the_click_that_the_answer_calls_for() -> None:
    conveyor = filled(replace(RECIPE, lives=(0.0, 0.0, 1.0)))
    first = conveyor.groups
    answer(conveyor)
    for before, after in zip(first, conveyor.groups, strict=True):
        assert after.number == before.number and after.age == 1
        assert not after.previous.any(), "the answer is the next previous mask"
        for old, new, label in zip(before.clicks, after.clicks, after.labels, strict=True):
            assert len(new) == len(old) + 1, "nothing was predicted, so the object is missed"
            assert new[-1].positive and label[int(new[-1].y), int(new[-1].x)] == 1
    answer(conveyor)
    answer(conveyor)
    assert [g.number for g in conveyor.groups] == [4, 5, 6, 7]
    conveyor.close()


def test_lives_follow_their_chances_and_ages_mix() -> None:
    conveyor = filled(replace(RECIPE, lives=(0.5, 0.0, 0.5)))
    lives, mixed = {}, 0
    for _ in range(60):
        lives |= {g.number: g.life for g in conveyor.groups}
        mixed += len({g.age for g in conveyor.groups}) > 1
        answer(conveyor)
    conveyor.close()
    assert set(lives.values()) == {1, 3}
    assert 0.3 < np.mean([life == 1 for life in lives.values()]) < 0.7
    assert mixed > 30


def test_conveyor_continues_from_its_state() -> None:
    recipe = replace(RECIPE, lives=(0.3, 0.3, 0.4), data=DataRules())
    unbroken = filled(recipe)
    for step in range(5):
        answer(unbroken, step / 10)
    state = unbroken.state()
    resumed = Conveyor(maker(), recipe, PHASE, 0)
    resumed.restore(state)
    for step in range(6):
        ours, theirs = resumed.batch(), unbroken.batch()
        for name in ("images", "labels", "previous", "clicks", "ages"):
            assert torch.equal(getattr(ours, name), getattr(theirs, name)), f"{name} at step {step}"
        answer(resumed, 0.7)
        answer(unbroken, 0.7)
    for conveyor in (resumed, unbroken):
        conveyor.close()


def test_long_lives_keep_the_newest_clicks_and_their_state() -> None:
    recipe = replace(RECIPE, lives=(0.0,) * 69 + (1.0,))
    conveyor = filled(recipe)
    for _ in range(60):
        answer(conveyor)
    again = Conveyor(maker(), recipe, PHASE, 0)
    again.restore(conveyor.state())
    assert [g.clicks for g in again.groups] == [g.clicks for g in conveyor.groups]
    assert max(len(c) for g in again.groups for c in g.clicks) == 48
    for one in (conveyor, again):
        one.close()


def test_iterative_training_rehearses_up_to_three_times() -> None:
    recipe = replace(RECIPE, clicks="iterative", phases=(Phase(32, 1, 40),))
    conveyor = filled(recipe)
    counts = []
    for _ in range(40):
        rehearsals = 0
        before = conveyor.groups[0]
        while conveyor.rehearsing:
            answer(conveyor)
            rehearsals += 1
        assert len(conveyor.groups) == 1 and conveyor.groups[0].number == before.number
        counts.append(rehearsals)
        answer(conveyor)
        assert conveyor.groups[0].number == before.number + 1
    conveyor.close()
    assert set(counts) == {0, 1, 2, 3}
    assert all(0.05 < counts.count(k) / 40 < 0.5 for k in range(4))


def test_failure_while_drawing_ahead_reaches_the_caller() -> None:
    nothing = SampleMaker([InMemory("a", np.zeros((72, 96)), shapes(0)[0])], DataRules(), 0)
    conveyor = Conveyor(nothing, RECIPE, PHASE, 0)
    with pytest.raises(RecipeError, match="masks empty"):
        conveyor.fill()
    conveyor.close()


# Held out


@pytest.mark.parametrize(("count", "held"), [(1, 0), (4, 0), (5, 1), (19, 1), (20, 2), (300, 30), (3000, 100)])
def test_one_in_ten_is_held_out(count: int, held: int) -> None:
    all_photos = [InMemory(str(i), np.zeros(1), np.zeros(1)) for i in range(count)]
    training, validation = split(all_photos, None, 100)
    assert (len(training), len(validation)) == (count - held, held)
    assert {id(p) for p in training} | {id(p) for p in validation} == {id(p) for p in all_photos}
    assert [p.name for p in split(all_photos, None, 100)[1]] == [p.name for p in validation]


def test_given_validation_data_spares_all_photographs() -> None:
    given = photos(2)
    training, validation = split(photos(20), given, 100)
    assert len(training) == 20 and validation == given


def test_digest_stands_for_names_and_order() -> None:
    assert names_digest(photos(3)) == names_digest(photos(3))
    assert len({names_digest(photos(3)), names_digest(photos(2)), names_digest(photos(3)[::-1])}) == 3


def test_validation_objects_are_the_same_each_time_and_different_from_each_other() -> None:
    first, again = (held_out_objects(photos(3), 20, DataRules()) for _ in range(2))
    assert [h.number for h in first][:3] == [0, 1, 2]
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first, again, strict=True))
    assert len({(h.number, h.mask.tobytes()) for h in first}) == len(first) > 3
    assert len(held_out_objects(photos(3), 2, DataRules())) == 2
    assert held_out_objects(photos(3), 0, DataRules()) == []


def test_two_images_of_one_name_are_two_photographs(tmp_path: Path) -> None:
    twins = [InMemory("x", ids, image) for image, ids in (shapes(0), shapes(1))]
    drawing = SampleMaker(twins, DataRules(), 0)
    rng = np.random.default_rng(0)
    seen = {drawing._draw_photo(["mine"], None, rng).image.tobytes() for _ in range(30)}
    assert len(seen) == 2


def encoded(number: int) -> Encoded:
    image, ids = shapes(number)
    files = [cv2.imencode(".png", array)[1].tobytes() for array in (image, ids)]
    return Encoded(f"photo {number}", "made", *files)


@pytest.mark.slow
def test_worker_processes_draw_the_same_groups() -> None:
    drawing = SampleMaker([encoded(n) for n in range(4)], DataRules(), 0)
    one, two = (Conveyor(drawing, RECIPE, PHASE, 0, workers) for workers in (1, 2))
    try:
        one.fill()
        two.fill()
        for step in range(5):
            for name in ("images", "labels", "previous", "clicks", "ages"):
                assert torch.equal(getattr(one.batch(), name), getattr(two.batch(), name)), f"{name} at step {step}"
            answer(one, step / 10)
            answer(two, step / 10)
    finally:
        one.close()
        two.close()
