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
        raise PromptError("A new object begins with a positive click or a box; no object is in progress.")
    if isinstance(prompt, Click) and prompt.positive:
        _check_free(objects, None if target is None else target.id, prompt, policy)
    prompts = value.prompts.add(prompt)
    name = prompt_name(prompts, prompt)
    changed = replace(value, prompts=prompts, settled=False, ghosts=None, waiting=False)
    return _edit(target, changed, type(prompt).__name__.lower(), f"{name} on {class_name} #{{object}}")


def remove_prompt(target: StoredObject, index: int, class_name: str) -> Edit:
    """Take one prompt back; taking the last one back removes an object that never had a finished mask."""
    value = in_progress(target).value
    if not 0 <= index < len(value.prompts):
        raise PromptError(f"Object #{target.id} has {len(value.prompts)} prompts, there is no number {index}.")
    gone = value.prompts.items[index]
    if isinstance(gone, MaskPrompt):
        raise ConflictError(
            "The mask that a correction began with cannot be taken back. Discard the correction instead."
        )
    left = Prompts(value.prompts.items[:index] + value.prompts.items[index + 1 :])
    if any(isinstance(p, MaskPrompt) for p in value.prompts.items[index:]):
        raise ConflictError("That prompt is part of a mask that was changed after it. Undo goes back that far.")
    label = f"{prompt_name(value.prompts, gone)} taken back from {class_name} #{{object}}"
    asked_again = replace(value, prompts=left, settled=False, ghosts=None, waiting=False)
    changed = asked_again if left.items else None
    return _edit(target, changed, "remove_prompt", label)


def set_mask(
    objects: Objects, target: StoredObject, mask: RunLengthMask, class_name: str, policy: Policy = "yield"
) -> Edit:
    """Give the object in progress a mask; later clicks correct it."""
    value = in_progress(target).value
    kept = ownership.yielding(value.base, mask, ownership.protected_by_others(objects, target.id, policy))
    return _edit(target, with_mask(value, kept), "set_mask", f"mask of {class_name} #{{object}} set")


def accept_ghosts(target: StoredObject, at_xy: tuple[float, float] | None, bench: Bench, class_name: str) -> Edit:
    """Take what the model would change as well, all of it or the part at a point."""
    value = in_progress(target).value
    if value.ghosts is None:
        raise ConflictError(f"Nothing is proposed for object #{target.id}. Click on it first.")
    taken = value.ghosts if at_xy is None else bench.part_at(value.ghosts, *at_xy)
    if at_xy is not None and not taken:
        raise ConflictError(f"Nothing is proposed at ({at_xy[0]:g}, {at_xy[1]:g}).")
    mask = combined(value.mask, taken, np.logical_xor)
    left = combined(value.ghosts, taken, np.logical_xor)
    changed = replace(with_mask(value, mask), ghosts=left or None)
    difference = f"{mask.area - value.mask.area:+d} {{unit}}"
    return _edit(target, changed, "accept", f"proposal accepted, {difference} on {class_name} #{{object}}")


def set_threshold(target: StoredObject, threshold: float, answer: Settled, class_name: str) -> Edit:
    """Show the object at another threshold."""
    value = in_progress(target).value
    changed = replace(
        value, threshold=threshold, mask=answer.mask, ghosts=answer.ghosts, waiting=answer.waiting, settled=True
    )
    difference = f"{answer.mask.area - value.mask.area:+d} {{unit}}"
    return _edit(target, changed, "threshold", f"threshold {threshold:.2f}, {difference} on {class_name} #{{object}}")


def other_mask(target: StoredObject, answer: Settled, name: str, threshold: float | None, class_name: str) -> Edit:
    """Show another of the masks that the prompts may mean."""
    value = in_progress(target).value
    changed = replace(value, mask=answer.mask, ghosts=answer.ghosts, waiting=answer.waiting, threshold=threshold)
    return _edit(target, changed, "next_mask", f"{name} on {class_name} #{{object}}")


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
        raise ConflictError(f"Object #{target.id} is empty yet. Click on it, or discard it.")
    changed = replace(value, mask=kept, phase="finished", reopened=False, ghosts=None, waiting=False)
    edit = _edit(target, changed, "finish", f"{class_name} #{{object}} finished")
    return taking(edit, objects, target.id, kept) if policy == "take" else edit


def taking(edit: Edit, objects: Objects, object_id: int | None, mask: RunLengthMask) -> Edit:
    """The same step, in which finished objects lose the pixels that a mask takes."""
    lost = ownership.losses(objects, object_id, mask)
    if not lost:
        return edit
    changes = tuple((i, ownership.after_loss(objects[i].value, rest)) for i, rest in lost.items())
    pixels = sum(objects[i].value.mask.area - rest.area for i, rest in lost.items())
    names = ", ".join(f"#{i}" for i in lost)
    return replace(edit, label=f"{edit.label}, {pixels} {{unit}} taken from {names}", changes=(*edit.changes, *changes))


