"""The application: parts put together, nothing decided."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

import clickmask
from clickmask.server import exchange
from clickmask.server.deps import install_error_answers
from clickmask.server.guard import Guard
from clickmask.server.hub import Hub, training_json
from clickmask.server.image_mind import warm
from clickmask.server.menus import IMAGES, ModelMenu
from clickmask.server.model import BuildPipeline
from clickmask.server.routes import (
    about,
    classes,
    images,
    live,
    objects,
    page,
    points,
    statistics,
    training,
    transfer,
    volumes,
)
from clickmask.server.services import Services
from clickmask.server.settings import Settings
from clickmask.server.teaching import Teacher, Teaching
from clickmask.store.project import Project
from clickmask.zoo.spec import ModelSpec


def create_app(
    settings: Settings,
    project: Project,
    build_pipeline: BuildPipeline,
    model_specs: Callable[[], Mapping[str, ModelSpec]],
    more_models: Mapping[str, ModelMenu] | None = None,
    teaching: Teaching | None = None,
) -> FastAPI:
    """The annotator as an ASGI application.

    Args:
        settings: address, token, limits.
        project: open; closed when the application stops.
        build_pipeline: makes a model by name; called in a worker thread.
        model_specs: the models that can be chosen, the default first.
        more_models: models of other kinds than `menus.IMAGES`, by their kind.
        teaching: how models are trained from the page; None for a server that does not.

    Raises:
        StorageError: the folder or the project cannot be read.
    """
    menus = {IMAGES: ModelMenu(build_pipeline, warm, model_specs, settings.model), **(more_models or {})}
    services = Services(project, menus, settings.only_path)
    services.folder.scan(project.store)
    exchange.remove_unfinished(project.export_folder)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        hub = Hub(services)
        teacher = Teacher(teaching, model_specs)
        teacher.on_change = lambda: hub.tell_all(training_json(teacher.lesson))
        app.state.services, app.state.hub, app.state.settings, app.state.teacher = services, hub, settings, teacher
        await services.refresh_classes()
        await services.refresh_policy()
        await services.refresh_people()
        await services.refresh_kinds()
        try:
            yield
        finally:
            await teacher.close()
            await hub.close()
            services.close()

    app = FastAPI(
        title="clickmask", version=clickmask.__version__, lifespan=lifespan,
        docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json",
    )  # fmt: skip
    install_error_answers(app)
    for part in (about, images, points, objects, classes, transfer, statistics, training, volumes, live, page):
        app.include_router(part.router)
    app.add_middleware(Guard, settings=settings)
    return app
