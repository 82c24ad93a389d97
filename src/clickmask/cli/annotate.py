"""`clickmask annotate`: the annotator in the browser."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import webbrowser
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from clickmask.cli.models import BackendOption, Runtime
from clickmask.cli.stages import RefineOption
from clickmask.core.errors import ImageError, InputError, StorageError, WeightsError

if TYPE_CHECKING:
    from clickmask.predict.cloud_predictor import CloudPipeline
    from clickmask.predict.predictor import Pipeline
    from clickmask.server.menus import ModelMenu
    from clickmask.store.project import Project
    from clickmask.zoo.cloud_spec import CloudSpec
    from clickmask.zoo.spec import ModelSpec

DEFAULT_PORT = 8765
PORTS_TRIED = 20
MODELS_FOLDER = "models"
"""In the project folder: models that the menu offers beside the known ones."""


def annotate(  # noqa: PLR0913 - each argument is an option of the command
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH", help="A folder of photographs and point clouds, or one of them. Without it, samples."
        ),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where everything is kept; .clickmask in the folder of images by default."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=f"Port to listen on; {DEFAULT_PORT} or the next free one by default."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any other than the default lets other machines in.")
    ] = "127.0.0.1",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    model: Annotated[str, typer.Option(help="Name from `clickmask models`, or a model folder.")] = "default",
    backend: BackendOption = None,
    refine: RefineOption = None,
) -> None:
    """Annotate images and point clouds in the browser.

    Left click: belongs to the object. Right click or Shift+click: does not. Enter: the object is finished.
    Everything is saved as it happens, in a project folder beside the images; the images stay as they are.

    For example:

      clickmask annotate                       try it on a photograph and a point cloud

      clickmask annotate photos                annotate a folder

      clickmask annotate photos --project work keep the project elsewhere
    """
    from clickmask.api import build_pipeline, find_stage
    from clickmask.server.app import create_app
    from clickmask.server.menus import CLOUDS
    from clickmask.server.run import listen, serve
    from clickmask.server.settings import Settings
    from clickmask.server.teaching import Teaching
    from clickmask.store.project import open_project
    from clickmask.zoo import catalog

    folder, only_path, kept = _places(path, project)
    images, clouds = (model, "points") if catalog.find_cloud(model) is None else ("default", model)
    catalog.find(images)
    stages = tuple(refine or ())
    for stage in stages:
        if find_stage(stage).carry is not None:
            raise InputError(
                f"The stage '{stage}' learns from finished objects in their order, but in the annotator objects are "
                "taken up again and deleted. Use it in `clickmask evaluate` or from Python: predictor.next_object()."
            )

    def build(name: str) -> Pipeline:
        # other models that are chosen in the browser run on what they are made for
        own = opened.folder / MODELS_FOLDER / name
        return build_pipeline(
            str(own) if own.is_dir() else name,
            stages=stages,
            backend=backend.value if backend and name == images else None,
        )

    with listen(host, DEFAULT_PORT if port is None else port, PORTS_TRIED if port is None else 0) as listening:
        opened = open_project(folder, kept)
        settings = Settings(host=host, port=listening.getsockname()[1], model=images, only_path=only_path)
        chosen = lambda: _models(opened.folder / MODELS_FOLDER, images)  # noqa: E731 - a menu is a function
        teaching = Teaching(opened.folder, opened.folder / MODELS_FOLDER)
        app = create_app(settings, opened, build, chosen, {CLOUDS: _cloud_menu(clouds, backend)}, teaching)
        _check_not_empty(opened)
        with contextlib.suppress(KeyboardInterrupt):  # raised again after Ctrl+C has closed everything
            serve(app, listening, lambda: _announce(settings.host, settings.port, settings.token, not no_browser))
    typer.echo("Stopped. Everything is saved.", err=True)


def _cloud_menu(default: str, backend: Runtime | None) -> ModelMenu:
    """The models for point clouds."""
    from clickmask.api import build_cloud_pipeline
    from clickmask.server.clouds.mind import warm
    from clickmask.server.menus import ModelMenu
    from clickmask.zoo import catalog

    def specs() -> dict[str, CloudSpec]:
        names = dict.fromkeys([*catalog.cloud_names(), default])
        return {name: replace(found[0], name=name) for name in names if (found := catalog.find_cloud(name)) is not None}

    def build(name: str) -> CloudPipeline:
        return build_cloud_pipeline(name, backend=None if backend is None else backend.value)

    return ModelMenu(build, warm, specs, default)


def _models(folder: Path, chosen: str) -> dict[str, ModelSpec]:
    """What the menu of models offers: the known ones, those in the project's folder, and the one that was asked for."""
    from clickmask.zoo import catalog
    from clickmask.zoo.spec import SPEC_FILE

    found = {name: catalog.find(name)[0] for name in catalog.names()}
    for spec in sorted(folder.glob(f"*/{SPEC_FILE}")):
        with contextlib.suppress(WeightsError):  # a damaged one is told when it is asked for
            found[spec.parent.name] = replace(catalog.find(str(spec.parent))[0], name=spec.parent.name)
    if chosen not in found:
        found[chosen] = replace(catalog.find(chosen)[0], name=chosen)
    return found