def discard(target: StoredObject, class_name: str) -> Edit:
    """Throw the object in progress away; a re-opened one gets its finished mask back."""
    value = in_progress(target).value
    if not value.reopened:
        return _edit(target, None, "discard", f"{class_name} #{{object}} discarded")
    items = value.prompts.items
    base = max(i for i, p in enumerate(items) if isinstance(p, MaskPrompt) and not p.painted)
    back = replace(
        value, prompts=Prompts(items[:base]), mask=value.base or value.mask, phase="finished", reopened=False,
        settled=True, ghosts=None, waiting=False,
    )  # fmt: skip
    return _edit(target, back, "discard", f"correction of {class_name} #{{object}} discarded")


def reopen(target: StoredObject, class_name: str) -> Edit:
    """A finished object is in progress again; its mask is the base that clicks correct."""
    value = unlocked(target).value
    if value.phase != "finished":
        raise ConflictError(f"Object #{target.id} is in progress already. Click on it.")
    prompts = value.prompts.add(MaskPrompt(value.mask))
    changed = replace(value, prompts=prompts, phase="in_progress", reopened=True, settled=True)
    return _edit(target, changed, "reopen", f"{class_name} #{{object}} re-opened")


def patch(target: StoredObject, changes: Mapping[str, Any], class_name: str) -> Edit:
    """Change class, colour, visibility or order; `changes` has the fields of ObjectValue."""
    words = {
        "class_id": f"class of #{{object}} changed to {class_name}",
        "colour": f"{class_name} #{{object}} recoloured",
        "hidden": f"{class_name} #{{object}} {'hidden' if changes.get('hidden') else 'shown'}",
        "z": f"order of {class_name} #{{object}} changed",
        "locked": f"{class_name} #{{object}} {'locked' if changes.get('locked') else 'unlocked'}",
    }
    if not changes:
        raise PromptError("Nothing to change: give class, colour, hidden, locked or z.")
    if "class_id" in changes:
        unlocked(target)
    if changes.get("locked"):
        finished(target)
    label = "; ".join(words[field] for field in changes)
    kind = "patch_" + "_".join(field.removesuffix("_id") for field in changes)
    return _edit(target, replace(target.value, **changes), kind, label)


def delete(target: StoredObject, class_name: str) -> Edit:
    """Remove an object."""
    return _edit(unlocked(target), None, "delete", f"{class_name} #{{object}} deleted")


def in_progress(target: StoredObject) -> StoredObject:
    """The object itself; ConflictError if it is finished."""
    if target.value.phase != "in_progress":
        raise ConflictError(f"Object #{target.id} is finished. Re-open it to change its mask.")
    return target


def finished(target: StoredObject) -> StoredObject:
    """The object itself; ConflictError if it is in progress."""
    if target.value.phase != "finished":
        raise ConflictError(f"Object #{target.id} is in progress. Finish it first.")
    return target


def unlocked(target: StoredObject) -> StoredObject:
    """The object itself; LockedError if it is locked."""
    if target.value.locked:
        raise LockedError(f"Object #{target.id} is locked. Unlock it to change it.")
    return target


def prompt_name(prompts: Prompts, prompt: Prompt) -> str:
    """Name of a prompt for people: ``negative click 2``."""
    if isinstance(prompt, Click):
        number = sum(p.positive == prompt.positive for p in _until(prompts, prompt))
        return f"{_sign(prompt.positive)} click {number}"
    if isinstance(prompt, Scribble | Lasso):
        return f"{_sign(prompt.positive)} {type(prompt).__name__.lower()}"
    return "box"


def _sign(positive: bool) -> str:
    return "positive" if positive else "negative"


def _edit(target: StoredObject | None, value: ObjectValue | None, kind: str, label: str) -> Edit:
    return Edit(kind, label, ((None if target is None else target.id, value),))


def _check_free(objects: Objects, object_id: int | None, click: Click, policy: Policy) -> None:
    owner = ownership.owner_at(objects, object_id, click.x, click.y, policy)
    if owner is None:
        return
    place = f"What lies at ({click.x:g}, {click.y:g}) belongs to object #{owner.id}"
    if owner.value.locked:
        raise ProtectedError(f"{place}, which is locked. Unlock that object to change it.")
    raise ProtectedError(
        f"{place}, and finished objects keep what is theirs. Re-open that object to change it, or delete it."
    )


def _until(prompts: Prompts, prompt: Click) -> Iterable[Click]:
    for click in prompts.clicks:
        yield click
        if click is prompt:
            return
