"""The option `--refine`, the same for every command that loads a model."""

from __future__ import annotations

from typing import Annotated

import typer


def known_stages(incomplete: str) -> list[str]:
    """Names for the shell's completion."""
    from clickmask.api import STAGES

    return [name for name in STAGES if name.startswith(incomplete)]


RefineOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STAGE",
        autocompletion=known_stages,
        help="Better the answers by a stage, e.g. graph_cut or flip. Repeatable, the order counts.",
    ),
]
"""Names of stages, in the order in which they are wrapped."""
