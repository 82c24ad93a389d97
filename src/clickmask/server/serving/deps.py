"""What the routes for other tools are given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from clickmask.core.errors import InputError
from clickmask.predict.predictor import Pipeline
from clickmask.server.model import ModelHost
from clickmask.server.serving.asking import Asker
from clickmask.server.serving.settings import ServingSettings
from clickmask.server.serving.sources import Sources


def _settings(request: Request) -> ServingSettings:
    return cast(ServingSettings, request.app.state.settings)


def _models(request: Request) -> ModelHost[Pipeline]:
    return cast("ModelHost[Pipeline]", request.app.state.models)


def _sources(request: Request) -> Sources:
    return cast(Sources, request.app.state.sources)


def _asker(request: Request) -> Asker:
    return cast(Asker, request.app.state.asker)


TheServingSettings = Annotated[ServingSettings, Depends(_settings)]
TheModels = Annotated[ModelHost[Pipeline], Depends(_models)]
TheSources = Annotated[Sources, Depends(_sources)]
TheAsker = Annotated[Asker, Depends(_asker)]


async def json_body(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object, whatever its content type says: the tools differ in that.

    Raises:
        InputError: it is none.
    """
    try:
        value = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise InputError(f"The body must be a JSON object: {str(error)[:200]}.") from error
    if not isinstance(value, dict):
        raise InputError(f"The body must be a JSON object {{...}}, got {type(value).__name__}.")
    return value
