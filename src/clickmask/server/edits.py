"""The edit rules: what each command makes of the objects on an image. Pure functions over values.

The promise: a finished object never changes unless the person changes that very object. A new object yields
contested pixels to finished ones, unless the project's policy says otherwise (see `ownership`); a re-opened object
goes on owning its pixels until it is finished again. A locked object is not changed at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from clickmask.core.errors import ConflictError, PromptError
from clickmask.core.masks import RunLengthMask, combined
from clickmask.core.prompts import Box, Click, Lasso, MaskPrompt, Prompt, Prompts, Scribble
from clickmask.core.words import OBJECT, UNIT, Words, words
from clickmask.server import ownership
from clickmask.server.benches import Bench
from clickmask.server.errors import LockedError, ProtectedError
from clickmask.server.ownership import Objects
from clickmask.store.values import Edit, ObjectValue, Policy, Settled, StoredObject


def add_prompt(
    objects: Objects,
    target: StoredObject | None,
    prompt: Click | Box | Scribble | Lasso,
    fresh: ObjectValue,
    class_name: str,
    policy: Policy = "yield",
) -> Edit:
    """A prompt on the object in progress, or on a new one that begins as `fresh`.

    Raises:
        PromptError: a new object begins with something negative.
        ProtectedError: a positive click on a pixel that another object keeps.
        ConflictError: the object is finished.
    """
    value = fresh if target is None else in_progress(target).value
    if target is None and not isinstance(prompt, Box) and not prompt.positive:
        raise PromptError(
            words(
                "refused.beginPositive", "A new object begins with a positive click or a box; no object is in progress."
            )
        )
    if isinstance(prompt, Click) and prompt.positive:
        _check_free(objects, None if target is None else target.id, prompt, policy)
    prompts = value.prompts.add(prompt)
    name = prompt_name(prompts, prompt)
    changed = replace(value, prompts=prompts, settled=False, ghosts=None, waiting=False)
    label = words("step.prompt", "{prompt} on {class} #{object}", **_about(class_name), prompt=name)
    return _edit(target, changed, type(prompt).__name__.lower(), label)


def remove_prompt(target: StoredObject, index: int, class_name: str) -> Edit:
    """Take one prompt back; taking the last one back removes an object that never had a finished mask."""
    value = in_progress(target).value
    if not 0 <= index < len(value.prompts):
        text = "Object #{object} has {count} prompts, there is no number {index}."
        raise PromptError(words("refused.noPrompt", text, object=target.id, count=len(value.prompts), index=index))
    gone = value.prompts.items[index]
    if isinstance(gone, MaskPrompt):
        text = "The mask that a correction began with cannot be taken back. Discard the correction instead."
        raise ConflictError(words("refused.baseStays", text))
    left = Prompts(value.prompts.items[:index] + value.prompts.items[index + 1 :])
    if any(isinstance(p, MaskPrompt) for p in value.prompts.items[index:]):
        text = "That prompt is part of a mask that was changed after it. Undo goes back that far."
        raise ConflictError(words("refused.promptMerged", text))
    name = prompt_name(value.prompts, gone)
    label = words("step.removePrompt", "{prompt} taken back from {class} #{object}", **_about(class_name), prompt=name)
    asked_again = replace(value, prompts=left, settled=False, ghosts=None, waiting=False)
    changed = asked_again if left.items else None
    return _edit(target, changed, "remove_prompt", label)


def set_mask(
    objects: Objects, target: StoredObject, mask: RunLengthMask, class_name: str, policy: Policy = "yield"
) -> Edit:
    """Give the object in progress a mask; later clicks correct it."""
    value = in_progress(target).value
    kept = ownership.yielding(value.base, mask, ownership.protected_by_others(objects, target.id, policy))
    label = words("step.setMask", "mask of {class} #{object} set", **_about(class_name))
    return _edit(target, with_mask(value, kept), "set_mask", label)


def accept_ghosts(target: StoredObject, at_xy: tuple[float, float] | None, bench: Bench, class_name: str) -> Edit:
    """Take what the model would change as well, all of it or the part at a point."""
    value = in_progress(target).value
    if value.ghosts is None:
        text = "Nothing is proposed for object #{object}. Click on it first."
        raise ConflictError(words("refused.nothingProposed", text, object=target.id))
    taken = value.ghosts if at_xy is None else bench.part_at(value.ghosts, *at_xy)
    if at_xy is not None and not taken:
        text = "Nothing is proposed at ({x}, {y})."
        raise ConflictError(words("refused.nothingProposedAt", text, x=f"{at_xy[0]:g}", y=f"{at_xy[1]:g}"))
    mask = combined(value.mask, taken, np.logical_xor)
    left = combined(value.ghosts, taken, np.logical_xor)
    changed = replace(with_mask(value, mask), ghosts=left or None)
    text = "proposal accepted, {pixels} {unit} on {class} #{object}"
    label = words("step.accept", text, **_about(class_name), pixels=difference(value.mask, mask), unit=UNIT)
    return _edit(target, changed, "accept", label)


def set_threshold(target: StoredObject, threshold: float, answer: Settled, class_name: str) -> Edit:
    """Show the object at another threshold."""
    value = in_progress(target).value
    changed = replace(
        value, threshold=threshold, mask=answer.mask, ghosts=answer.ghosts, waiting=answer.waiting, settled=True
    )
    text = "threshold {value}, {pixels} {unit} on {class} #{object}"
    shown = {"value": f"{threshold:.2f}", "pixels": difference(value.mask, answer.mask), "unit": UNIT}
    return _edit(target, changed, "threshold", words("step.threshold", text, **_about(class_name), **shown))


def other_mask(target: StoredObject, answer: Settled, name: str, threshold: float | None, class_name: str) -> Edit:
    """Show another of the masks that the prompts may mean."""
    value = in_progress(target).value
    changed = replace(value, mask=answer.mask, ghosts=answer.ghosts, waiting=answer.waiting, threshold=threshold)
    label = words("step.nextMask", "{mask} on {class} #{object}", **_about(class_name), mask=name)
    return _edit(target, changed, "next_mask", label)


def with_mask(value: ObjectValue, mask: RunLengthMask) -> ObjectValue:
    """The object with a mask that a person made; in progress, it is what the next prompts correct."""
    changed = replace(value, mask=mask, ghosts=None, waiting=False, settled=True)
    if value.phase == "finished":
        return changed
    items = value.prompts.items
    newest = items[-1] if items else None
    if isinstance(newest, MaskPrompt) and newest.painted:
        items = items[:-1]
    return replace(changed, prompts=Prompts((*items, MaskPrompt(mask, painted=True))))


def finish(objects: Objects, target: StoredObject, class_name: str, policy: Policy = "yield") -> Edit:
    """The object's mask is final; its prompts stay with it. Under ``take`` the same step shrinks the losers."""
    value = in_progress(target).value
    others = ownership.protected_by_others(objects, target.id, policy)
    kept = ownership.yielding(value.base, value.mask, others)
    if not kept:
        text = "Object #{object} is empty yet. Click on it, or discard it."
        raise ConflictError(words("refused.empty", text, object=target.id))
    changed = replace(value, mask=kept, phase="finished", reopened=False, ghosts=None, waiting=False)
    edit = _edit(target, changed, "finish", words("step.finish", "{class} #{object} finished", **_about(class_name)))
    return taking(edit, objects, target.id, kept) if policy == "take" else edit


