"""A widget for notebooks: click on a picture in Jupyter or marimo, take the mask in the next cell.

Needs the extra `notebook`. See docs/notebook.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clickmask.notebook.widget import ClickWidget as ClickWidget

__all__ = ["ClickWidget"]


def __getattr__(name: str) -> Any:
    """Import the widget when it is asked for; MissingExtraError without anywidget."""
    if name != "ClickWidget":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import anywidget  # noqa: F401 - only to see whether it is there
    except ImportError as error:
        from clickmask.core.errors import MissingExtraError

        raise MissingExtraError("The notebook widget", "notebook") from error
    from clickmask.notebook.widget import ClickWidget

    return ClickWidget
