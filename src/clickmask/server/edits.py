"""The edit rules: what each command makes of the objects on an image. Pure functions over values.

The promise: a finished object never changes unless the person changes that very object. A new object yields
contested pixels to finished ones; a re-opened object goes on owning its pixels until it is finished again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from clickmask.core.errors import ConflictError, PromptError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompt, Prompts
from clickmask.server.errors import ProtectedError
from clickmask.store.values import Edit, ObjectValue, StoredObject

Objects = Mapping[int, StoredObject]


def protected_by_others(objects: Objects, object_id: int | None) -> list[RunLengthMask]:
    """Masks that the object with this number (None: a new one) must leave alone."""
    return [o.value.mask for o in objects.values() if o.id != object_id and o.value.protects]


def near(mask: RunLengthMask, others: Iterable[RunLengthMask]) -> list[RunLengthMask]:
    """Those of the others that may share a pixel with the mask."""
    return [o for o in others if _overlap(o.box_xyxy, mask.box_xyxy)]


def without(mask: RunLengthMask, others: Iterable[RunLengthMask]) -> RunLengthMask:
    """The mask minus every pixel of the others; the very same value if none is contested."""
    x0, y0, x1, y1 = mask.box_xyxy
    close = near(mask, others)
    if not close:
        return mask
    crop = mask.decode_crop()
    for other in close:
        ox0, oy0, ox1, oy1 = other.box_xyxy
        left, top, right, bottom = max(x0, ox0), max(y0, oy0), min(x1, ox1), min(y1, oy1)
        theirs = other.decode_crop()[top - oy0 : bottom - oy0, left - ox0 : right - ox0]
        crop[top - y0 : bottom - y0, left - x0 : right - x0] &= ~theirs
    if np.count_nonzero(crop) == mask.area:
        return mask
    return RunLengthMask.encode(crop, (x0, y0), mask.size_hw)


def add_prompt(
    objects: Objects, target: StoredObject | None, prompt: Click | Box, fresh: ObjectValue, class_name: str
) -> Edit:
    """A click or box on the object in progress, or on a new one that begins as `fresh`.

    Raises:
        PromptError: a new object begins with a negative click.
        ProtectedError: a positive click on a pixel of a finished object.
        ConflictError: the object is finished.
    """
    value = fresh if target is None else in_progress(target).value
    if target is None and isinstance(prompt, Click) and not prompt.positive:
        raise PromptError("A new object begins with a positive click or a box; no object is in progress.")
    if isinstance(prompt, Click) and prompt.positive:
        _check_free(objects, None if target is None else target.id, prompt)
    prompts = value.prompts.add(prompt)
    name = _prompt_name(prompts, prompt)
    changed = replace(value, prompts=prompts, settled=False)
    return _edit(target, changed, _kind(prompt), f"{name} on {class_name} #{{object}}")


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
    label = f"{_prompt_name(value.prompts, gone)} taken back from {class_name} #{{object}}"
    changed = replace(value, prompts=left, settled=False) if left.items else None
    return _edit(target, changed, "remove_prompt", label)


def set_mask(objects: Objects, target: StoredObject, mask: RunLengthMask, class_name: str) -> Edit:
    """Give the object in progress a mask; later clicks correct it."""
    value = in_progress(target).value
    kept = without(mask, protected_by_others(objects, target.id))
    prompts = value.prompts.add(MaskPrompt(kept))
    changed = replace(value, prompts=prompts, mask=kept, settled=True)
    return _edit(target, changed, "set_mask", f"mask of {class_name} #{{object}} set")


def finish(objects: Objects, target: StoredObject, class_name: str) -> Edit:
    """The object's mask is final; its prompts stay with it."""
    value = in_progress(target).value
    kept = without(value.mask, protected_by_others(objects, target.id))
    if not kept:
        raise ConflictError(f"Object #{target.id} has no pixels yet. Click on it, or discard it.")
    changed = replace(value, mask=kept, phase="finished", reopened=False)
    return _edit(target, changed, "finish", f"{class_name} #{{object}} finished")


def discard(target: StoredObject, class_name: str) -> Edit:
    """Throw the object in progress away; a re-opened one gets its finished mask back."""
    value = in_progress(target).value
    if not value.reopened:
        return _edit(target, None, "discard", f"{class_name} #{{object}} discarded")
    items = value.prompts.items
    base = max(i for i, p in enumerate(items) if isinstance(p, MaskPrompt))
    mask = items[base].mask  # type: ignore[union-attr]
    back = replace(value, prompts=Prompts(items[:base]), mask=mask, phase="finished", reopened=False, settled=True)
    return _edit(target, back, "discard", f"correction of {class_name} #{{object}} discarded")


def reopen(target: StoredObject, class_name: str) -> Edit:
    """A finished object is in progress again; its mask is the base that clicks correct."""
    value = target.value
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
    }
    if not changes:
        raise PromptError("Nothing to change: give class, colour, hidden or z.")
    label = "; ".join(words[field] for field in changes)
    kind = "patch_" + "_".join(field.removesuffix("_id") for field in changes)
    return _edit(target, replace(target.value, **changes), kind, label)


def delete(target: StoredObject, class_name: str) -> Edit:
    """Remove an object."""
    return _edit(target, None, "delete", f"{class_name} #{{object}} deleted")


def in_progress(target: StoredObject) -> StoredObject:
    """The object itself; ConflictError if it is finished."""
    if target.value.phase != "in_progress":
        raise ConflictError(f"Object #{target.id} is finished. Re-open it to change its mask.")
    return target


def _edit(target: StoredObject | None, value: ObjectValue | None, kind: str, label: str) -> Edit:
    return Edit(kind, label, ((None if target is None else target.id, value),))


def _check_free(objects: Objects, object_id: int | None, click: Click) -> None:
    for other in objects.values():
        if other.id != object_id and other.value.protects and (click.x, click.y) in other.value.mask:
            raise ProtectedError(
                f"The pixel at ({click.x:g}, {click.y:g}) belongs to object #{other.id}, and finished objects keep "
                "their pixels. Re-open that object to change it, or delete it."
            )


def _prompt_name(prompts: Prompts, prompt: Prompt) -> str:
    """Name of a prompt for people: ``negative click 2``."""
    if isinstance(prompt, Click):
        number = sum(p.positive == prompt.positive for p in _until(prompts, prompt))
        return f"{'positive' if prompt.positive else 'negative'} click {number}"
    return "box"


def _until(prompts: Prompts, prompt: Click) -> Iterable[Click]:
    for click in prompts.clicks:
        yield click
        if click is prompt:
            return


def _kind(prompt: Click | Box) -> str:
    return "click" if isinstance(prompt, Click) else "box"


def _overlap(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]
