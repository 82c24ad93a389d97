"""The application for other tools: parts put together, nothing decided."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import clickmask
from clickmask.server.deps import install_error_answers
from clickmask.server.image_mind import warm
from clickmask.server.model import BuildPipeline, ModelHost
from clickmask.server.serving import label_studio, nuclio, sam_style
from clickmask.server.serving.asking import Asker
from clickmask.server.serving.guard import ServingGuard
from clickmask.server.serving.settings import ServingSettings
from clickmask.server.serving.sources import Sources


def create_serving_app(settings: ServingSettings, build_pipeline: BuildPipeline) -> FastAPI:
    """Label Studio's, CVAT's and our own protocol as one ASGI application.

    Args:
        settings: address, token, limits, where images may come from.
        build_pipeline: makes a model by name; called in a worker thread.
    """
    models = ModelHost(build_pipeline, warm)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings, app.state.models = settings, models
        app.state.sources, app.state.asker = Sources(settings), Asker(models)
        app.state.projects = label_studio.Projects()
        models.choose(settings.model)
        try:
            yield
        finally:
            models.close()

    app = FastAPI(
        title="clickmask serve", version=clickmask.__version__, lifespan=lifespan,
        docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json",
    )  # fmt: skip
    install_error_answers(app)
    for part in (label_studio, nuclio, sam_style):
        app.include_router(part.router)
    app.add_middleware(ServingGuard, settings=settings)
    return app
