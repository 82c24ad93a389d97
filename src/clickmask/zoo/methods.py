"""The table of trainable methods: what each one is, and where its code and the authors' weights are. Data alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clickmask.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Published:
    """A file of weights that the authors published.

    Attributes:
        file: its name.
        trained_on: the data sets, whose terms apply to the weights as well.
        licence: that the authors give.
        url: where it is published; empty where that is only a page for people (see the method's document).
        megabytes: size of the file, 0 if not known.
        sha256: of the file, empty if not known.
    """

    file: str
    trained_on: str
    licence: str
    url: str = ""
    megabytes: float = 0.0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class MethodLine:
    """One line of the catalogue.

    Attributes:
        name: what a person types after ``--model`` and ``clickmask train``.
        family: methods that share a paper and a file.
        paper: authors and venue.
        year: of publication.
        licence: of the authors' code; ours is Apache-2.0 throughout.
        target: ``"module:attribute"`` of the tuple of `clickmask.nn.method.Method` that holds it.
        summary: one sentence.
        published: weights of the authors that `clickmask convert-weights` reads.
    """

    name: str
    family: str
    paper: str
    year: int
    licence: str
    target: str
    summary: str
    published: tuple[Published, ...] = ()


_COMPACT = "clickmask.nn.models.compact:METHODS"
_DIOS = "clickmask.nn.models.dios:METHODS"

METHODS: tuple[MethodLine, ...] = (
    MethodLine(
        "dios",
        "dios",
        "Xu et al., CVPR",
        2016,
        "none published",
        _DIOS,
        "VGG-16 FCN over distance maps, scores fused at strides 32, 16 and 8; no memory.",
    ),
    MethodLine(
        "dios_small",
        "dios",
        "Xu et al., CVPR",
        2016,
        "none published",
        _DIOS,
        "DIOS with about an eighth of the channels, for training on a CPU.",
    ),
    MethodLine(
        "compact", "compact", "ours", 2026, "Apache-2.0", _COMPACT, "The default network: one light pass a click."
    ),
)
"""Every trainable method; a contract test holds it equal to what the methods' files say."""

METHOD_TARGETS: Registry[Any] = Registry("method", {line.name: line.target for line in METHODS})
"""Name -> the tuple of methods that holds it, imported on first use. Entry points may add further ones."""


def method_line(name: str) -> MethodLine | None:
    """The catalogue's line about a method; None for an unknown name or a method of another package."""
    return next((line for line in METHODS if line.name == name), None)