def _places(path: Path | None, project: Path | None) -> tuple[Path, str | None, Path | None]:
    """Folder of images, the one image in it that is meant (None: all), and the project folder (None: default)."""
    if path is None:
        return _sample(project)
    if path.is_dir():
        return path, None, project
    if not path.exists():
        raise InputError(f"There is no file or folder {path}. Give a folder of images or one image.")
    from clickmask.server.media import MEDIA, kind_of

    kind = kind_of(path)
    if kind is None:
        raise ImageError(f"{path} is no image or point cloud by its name. Give one, or a folder of them.")
    medium = MEDIA.get(kind)
    if medium.head(path) is None:
        medium.open(path)
    return path.parent, path.name, project


def _sample(project: Path | None) -> tuple[Path, str | None, Path | None]:
    """A folder with the bundled images, which stay: work on them is there again next time."""
    import clickmask.server
    from clickmask.server.media import found_in

    kept = project or data_folder() / "sample-project"
    images = kept / "images"
    source = Path(clickmask.server.__file__).parent / "sample"
    names = sorted(file.name for file in source.glob("*")) if source.is_dir() else []
    samples = [source / name for name, _ in found_in(source, names)]
    if not samples:
        raise InputError("This installation has no sample images. Give a folder of images: clickmask annotate FOLDER")
    try:
        images.mkdir(parents=True, exist_ok=True)
        for sample in samples:
            if not (images / sample.name).exists():
                shutil.copyfile(sample, images / sample.name)
    except OSError as error:
        problem = f"{images} cannot be written ({error.strerror}). Choose another folder with --project DIR."
        raise StorageError(problem) from error
    return images, None, kept


def data_folder() -> Path:
    """Where this system's programs keep a user's data."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "clickmask"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "clickmask"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "clickmask"


def _check_not_empty(opened: Project) -> None:
    if not opened.store.images():
        opened.close()
        raise InputError(
            f"There is no image in {opened.images_folder} or below it. "
            "Give a folder with JPEG, PNG, WebP, TIFF, BMP or GIF files, or with point clouds such as PLY or LAS."
        )


def _announce(host: str, port: int, token: str, open_browser: bool) -> None:
    from clickmask.server.run import address, is_local

    url = f"{address(host, port)}/?token={token}"
    typer.echo(f"Annotate at  {url}")
    typer.echo("Stop with Ctrl+C; everything is saved as it happens.", err=True)
    if not is_local(host):
        typer.echo(
            "Other machines can reach this server. The connection is not encrypted: use a trusted network.", err=True
        )
    if open_browser:
        Thread(target=webbrowser.open, args=(url,), daemon=True).start()  # a browser may take seconds to answer
