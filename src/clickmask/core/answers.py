"""What a network says besides its logits, and how that travels between clicks.

Some networks ask to see something of their own again at the next click (EdgeFlow its edge); some give several masks on
an ambiguous prompt (SAM). Both lie in the memo under one key, placed like logits, so a stage that moves to another
frame moves them with `moved`, and a stage that stays in its frame passes the memo on as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from clickmask.core.frames import BoxFloat, FloatMap, LogitMap
from clickmask.core.protocols import Memo, Request, Result

NETWORK = "network"
"""Key of the memo."""

Change = Callable[[LogitMap], LogitMap]
"""Brings logits from one frame to another."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A network's whole answer, on the grid of its input.

    Attributes:
        logits: (h, w) of the mask.
        maps: (h, w) logits that the network wants to see again, by name.
        candidates: (h, w) logits and expected IoU of several masks, where the network gives several.
        score: the network's own estimate of the IoU of its mask, about 0 to 1; None if it makes none.
    """

    logits: FloatMap
    maps: Mapping[str, FloatMap] = field(default_factory=dict)
    candidates: tuple[tuple[FloatMap, float], ...] = ()
    score: float | None = None


@dataclass(frozen=True, eq=False)
class Candidate:
    """One of several masks.

    Attributes:
        logits: with their place in the frame.
        score: the network's own estimate of its IoU, about 0 to 1.
    """

    logits: LogitMap
    score: float


@dataclass(frozen=True, eq=False)
class NetworkMemo:
    """What the last answer held besides its logits, in the frame's pixels.

    Attributes:
        maps: to be seen again, by name.
        candidates: masks that a person may take in place of the answer; none where the network gives one alone.
        score: the network's own estimate of the IoU of its mask, None if it makes none.
    """

    maps: Mapping[str, LogitMap] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    score: float | None = None


def network_memo(memo: Memo) -> NetworkMemo:
    """The network's part of a memo; empty at the start."""
    kept = memo.get(NETWORK)
    return kept if isinstance(kept, NetworkMemo) else NetworkMemo()


def with_network_memo(memo: Memo, kept: NetworkMemo) -> Memo:
    """The memo with another network's part, as a new value; without one if there is nothing to keep."""
    others = {key: value for key, value in memo.items() if key != NETWORK}
    return {**others, NETWORK: kept} if kept.maps or kept.candidates or kept.score is not None else others


def moved(memo: Memo, change: Change) -> Memo:
    """The memo with its network's part in another frame."""
    kept = network_memo(memo)
    maps = {name: change(logits) for name, logits in kept.maps.items()}
    candidates = tuple(replace(c, logits=change(c.logits)) for c in kept.candidates)
    return with_network_memo(memo, NetworkMemo(maps, candidates, kept.score))


def placed(answer: Answer, box: BoxFloat, request: Request) -> Result:
    """An answer whose grid covers `box` of the request's frame."""
    maps = {name: LogitMap(values, box) for name, values in answer.maps.items()}
    candidates = tuple(Candidate(LogitMap(values, box), score) for values, score in answer.candidates)
    kept = NetworkMemo(maps, candidates, answer.score)
    return Result(LogitMap(answer.logits, box), with_network_memo(request.memo, kept))
