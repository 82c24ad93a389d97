"""The finished objects of an annotation project as training data: masks are the truth, images stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clickmask.core.errors import InputError


def export_projects(folders: Sequence[Path], run_folder: Path) -> tuple[Path, ...]:
    """A COCO file with exact masks for each project, below the folder of a run; an existing one is used again.

    Args:
        folders: a folder of images that was annotated, or the project folder itself.
        run_folder: of the run.

    Raises:
        InputError: no project there, or no finished object in it.
        StorageError: the project is open in another process.
    """
    return tuple(_exported(folder, run_folder / f"project-{i}.json") for i, folder in enumerate(folders, 1))


def _exported(folder: Path, target: Path) -> Path:
    from clickmask.server.folder import ImageFolder
    from clickmask.server.lesson_data import lesson_of, write_lesson
    from clickmask.store.project import find_project, open_project

    if target.is_file():
        return target  # a run that goes on learns from what it began with
    project = open_project(*find_project(folder))
    try:
        store = project.store
        objects = [(i, store.objects(i.id)) for i in store.images()]
        lesson = lesson_of(objects, {c.id: c for c in store.classes()}, ImageFolder(project.images_folder).file)
    finally:
        project.close()
    if not lesson.images:
        raise InputError(
            f"The project in {folder} holds no finished object. Finish some first: clickmask annotate {folder}"
        )
    write_lesson(lesson, target)
    return target
