"""The edit guarantee on random masks, answers, clicks and policies: thousands of cases, no model needed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from clickmask.core.edit import Asked, Edited, EditRules, Ground, accept, begin, correct

SIZE = (14, 17)
EIGHT = np.ones((3, 3))
RULES = EditRules(reach=4.0, radius=1.5)


class Case:
    """A random situation."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.base, self.answer = self.mask(), self.mask()
        self.protected = self.mask() & ~self.base if self.rng.random() < 0.7 else np.zeros(SIZE, dtype=bool)
        self.frozen = self.mask() if self.rng.random() < 0.3 else None
        image = self.rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8) if self.rng.random() < 0.5 else None
        self.ground = Ground(self.protected, self.frozen, image)
        self.limit = float(self.rng.choice([0.1, 0.5, 5.0]))
        self.rules = EditRules(largest_share=self.limit, reach=4.0, radius=1.5)

    def mask(self) -> np.ndarray:
        noise = cv2.blur(self.rng.normal(size=SIZE), (int(self.rng.integers(1, 6)),) * 2)
        return noise > noise[self.pixel()]

    def pixel(self) -> tuple[int, int]:
        return int(self.rng.integers(SIZE[0])), int(self.rng.integers(SIZE[1]))

    @property
    def free(self) -> np.ndarray:
        """Pixels that may turn on."""
        return ~self.protected if self.frozen is None else ~self.protected & ~self.frozen

    def asked(self) -> Asked:
        positive = bool(self.rng.random() < 0.5)
        points = tuple(dict.fromkeys(self.pixel() for _ in range(self.rng.integers(1, 4))))
        standing = [(*p, bool(self.base[p])) for p in (self.pixel() for _ in range(self.rng.integers(0, 4)))]
        inside = self.mask() if self.rng.random() < 0.2 else None
        return Asked(points, positive, inside, tuple(standing))


cases = st.integers(0, 2**32 - 1).map(Case)


def labelled_apart(case: Case, asked: Asked, edited: Edited) -> np.ndarray:
    """Union of the components that may be accepted, found in another way than the code finds them."""
    change = (case.base ^ case.answer) & (case.free | case.base)
    if case.frozen is not None:
        change &= ~case.frozen
    wanted = change & ~case.base if asked.positive else change & case.base
    labels, _ = ndimage.label(wanted, EIGHT)
    hit = {labels[p] for p in asked.points if wanted[p]}
    return np.isin(labels, list(hit)) & wanted if asked.inside is None else wanted & asked.inside


@settings(max_examples=1000)
@given(cases)
def test_a_nothing_changes_outside_the_accepted_components(case: Case) -> None:
    asked = case.asked()
    edited = correct(case.base, case.answer, asked, case.ground, case.rules)
    assert not (edited.accepted & ~labelled_apart(case, asked, edited)).any()
    assert ((edited.mask ^ case.base) == (edited.accepted ^ edited.obeyed)).all()
    # What a click had to take for itself lies within its reach.
    rows, columns = np.nonzero(edited.obeyed)
    for i, j in zip(rows, columns, strict=True):
        assert min(np.hypot(i - y, j - x) for y, x in asked.points) <= case.rules.reach
    for sign, changed in ((True, edited.mask & ~case.base), (False, case.base & ~edited.mask)):
        assert asked.positive is sign or not changed.any()


@settings(max_examples=1000)
@given(cases)
def test_c_protected_pixels_never_turn_on_and_frozen_ones_never_change(case: Case) -> None:
    for edited, base in (
        (correct(case.base, case.answer, case.asked(), case.ground, case.rules), case.base),
        (begin(case.answer, [case.asked(), case.asked()], case.ground, case.rules), np.zeros(SIZE, dtype=bool)),
    ):
        taken, _ = accept(edited.mask, edited.ghosts, None)
        for mask in (edited.mask, taken):
            assert not (mask & ~base & case.protected).any()
            assert case.frozen is None or not ((mask ^ base) & case.frozen).any()


