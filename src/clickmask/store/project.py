"""A project on disk: the folder of images, and beside or inside it the folder with everything clickmask keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clickmask.core.errors import InputError, StorageError
from clickmask.store.lock import ProjectLock
from clickmask.store.protocol import SessionStore
from clickmask.store.sql import SqlStore, images_folder_of, sqlite_engine

PROJECT_FOLDER = ".clickmask"
DATABASE_FILE = "project.db"


@dataclass(frozen=True)
class Project:
    """An open project.

    Attributes:
        images_folder: where the images are; never written to, unless the project folder lies in it.
        folder: where the database, the cache and the exports are.
        store: the database.
        lock: keeps other processes out.
    """

    images_folder: Path
    folder: Path
    store: SessionStore
    lock: ProjectLock

    @property
    def cache_folder(self) -> Path:
        """Thumbnails and display pictures; may be deleted at any time."""
        return self.folder / "cache"

    @property
    def export_folder(self) -> Path:
        """What was exported."""
        return self.folder / "export"

    def close(self) -> None:
        """Let go of the database and of the lock."""
        self.store.close()
        self.lock.release()


def find_project(folder: Path) -> tuple[Path, Path]:
    """Folder of images and project folder, from either of them.

    Raises:
        InputError: there is no project.
    """
    for project in (folder / PROJECT_FOLDER, folder):
        database = project / DATABASE_FILE
        if database.is_file():
            inside = project.name == PROJECT_FOLDER
            return (project.parent if inside else images_folder_of(str(database))), project
    raise InputError(
        f"There is no annotation project in {folder}. Give a folder that was opened with `clickmask annotate`, or what "
        "was given with --project."
    )


def open_project(images_folder: Path, project_folder: Path | None = None) -> Project:
    """Open or begin the project of a folder of images.

    Args:
        images_folder: the folder with the images.
        project_folder: where the project is kept; ``.clickmask`` in the folder of images if None.

    Raises:
        StorageError: the project folder cannot be written, is open in another process, or is damaged.
    """
    root = images_folder.resolve()
    folder = (project_folder or root / PROJECT_FOLDER).resolve()
    try:
        for needed in (folder, folder / "cache", folder / "export"):
            needed.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The project folder {folder} cannot be made ({error.strerror}). "
            "Choose a folder that you may write to with --project DIR."
        ) from error
    lock = ProjectLock(folder)
    try:
        return Project(root, folder, SqlStore(sqlite_engine(str(folder / DATABASE_FILE)), str(root)), lock)
    except BaseException:
        lock.release()
        raise