def taking(edit: Edit, objects: Objects, object_id: int | None, mask: RunLengthMask) -> Edit:
    """The same step, in which finished objects lose the pixels that a mask takes."""
    lost = ownership.losses(objects, object_id, mask)
    if not lost:
        return edit
    changes = tuple((i, ownership.after_loss(objects[i].value, rest)) for i, rest in lost.items())
    pixels = sum(objects[i].value.mask.area - rest.area for i, rest in lost.items())
    names = ", ".join(f"#{i}" for i in lost)
    text = "{step}, {pixels} {unit} taken from {names}"
    label = words("step.taking", text, step=edit.label, pixels=pixels, unit=UNIT, names=names)
    return replace(edit, label=label, changes=(*edit.changes, *changes))


def discard(target: StoredObject, class_name: str) -> Edit:
    """Throw the object in progress away; a re-opened one gets its finished mask back."""
    value = in_progress(target).value
    if not value.reopened:
        return _edit(
            target, None, "discard", words("step.discard", "{class} #{object} discarded", **_about(class_name))
        )
    items = value.prompts.items
    base = max(i for i, p in enumerate(items) if isinstance(p, MaskPrompt) and not p.painted)
    back = replace(
        value, prompts=Prompts(items[:base]), mask=value.base or value.mask, phase="finished", reopened=False,
        settled=True, ghosts=None, waiting=False,
    )  # fmt: skip
    label = words("step.discardCorrection", "correction of {class} #{object} discarded", **_about(class_name))
    return _edit(target, back, "discard", label)


