"""Refusals: which code and status each error gets. The table is in docs/annotator-protocol.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clickmask.core.errors import (
    CapabilityError,
    ClickmaskError,
    ConflictError,
    FormatError,
    ImageError,
    InputError,
    MissingExtraError,
    PromptError,
    StorageError,
    WeightsError,
)
from clickmask.core.words import Words, words_json
from clickmask.store.values import StoredObject


class NotFoundError(InputError):
    """No image, object, class, action or export has that number or name."""


class ImageMissingError(InputError):
    """The file of an image is gone."""


class TooLargeError(InputError):
    """An upload above the limits."""


class PreparingError(ConflictError):
    """A part of a large image that is not there yet; it will be."""


class ModelError(ClickmaskError):
    """The model cannot be loaded or failed."""


class ProtectedError(ConflictError):
    """A click on a pixel that belongs to a finished object."""


class NoChangeError(ConflictError):
    """A tool that would change no pixel; nothing is stored."""


class LockedError(ConflictError):
    """A change of a locked object."""


class StaleError(ConflictError):
    """Somebody else changed the thing since the given revision; `current` is how it stands."""

    def __init__(self, message: str, current: StoredObject | None = None) -> None:
        super().__init__(message)
        self.current = current


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as it goes out."""

    code: str
    status: int
    message: str

    def json(self) -> dict[str, Any]:
        """The body shared by REST and WebSocket; `words` where the message can be said in other languages."""
        said = words_json(self.message)
        return {"code": self.code, "message": str(self.message), **({} if said is None else {"words": said})}


# The first class that fits counts, so special ones stand before general ones.
_CODES: tuple[tuple[type[ClickmaskError], str, int], ...] = (
    (NotFoundError, "not_found", 404),
    (ImageMissingError, "image_missing", 404),
    (TooLargeError, "too_large", 413),
    (StaleError, "stale", 409),
    (ProtectedError, "protected", 409),
    (LockedError, "locked", 409),
    (NoChangeError, "no_change", 409),
    (PreparingError, "preparing", 409),
    (ConflictError, "not_now", 409),
    (PromptError, "bad_prompt", 400),
    (ImageError, "image_damaged", 422),
    (FormatError, "bad_file", 400),
    (InputError, "bad_request", 400),
    (ModelError, "model", 503),
    (WeightsError, "model", 503),
    (CapabilityError, "model", 503),
    (MissingExtraError, "model", 503),
    (StorageError, "storage", 507),
)


def refusal(error: ClickmaskError) -> Refusal:
    """Code, status and text for an error."""
    text = error.args[0] if error.args and isinstance(error.args[0], Words) else str(error)
    for kind, code, status in _CODES:
        if isinstance(error, kind):
            return Refusal(code, status, text)
    return Refusal("internal", 500, text)
