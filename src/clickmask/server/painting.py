"""The edit rules of the tools that change pixels themselves: brush, polygon, wand, shaping, splitting, combining.

Pure functions over values, like `edits`: a tool adds pixels that nobody else keeps, or takes pixels away. What it makes
of an object in progress is the mask that later prompts correct.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from clickmask.core.errors import ConflictError, InputError
from clickmask.core.lines import PointXy
from clickmask.core.masks import BoolMask, RunLengthMask, combined
from clickmask.core.prompts import MaskPrompt, Prompts
from clickmask.core.words import OBJECT, UNIT, words
from clickmask.server import ownership
from clickmask.server.benches import Bench
from clickmask.server.edits import difference, in_progress, taking, unlocked, with_mask
from clickmask.server.errors import NoChangeError
from clickmask.server.ownership import Objects
from clickmask.store.values import Edit, ObjectValue, Policy, StoredObject


def _minus(first: BoolMask, second: BoolMask) -> BoolMask:
    return first & ~second


COMBINERS: Mapping[str, tuple[str, Callable[[BoolMask, BoolMask], BoolMask]]] = {
    "merge": ("merged with", np.logical_or),
    "subtract": ("minus", _minus),
    "intersect": ("cut to", np.logical_and),
    "exclude": ("without what it shares with", np.logical_xor),
}
"""Operations of `combine` by name."""

DRAWN = ("step.draw", "{tool}, {pixels} {unit} on {class} #{object}")


def draw(
    objects: Objects,
    target: StoredObject | None,
    drawn: RunLengthMask,
    positive: bool,
    fresh: ObjectValue,
    names: tuple[str, str, str],
    policy: Policy,
) -> Edit:
    """Add drawn pixels to the object in progress (or a new one that begins as `fresh`), or take them away.

    Args:
        objects: on the image.
        target: the object, None for a new one.
        drawn: the pixels.
        positive: add them.
        fresh: what a new object begins as.
        names: kind of the step, name of the tool, name of the class.
        policy: on contested pixels.

    Raises:
        ConflictError: no object is in progress and there is nothing to take away from.
        NoChangeError: every pixel is as it should be already, or others keep it.
    """
    if target is None and not positive:
        raise ConflictError(
            words("refused.nothingToTakeFrom", "No object is in progress, so there is nothing to take away from.")
        )
    value = fresh if target is None else in_progress(target).value
    rule = np.logical_or if positive else _minus
    mask = _allowed(objects, target, combined(value.mask, drawn, rule), policy)
    kind, tool, class_name = names
    return _changed(target, value, mask, kind, DRAWN, class_name, tool=tool)


def redraw(
    objects: Objects, target: StoredObject, before: RunLengthMask, after: RunLengthMask, class_name: str, policy: Policy
) -> Edit:
    """Move an outline: only pixels between the old and the new one change."""
    value = in_progress(target).value
    without = combined(value.mask, combined(before, after, _minus), _minus)
    mask = _allowed(objects, target, combined(without, combined(after, before, _minus), np.logical_or), policy)
    return _changed(
        target,
        value,
        mask,
        "polygon",
        ("step.redraw", "outline moved, {pixels} {unit} on {class} #{object}"),
        class_name,
    )


def shape(
    objects: Objects,
    target: StoredObject,
    asked: tuple[str, float],
    bench: Bench,
    class_name: str,
    policy: Policy,
) -> Edit:
    """An operation of the bench, by its name and amount, on an object, finished or not."""
    value = unlocked(target).value
    operation, amount = asked
    if operation not in bench.shapers:
        known = ", ".join(bench.shapers)
        text = "'{operation}' does not work on {unit} here. What does: {known}."
        unit = words(f"unit.{bench.unit}", bench.unit)
        raise InputError(words("refused.noShape", text, operation=operation, unit=unit, known=known))
    name, shaper = bench.shapers[operation]
    shaped = shaper(value.mask, amount) if value.mask else value.mask
    mask = _allowed(objects, target, shaped, policy)
    if not mask:
        raise _nothing_left(target)
    tool = words(f"shape.{operation}", name)
    edit = _changed(target, value, mask, f"shape_{operation}", DRAWN, class_name, tool=tool)
    return taking(edit, objects, target.id, mask) if policy == "take" and value.phase == "finished" else edit


def split(
    objects: Objects, target: StoredObject, line_xy: Sequence[PointXy] | None, bench: Bench, class_name: str
) -> Edit:
    """Make several objects of one: its parts, or the pieces into which a line cuts it."""
    value = unlocked(target).value
    masks = bench.pieces(value.mask, line_xy)
    if len(masks) < 2:
        parts = "Object #{object} cannot be split: it has one part only."
        across = "Object #{object} cannot be split: the line does not run right across it."
        key, text = ("refused.onePart", parts) if line_xy is None else ("refused.notAcross", across)
        raise ConflictError(words(key, text, object=target.id))
    top = max(o.value.z for o in objects.values())
    new = [(None, _piece(value, mask, top + i)) for i, mask in enumerate(masks[1:], 1)]
    changes = ((target.id, with_mask(value, masks[0])), *new)
    values = {"class": class_name, "object": OBJECT, "count": len(masks)}
    return Edit("split", words("step.split", "{class} #{object} split into {count}", **values), changes)


def combine(
    objects: Objects,
    target: StoredObject,
    others: Sequence[StoredObject],
    operation: str,
    class_name: str,
    policy: Policy,
) -> Edit:
    """One of `COMBINERS` between an object and others; merged ones are gone afterwards, the rest stays as it is."""
    value = unlocked(target).value
    if not others or any(o.id == target.id for o in others):
        text = "Name at least one other object to combine #{object} with."
        raise ConflictError(words("refused.nothingToCombine", text, object=target.id))
    name, rule = COMBINERS[operation]
    mask = value.mask
    for other in others:
        mask = combined(mask, other.value.mask, rule)
    gone = [unlocked(o).id for o in others] if operation == "merge" else []
    left = {i: o for i, o in objects.items() if i not in gone}
    mask = _allowed(left, target, mask, policy)
    if not mask:
        raise _nothing_left(target)
    names = ", ".join(f"#{o.id}" for o in others)
    template = f"{{class}} #{{object}} {name} {{names}}, {{pixels}} {{unit}}"
    key = f"step.combine.{operation}"
    edit = _changed(
        target, value, mask, f"combine_{operation}", (key, template), class_name, always=bool(gone), names=names
    )
    return replace(edit, changes=(*edit.changes, *((i, None) for i in gone)))


def _piece(value: ObjectValue, mask: RunLengthMask, z: int) -> ObjectValue:
    """A piece that becomes an object of its own."""
    prompts = Prompts() if value.phase == "finished" else Prompts((MaskPrompt(mask, painted=True),))
    return replace(
        value,
        mask=mask,
        z=z,
        prompts=prompts,
        reopened=False,
        settled=True,
        ghosts=None,
        waiting=False,
        locked=False,
        review=None,
        reviewer="",
        note="",
    )


def _allowed(objects: Objects, target: StoredObject | None, mask: RunLengthMask, policy: Policy) -> RunLengthMask:
    """The mask without pixels that are new to the object and that others keep."""
    own = None if target is None else target.value.mask
    others = ownership.protected_by_others(objects, None if target is None else target.id, policy)
    return ownership.yielding(own, mask, others)


def _nothing_left(target: StoredObject) -> ConflictError:
    text = "That leaves nothing of object #{object}. Delete it if that is meant."
    return ConflictError(words("refused.nothingLeft", text, object=target.id))


def _changed(
    target: StoredObject | None,
    value: ObjectValue,
    mask: RunLengthMask,
    kind: str,
    named: tuple[str, str],
    class_name: str,
    *,
    always: bool = False,
    **further: str,
) -> Edit:
    """A step that gives an object another mask; `named` are the key and template of its name, see `words`."""
    if mask == value.mask and not always:
        text = "That changes nothing: all is so already, or other objects keep them."
        raise NoChangeError(words("refused.noChange", text))
    shown = {"pixels": difference(value.mask, mask), "unit": UNIT}
    values = {"class": class_name, "object": OBJECT, **shown, **further}
    object_id = None if target is None else target.id
    return Edit(kind, words(*named, **values), ((object_id, with_mask(value, mask)),))