def reopen(target: StoredObject, class_name: str) -> Edit:
    """A finished object is in progress again; its mask is the base that clicks correct."""
    value = unlocked(target).value
    if value.phase != "finished":
        text = "Object #{object} is in progress already. Click on it."
        raise ConflictError(words("refused.inProgressAlready", text, object=target.id))
    prompts = value.prompts.add(MaskPrompt(value.mask))
    changed = replace(value, prompts=prompts, phase="in_progress", reopened=True, settled=True)
    return _edit(target, changed, "reopen", words("step.reopen", "{class} #{object} re-opened", **_about(class_name)))


def patch(target: StoredObject, changes: Mapping[str, Any], class_name: str) -> Edit:
    """Change class, colour, visibility or order; `changes` has the fields of ObjectValue."""
    if not changes:
        text = "Nothing to change: give class, colour, hidden, ignored, locked, note, review or z."
        raise PromptError(words("refused.nothingToChange", text))
    if "class_id" in changes or "ignored" in changes:
        unlocked(target)
    if changes.get("locked") or changes.get("review"):
        finished(target)
    steps = [_patched(field, value, class_name) for field, value in changes.items()]
    label = steps[0]
    for step in steps[1:]:
        label = words("step.and", "{first}; {second}", first=label, second=step)
    kind = "patch_" + "_".join(field.removesuffix("_id") for field in changes)
    return _edit(target, replace(target.value, **changes), kind, label)


def _patched(field: str, value: Any, class_name: str) -> Words:
    """What a change of one property is called."""
    state = {"review": value or "none", "note": "note"}.get(field, str(bool(value)).lower())
    name = field if field in ("class_id", "colour", "z", "note") else f"{field}.{state}"
    template = {
        "class_id": "class of #{object} changed to {class}",
        "colour": "{class} #{object} recoloured",
        "z": "order of {class} #{object} changed",
        "hidden.true": "{class} #{object} hidden",
        "hidden.false": "{class} #{object} shown",
        "locked.true": "{class} #{object} locked",
        "locked.false": "{class} #{object} unlocked",
        "ignored.true": "{class} #{object} made an ignore region",
        "ignored.false": "{class} #{object} counts again",
        "review.accepted": "{class} #{object} accepted",
        "review.rejected": "{class} #{object} rejected",
        "review.none": "{class} #{object} not judged any more",
        "note": "note on {class} #{object}",
    }[name]
    return words(f"step.patch.{name}", template, **_about(class_name))


