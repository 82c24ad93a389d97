"""`clickmask`: finds the command, and turns every error raised on purpose into one message and an exit status.

Exit status: 0 done, 2 refused for a reason that the message says how to mend (input, disk, weights, missing extra),
1 an error nobody foresaw, with its traceback, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from clickmask.cli.paths import spread_paths
from clickmask.cli.points import spread_points
from clickmask.core.errors import ClickmaskError
from clickmask.core.registry import Registry

COMMANDS: Registry[Callable[..., None]] = Registry(
    "command",
    {
        "annotate": "clickmask.cli.annotate:annotate",
        "serve": "clickmask.cli.serve:serve",
        "segment": "clickmask.cli.segment:segment",
        "segment-volume": "clickmask.cli.segment_volume:segment_volume",
        "evaluate": "clickmask.cli.evaluate:evaluate",
        "train": "clickmask.cli.train:train",
        "export": "clickmask.cli.export:export",
        "models": "clickmask.cli.models:models",
        "convert": "clickmask.cli.convert:convert",
        "log": "clickmask.cli.log:log",
        "replay": "clickmask.cli.replay:replay",
        "convert-weights": "clickmask.cli.convert_weights:convert_weights",
        "import-sam": "clickmask.cli.import_sam:import_sam",
    },
)
"""Commands by name; each is a function whose annotated arguments are the command's."""

SUMMARIES = {
    "annotate": "Annotate a folder of images in the browser.",
    "serve": "Serve the model to Label Studio, CVAT and programs.",
    "segment": "Segment one object of one image.",
    "segment-volume": "Segment one object of a volume (NIfTI, NRRD, DICOM).",
    "evaluate": "Measure how many clicks a model needs.",
    "train": "Train a model on shards or on your own images and masks.",
    "export": "Turn a training run into a model that needs no torch.",
    "models": "List the models, or tell all about one.",
    "convert": "Convert annotations from one format to another.",
    "log": "Write what was done in an annotation project as a table.",
    "replay": "Ask for every mask of an annotation project once more and compare.",
    "convert-weights": "Turn published weights into a model.",
    "import-sam": "Turn a SAM-type model into a model.",
}
"""What `clickmask --help` says of each command, so that it need not import them."""


class LazyCommands(TyperGroup):
    """A group whose commands are stubs with a summary until one of them is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        order = [*SUMMARIES, *(name for name in COMMANDS if name not in SUMMARIES)]
        self.commands = {name: TyperCommand(name, help=SUMMARIES.get(name, "(from a plug-in)")) for name in order}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The real command in place of its stub."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else load_command(name), rest


def load_command(name: str) -> Any:
    """Import a command's module and make a command of its function."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(COMMANDS.get(name))
    return typer.main.get_command(app)


app = typer.Typer(
    cls=LazyCommands,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from clickmask import __version__

        typer.echo(f"clickmask {__version__}")
        raise typer.Exit


@app.callback()
def clickmask(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A few clicks give an exact object mask.

    Start with:  clickmask annotate FOLDER

    Each command explains itself:  clickmask segment --help
    """


def main() -> None:
    """Entry point of the `clickmask` command."""
    try:
        app(args=spread_paths(spread_points(sys.argv[1:])), prog_name="clickmask")
    except ClickmaskError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
