"""XML from anywhere, read without entities and document types; and text made fit for XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from clickmask.core.errors import FormatError

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """The text with every character that XML 1.0 cannot hold replaced."""
    return _NO_XML.sub("\ufffd", text)


def elements(path: Path, names: frozenset[str]) -> Iterator[Element]:
    """Elements of a file with these names, each as soon as it is complete; then it is thrown away.

    Raises:
        FormatError: the file is missing, no XML, or holds a document type or entities.
    """
    with _refusing(path):
        try:
            file = path.open("rb")
        except OSError as error:
            raise FormatError(f"{path} cannot be read: {error.strerror or error}. Give a readable file.") from error
        with file:
            open_elements: list[Element] = []
            for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
                if event == "start":
                    open_elements.append(element)
                    continue
                open_elements.pop()
                if element.tag in names:
                    yield element
                    if open_elements:
                        open_elements[-1].remove(element)


def parsed(text: str, what: str) -> Element:
    """The root element of a text; FormatError as in `elements`."""
    with _refusing(what):
        root: Element = fromstring(text, forbid_dtd=True)
    return root


@contextmanager
def _refusing(what: str | Path) -> Iterator[None]:
    try:
        yield
    except ParseError as error:
        raise FormatError(f"{what} is not well-formed XML: {error}.") from error
    except DefusedXmlException as error:
        raise FormatError(
            f"{what} declares a document type or entities, which annotation files do not need and attacks use. "
            "Remove the <!DOCTYPE ...> part."
        ) from error
    except (ValueError, LookupError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{what} is not XML that can be read: {error}.") from error
