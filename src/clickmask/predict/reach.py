"""Look no further than a click says: the model sees a part of a large image at a time, at the resolution that part has.

A person who clicks has a part of a gigapixel image before them, and means something in it. The click carries how far
that part reaches; the stages inside see it as their whole image, so that the first look at an object of 50 pixels is
not one of 20,000 pixels squeezed into the network's input. Clicks without a reach mean the whole image, as ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from clickmask.core.answers import moved
from clickmask.core.frames import BoxFloat, Crop, LogitMap
from clickmask.core.masks import EMPTY_BOX, BoxXyxy
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompts
from clickmask.core.protocols import SEQUENCE, Memo, Request, Result, Step

GRID = 256
"""Parts begin on multiples of so many pixels, so that they share the image's smaller levels."""
ROOM = 0.5
"""Room round a box or a mask, as a part of its longer side."""
MEMO = "reach"


@dataclass(frozen=True, slots=True)
class Reach:
    """The part that the other stages' memos are about."""

    box_xyxy: BoxXyxy


def part_meant(prompts: Prompts, size_hw: tuple[int, int]) -> BoxXyxy | None:
    """The part of an image that prompts are about; None for all of it.

    Args:
        prompts: clicks, boxes and masks.
        size_hw: of the image.
    """
    clicks = [p for p in prompts if isinstance(p, Click)]
    if not any(click.reach is not None for click in clicks):
        return None
    boxes = [around for p in prompts if (around := _around(p)) is not None]
    x0 = max(math.floor(min(b[0] for b in boxes) / GRID) * GRID, 0)
    y0 = max(math.floor(min(b[1] for b in boxes) / GRID) * GRID, 0)
    x1 = min(math.ceil(max(b[2] for b in boxes) / GRID) * GRID, size_hw[1])
    y1 = min(math.ceil(max(b[3] for b in boxes) / GRID) * GRID, size_hw[0])
    return None if (x0, y0, x1, y1) == (0, 0, size_hw[1], size_hw[0]) else (x0, y0, x1, y1)


def within_reach(inner: Step) -> Step:
    """The stage; it stands outside of all others but those that hold answers to the rules of editing."""

    def step(request: Request) -> Result:
        box = part_meant(request.prompts, request.frame.size_hw)
        if box is None:
            return inner(request)
        asked, back = narrowed(request, box)
        result = inner(asked)
        memo = {**moved(result.memo, back), MEMO: Reach(box)}
        return Result(back(result.logits), memo)

    return step


def narrowed(request: Request, box: BoxXyxy) -> tuple[Request, Callable[[LogitMap], LogitMap]]:
    """A request about a part of its frame, and the way back for logits.

    Args:
        request: about a frame.
        box: whole-pixel box inside the frame.
    """
    x0, y0, x1, y1 = box
    crop = Crop((float(x0), float(y0), float(x1), float(y1)), (y1 - y0, x1 - x0))

    def there(logits: LogitMap) -> LogitMap:
        return replace(logits, box_xyxy=_shifted(logits.box_xyxy, -x0, -y0))

    def back(logits: LogitMap) -> LogitMap:
        return replace(logits, box_xyxy=_shifted(logits.box_xyxy, x0, y0))

    previous = None if request.previous is None else there(request.previous)
    memo = moved(_fitting(request.memo, box), there)
    return Request(request.frame.part(box), crop.prompts_to_crop(request.prompts), previous, memo, request.rules), back


def _fitting(memo: Memo, box: BoxXyxy) -> Memo:
    """What the stages remember, if it is about this part: their memos hold places in it."""
    kept = memo.get(MEMO)
    if isinstance(kept, Reach) and kept.box_xyxy == box:
        return memo
    return {key: value for key, value in memo.items() if key == SEQUENCE}


def _around(prompt: object) -> BoxFloat | None:
    if isinstance(prompt, Click):
        by = prompt.reach or 0.0
        return prompt.x - by, prompt.y - by, prompt.x + by, prompt.y + by
    if isinstance(prompt, Box):
        return _grown(prompt.xyxy)
    if isinstance(prompt, MaskPrompt) and prompt.mask.box_xyxy != EMPTY_BOX:
        x0, y0, x1, y1 = prompt.mask.box_xyxy
        return _grown((float(x0), float(y0), float(x1), float(y1)))
    return None


def _grown(box: BoxFloat) -> BoxFloat:
    by = ROOM * max(box[2] - box[0], box[3] - box[1])
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def _shifted(box: BoxFloat, dx: float, dy: float) -> BoxFloat:
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy
