"""Every error that clickmask raises on purpose.

    ClickmaskError
    ├── InputError (also ValueError)     the caller can mend it; HTTP 400
    │   ├── ImageError                   an image that cannot be read or used
    │   ├── PromptError                  a click, box or mask that does not fit the image
    │   ├── FormatError                  an annotation file that cannot be read or written
    │   ├── UnknownNameError             a name that no registry knows
    │   └── RecipeError                  a training or evaluation setting that is not accepted
    ├── CapabilityError                  a model or backend cannot do what is asked of it
    ├── MissingExtraError                an optional part is not installed
    ├── WeightsError                     a weights file is missing, damaged or not the expected one
    ├── WorkerError                      a helper process ended without an answer
    ├── StorageError                     a project cannot be read or written
    └── ConflictError                    somebody else changed the same thing first; HTTP 409

On the command line each of them is one message and exit status 2.

A message says what is wrong, what was given, what is accepted and what to do next.
"""


class ClickmaskError(Exception):
    """Base of all errors raised on purpose."""


class InputError(ClickmaskError, ValueError):
    """The caller gave something that cannot be used."""


class ImageError(InputError):
    """An image cannot be read or used."""


class PromptError(InputError):
    """A click, box or mask does not fit the image."""


class FormatError(InputError):
    """An annotation file cannot be read or written."""


class UnknownNameError(InputError):
    """A name is not registered."""


class RecipeError(InputError):
    """A training or evaluation setting is not accepted."""


class CapabilityError(ClickmaskError):
    """A model or backend lacks what a stage or a call needs."""


class MissingExtraError(ClickmaskError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, need: str, extra: str) -> None:
        super().__init__(f"{need} needs the '{extra}' extra. Install it with: pip install 'clickmask[{extra}]'")


class WeightsError(ClickmaskError):
    """A weights file is missing, damaged or not the expected one."""


class WorkerError(ClickmaskError):
    """A helper process ended without an answer."""


class StorageError(ClickmaskError):
    """A project cannot be read or written."""


class ConflictError(ClickmaskError):
    """The thing to be changed has been changed by somebody else since it was read."""
