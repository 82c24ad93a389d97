"""`clickmask serve`: the model for Label Studio, CVAT and programs, in one process."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clickmask.cli.models import BackendOption
from clickmask.cli.stages import RefineOption
from clickmask.core.errors import InputError

if TYPE_CHECKING:
    from clickmask.predict.predictor import Pipeline
    from clickmask.server.serving.settings import ServingSettings

DEFAULT_PORT = 9090
"""That of Label Studio's own examples."""
TOKEN_VARIABLE = "CLICKMASK_TOKEN"  # noqa: S105 - the variable's name
SHORTEST_TOKEN = 16
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
_HOST = re.compile(rf"{_NAME.pattern}(:\d{{1,5}})?")


def serve(  # noqa: PLR0913 - each argument is an option of the command
    model: Annotated[str, typer.Option(help="Name from `clickmask models`, or a model folder.")] = "default",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")] = DEFAULT_PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any other than the default lets other machines in.")
    ] = "127.0.0.1",
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of images that requests may name. Without it, none.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST[:PORT]",
            help="Host that images may be fetched from, e.g. localhost:8080 for Label Studio. Repeatable.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST", help="Further name by which clients address this server, e.g. host.docker.internal."
        ),
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Let in whoever reaches the port, for clients that cannot send a token.")
    ] = False,
    backend: BackendOption = None,
    refine: RefineOption = None,
) -> None:
    """Serve the model to Label Studio, CVAT and programs.

    One process speaks Label Studio's ML backend, CVAT's interactor and a predict call in the style of SAM;
    docs/servers.md has the set-up to copy. Stop it with Ctrl+C.

    The token is made anew at each start; set CLICKMASK_TOKEN to keep one.

    For example:

      clickmask serve --allow-host localhost:8080           for a Label Studio on this machine

      clickmask serve --images photos --model models/mine   for programs, with files below photos
    """
    from clickmask.api import STAGES, build_pipeline
    from clickmask.server.run import listen
    from clickmask.server.run import serve as run
    from clickmask.server.serving.app import create_serving_app
    from clickmask.server.serving.settings import ServingSettings
    from clickmask.zoo import catalog

    catalog.find(model)
    stages = tuple(refine or ())
    for stage in stages:
        STAGES.target(stage)
    if images is not None and not images.is_dir():
        raise InputError(f"There is no folder {images}. --images takes the folder that requests may name files of.")

    def build(chosen: str) -> Pipeline:
        return build_pipeline(chosen, stages=stages, backend=backend.value if backend else None)

    hosts = frozenset(_host(h, _HOST, "--allow-host takes a host, or host:port") for h in allow_host or ())
    names = tuple(_host(n, _NAME, "--name takes the name of a host") for n in name or ())
    with listen(host, port, 0) as listening:
        settings = ServingSettings(
            host=host, port=listening.getsockname()[1], model=model, names=names, images_folder=images,
            image_hosts=hosts, token_needed=not no_token, token=_token(),
        )  # fmt: skip
        app = create_serving_app(settings, build)
        with contextlib.suppress(KeyboardInterrupt):  # raised again after Ctrl+C has closed everything
            run(app, listening, lambda: _announce(settings))
    typer.echo("Stopped.", err=True)


def _host(given: str, pattern: re.Pattern[str], expected: str) -> str:
    if not pattern.fullmatch(given.lower()):
        raise InputError(f"{expected}, without http:// and path; got {given[:100]!r}.")
    return given.lower()


def _token() -> str:
    """The token that the environment gives, else a new one."""
    given = os.environ.get(TOKEN_VARIABLE)
    if given is None:
        return secrets.token_urlsafe(24)
    if len(given) < SHORTEST_TOKEN or not re.fullmatch(r"[A-Za-z0-9_-]+", given):
        raise InputError(
            f"{TOKEN_VARIABLE} must have at least {SHORTEST_TOKEN} letters, digits, '-' or '_'. "
            "Make one: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return given


def _announce(settings: ServingSettings) -> None:
    from clickmask.server.run import address, is_local

    url = address(settings.host, settings.port)
    typer.echo(f"Serving at     {url}/{settings.token}/" if settings.token_needed else f"Serving at     {url}/")
    if settings.token_needed:
        typer.echo(f"Token          {settings.token}")
    typer.echo("Stop with Ctrl+C. How to connect Label Studio and CVAT: docs/servers.md", err=True)
    if not is_local(settings.host):
        typer.echo(
            "Other machines can reach this server. The connection is not encrypted: use a trusted network.", err=True
        )
    if not settings.token_needed:
        typer.echo("Whoever reaches the port may use the model: no token is asked for.", err=True)