def signed(edit: Edit, reviewer: str) -> Edit:
    """The same step, with the name of who judges where it is a judgement."""
    if not edit.kind.startswith("patch_") or "review" not in edit.kind:
        return edit
    changes = tuple(
        (i, value and replace(value, reviewer=reviewer if value.review else "")) for i, value in edit.changes
    )
    return replace(edit, changes=changes)


def judged_anew(edit: Edit, objects: Objects) -> Edit:
    """The same step, in which what somebody thought of an object goes when the object changes."""
    changes = tuple(
        (i, value if value is None else _judged_anew(value, objects.get(i or 0))) for i, value in edit.changes
    )
    return replace(edit, changes=changes)


def _judged_anew(value: ObjectValue, before: StoredObject | None) -> ObjectValue:
    if value.review is None or before is None or before.value.review != value.review:
        return value
    was = before.value
    same = (was.mask, was.class_id, was.phase, was.ignored) == (value.mask, value.class_id, value.phase, value.ignored)
    return value if same else replace(value, review=None, reviewer="")


def delete(target: StoredObject, class_name: str) -> Edit:
    """Remove an object."""
    label = words("step.delete", "{class} #{object} deleted", **_about(class_name))
    return _edit(unlocked(target), None, "delete", label)


def in_progress(target: StoredObject) -> StoredObject:
    """The object itself; ConflictError if it is finished."""
    if target.value.phase != "in_progress":
        text = "Object #{object} is finished. Re-open it to change its mask."
        raise ConflictError(words("refused.finished", text, object=target.id))
    return target


def finished(target: StoredObject) -> StoredObject:
    """The object itself; ConflictError if it is in progress."""
    if target.value.phase != "finished":
        text = "Object #{object} is in progress. Finish it first."
        raise ConflictError(words("refused.inProgress", text, object=target.id))
    return target


def unlocked(target: StoredObject) -> StoredObject:
    """The object itself; LockedError if it is locked."""
    if target.value.locked:
        text = "Object #{object} is locked. Unlock it to change it."
        raise LockedError(words("refused.locked", text, object=target.id))
    return target


def prompt_name(prompts: Prompts, prompt: Prompt) -> Words:
    """Name of a prompt for people: ``negative click 2``."""
    sign = "positive" if isinstance(prompt, Click | Scribble | Lasso) and prompt.positive else "negative"
    if isinstance(prompt, Click):
        number = sum(p.positive == prompt.positive for p in _until(prompts, prompt))
        return words(f"prompt.{sign}", f"{sign} click {{n}}", n=number)
    if isinstance(prompt, Scribble | Lasso):
        kind = type(prompt).__name__.lower()
        return words(f"prompt.{sign}.{kind}", f"{sign} {kind}")
    return words("prompt.box", "box")


def difference(before: RunLengthMask, after: RunLengthMask) -> str:
    """By how many pixels a mask has grown, with its sign."""
    return f"{after.area - before.area:+d}"


def _about(class_name: str) -> dict[str, Any]:
    """Values of a step's name: the object and its class."""
    return {"class": class_name, "object": OBJECT}


def _edit(target: StoredObject | None, value: ObjectValue | None, kind: str, label: str) -> Edit:
    return Edit(kind, label, ((None if target is None else target.id, value),))


def _check_free(objects: Objects, object_id: int | None, click: Click, policy: Policy) -> None:
    owner = ownership.owner_at(objects, object_id, click.x, click.y, policy)
    if owner is None:
        return
    text, key = (
        ("which is locked. Unlock that object to change it.", "refused.pixelLocked")
        if owner.value.locked
        else (
            "and finished objects keep what is theirs. Re-open that object to change it, or delete it.",
            "refused.pixelKept",
        )
    )
    template = "What lies at ({x}, {y}) belongs to object #{object}, " + text
    raise ProtectedError(words(key, template, x=f"{click.x:g}", y=f"{click.y:g}", object=owner.id))


def _until(prompts: Prompts, prompt: Click) -> Iterable[Click]:
    for click in prompts.clicks:
        yield click
        if click is prompt:
            return