@settings(max_examples=1000)
@given(cases)
def test_d_every_click_is_obeyed_at_its_own_pixel(case: Case) -> None:
    asked = case.asked()
    edited = correct(case.base, case.answer, asked, case.ground, case.rules)
    may = case.free | case.base if case.frozen is None else (case.free | case.base) & ~case.frozen
    for point in asked.points:
        assert edited.mask[point] == asked.positive or not may[point]
    touched = set(asked.points)
    for i, j, sign in asked.standing:
        overruled = (i, j) in touched or (asked.inside is not None and asked.inside[i, j])
        assert overruled or edited.mask[i, j] == sign
    # Ghosts never ask to undo a click.
    taken, _ = accept(edited.mask, edited.ghosts, None)
    for point in asked.points:
        assert taken[point] == edited.mask[point]


@settings(max_examples=600)
@given(cases)
def test_d_a_new_object_obeys_all_its_clicks_the_newest_first(case: Case) -> None:
    asked = [case.asked() for _ in range(3)]
    edited = begin(case.answer, asked, case.ground, case.rules)
    signs: dict[tuple[int, int], bool] = {}
    for one in asked:
        signs = {p: sign for p, sign in signs.items() if one.inside is None or not one.inside[p]}
        signs |= dict.fromkeys(one.points, one.positive)
    for point, sign in signs.items():
        assert edited.mask[point] == sign or not case.free[point]


@settings(max_examples=600)
@given(cases)
def test_large_components_wait_and_nothing_is_lost_by_it(case: Case) -> None:
    asked = Asked((case.pixel(),), bool(case.rng.random() < 0.5))
    edited = correct(case.base, case.answer, asked, case.ground, case.rules)
    whole = labelled_apart(case, asked, edited)
    limit = case.limit * case.base.sum()
    assert edited.waiting == bool(case.base.any() and whole.sum() > limit)
    assert edited.accepted.sum() <= limit or not case.base.any()
    if edited.waiting:
        assert not (edited.obeyed & ~whole).any()
        taken, left = accept(edited.mask, edited.ghosts, None)
        assert not left.any()
        assert (taken ^ case.base)[whole].all()


@settings(max_examples=300)
@given(cases)
def test_ghosts_are_what_the_answer_would_change_as_well(case: Case) -> None:
    edited = correct(case.base, case.answer, case.asked(), case.ground, case.rules)
    assert not (edited.ghosts & ~(case.base ^ case.answer)).any()
    assert not (edited.ghosts & (edited.mask ^ case.base)).any()
    labels, count = ndimage.label(edited.ghosts, EIGHT)
    if count:
        place = tuple(int(v) for v in np.argwhere(labels == 1)[0])
        one, left = accept(edited.mask, edited.ghosts, place)
        assert ((one ^ edited.mask) == (labels == 1)).all()
        assert (left == (labels > 1)).all()


def test_a_box_hands_over_its_inside_and_nothing_else() -> None:
    base, answer = np.zeros(SIZE, dtype=bool), np.zeros(SIZE, dtype=bool)
    base[2:8, 2:8], answer[4:12, 4:12] = True, True
    inside = np.zeros(SIZE, dtype=bool)
    inside[:, 5:] = True
    edited = correct(base, answer, Asked((), None, inside), Ground(np.zeros(SIZE, dtype=bool)), RULES)
    assert (edited.mask == np.where(inside, answer, base)).all()


def test_a_click_grows_over_even_ground_and_stops_at_an_edge() -> None:
    image = np.zeros((21, 21, 3), dtype=np.uint8)
    image[:, 13:] = 200
    nothing = np.zeros((21, 21), dtype=bool)
    edited = begin(nothing, [Asked(((10, 10),))], Ground(nothing, image=image), EditRules(reach=8.0, radius=1.0))
    assert edited.mask[10, 4] and not edited.mask[10, 14:].any()
    assert edited.mask.sum() > 30


@pytest.mark.parametrize("sign", [True, False])
def test_without_a_picture_a_disc_obeys(sign: bool) -> None:
    base = np.full(SIZE, not sign)
    edited = correct(base, base, Asked(((5, 5),), sign), Ground(np.zeros(SIZE, dtype=bool)), RULES)
    assert (edited.mask ^ base).sum() == 9
    assert edited.mask[5, 5] == sign
