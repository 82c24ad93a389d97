"""`clickmask replay`: every answer of the model in a project asked once more, and compared with what was kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clickmask.cli.annotate import MODELS_FOLDER
from clickmask.cli.models import known_models
from clickmask.core.errors import ClickmaskError, InputError, UnknownNameError, WeightsError

if TYPE_CHECKING:
    from clickmask.predict.predictor import Pipeline
    from clickmask.server.replay import Replayed, ReplayedObject
    from clickmask.store.project import Project
    from clickmask.store.values import StoredImage


def replay(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of images, or the project folder.")],
    images: Annotated[
        list[str] | None,
        typer.Option("--image", metavar="NAME", help="Only this image, by its path in the folder. Repeatable."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            autocompletion=known_models,
            help="Ask this model. By default each answer is asked of the model that gave it.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per object, and the sum at last.")] = False,
) -> None:
    """Ask for every mask of an annotation project once more and compare it with the one that was kept.

    The prompts of each object are given again in their order, each with what the annotator knew then; what was painted
    or imported is taken as it stands. So a mask can be traced to the clicks it came from, and another model or version
    can be judged by how much of a finished project it would have answered otherwise.

    For example:

    clickmask replay photos

    clickmask replay photos --image street/0007.jpg --model fast
    """
    from clickmask.store.project import find_project, open_project

    project = open_project(*find_project(folder))
    total = same = 0
    try:
        ask = _models(project, model)
        for image in _chosen(project, images or ()):
            for found in _replayed(project, image, ask):
                total, same = total + len(found.answers), same + sum(a.same for a in found.answers)
                typer.echo(json.dumps(_json(image.path, found)) if as_json else _line(image.path, found))
    finally:
        project.close()
    if as_json:
        typer.echo(json.dumps({"answers": total, "identical": same}))
    else:
        typer.echo(f"{same} of {total} answers are the same to the bit.")


def _chosen(project: Project, names: tuple[str, ...] | list[str]) -> list[StoredImage]:
    """The images that are meant, those that nothing was done on left out."""
    all_images = project.store.images()
    unknown = set(names) - {image.path for image in all_images}
    if unknown:
        raise InputError(f"There is no image '{min(unknown)}' in this project. Give its path in the folder of images.")
    return [image for image in all_images if (image.path in names if names else image.rev > 0)]


def _replayed(project: Project, image: StoredImage, ask: Callable[[str], Pipeline | None]) -> Iterator[ReplayedObject]:
    """The objects of an image; a note on the error output where it cannot be replayed."""
    from clickmask.server.folder import ImageFolder
    from clickmask.server.media import MEDIA
    from clickmask.server.menus import IMAGES
    from clickmask.server.replay import replay as replay_image

    medium, store = MEDIA.get(image.kind), project.store
    if medium.model_kind != IMAGES:
        typer.echo(f"{image.path}: left out; {medium.title} are not replayed.", err=True)
        return
    try:
        opened = medium.open(ImageFolder(project.images_folder).file(image.path))
    except ClickmaskError as error:
        typer.echo(f"{image.path}: left out. {error}", err=True)
        return
    if image.facts is not None and opened.size_hw != image.facts.size_hw:
        typer.echo(f"{image.path}: left out, because the file was replaced by one of another size.", err=True)
        return
    yield from replay_image(store.steps(image.id), store.events(image.id), opened, medium.mind, ask, store.policy())


def _models(project: Project, wanted: str | None) -> Callable[[str], Pipeline | None]:
    """Models by the name under which they were recorded, each built once."""
    from clickmask.api import build_pipeline

    @cache
    def built(name: str) -> Pipeline:
        own = project.folder / MODELS_FOLDER / name
        return build_pipeline(str(own) if own.is_dir() else name)

    @cache
    def recorded(name: str) -> Pipeline | None:
        try:
            return built(name or "default")
        except (UnknownNameError, WeightsError):
            return None

    return recorded if wanted is None else lambda _name: built(wanted)


def _line(path: str, found: ReplayedObject) -> str:
    """An object in a line, and another for each answer that differs."""
    count, same = len(found.answers), sum(a.same for a in found.answers)
    by_hand = f", {found.by_hand} by hand" if found.by_hand else ""
    told = f"{same} of {count} answers the same" if count else "nothing to ask"
    lines = [f"{path} #{found.id}: {told}{by_hand}"]
    lines += [f"  {a.step}: {_difference(a)}{a.reason}" for a in found.answers if not a.same]
    return "\n".join(lines)


def _difference(answer: Replayed) -> str:
    return "" if answer.asked is None else f"{answer.pixels} pixels differ (IoU {answer.iou:.4f}); "


def _json(path: str, found: ReplayedObject) -> dict[str, Any]:
    answers = [
        {
            "step": str(a.step),
            "identical": a.same,
            "model": a.model or None,
            "asked": a.asked,
            "pixels": a.pixels,
            "iou": round(a.iou, 6),
            "reason": a.reason or None,
        }
        for a in found.answers
    ]
    return {"image": path, "object": found.id, "by_hand": found.by_hand, "answers": answers}
