"""What routes are given, and how errors go out."""

from __future__ import annotations

import re
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from clickmask.core.errors import ClickmaskError, InputError
from clickmask.server.errors import StaleError, refusal
from clickmask.server.hub import Hub
from clickmask.server.schemas import object_json, problem_text
from clickmask.server.services import Services
from clickmask.server.settings import Settings
from clickmask.server.teaching import Teacher

REST_CLIENT = "rest"
"""Name under which changes over REST stand in the log."""


def _services(connection: HTTPConnection) -> Services:
    return cast(Services, connection.app.state.services)


def _hub(connection: HTTPConnection) -> Hub:
    return cast(Hub, connection.app.state.hub)


def _settings(connection: HTTPConnection) -> Settings:
    return cast(Settings, connection.app.state.settings)


def _if_match(request: Request) -> int | None:
    """Revision in the If-Match header, None without one."""
    given = request.headers.get("if-match")
    if given is None:
        return None
    found = re.fullmatch(r'"?(\d{1,9})"?', given.strip())
    if found is None:
        raise InputError(f'If-Match must hold a revision such as "17", got {given[:50]!r}.')
    return int(found.group(1))


def _teacher(connection: HTTPConnection) -> Teacher:
    return cast(Teacher, connection.app.state.teacher)


TheServices = Annotated[Services, Depends(_services)]
TheHub = Annotated[Hub, Depends(_hub)]
TheTeacher = Annotated[Teacher, Depends(_teacher)]
TheSettings = Annotated[Settings, Depends(_settings)]
Number = Annotated[int, Path(ge=0, le=2**31 - 1)]
"""Number of an image, object or class in a path. The database could not take a larger one."""
SeenRevision = Annotated[int | None, Depends(_if_match)]


def error_body(code: str, message: str) -> dict[str, Any]:
    """Body of a refusal."""
    return {"error": {"code": code, "message": message}}


def install_error_answers(app: FastAPI) -> None:
    """Turn errors into the protocol's answers."""

    @app.exception_handler(ClickmaskError)
    async def refused(_request: Request, error: ClickmaskError) -> JSONResponse:
        answer = refusal(error)
        body: dict[str, Any] = {"error": answer.json()}
        if isinstance(error, StaleError) and error.current is not None:
            body["error"]["current"] = object_json(error.current)
        return JSONResponse(body, answer.status)

    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        text = "; ".join(problem_text(tuple(e["loc"]), e["msg"]) for e in error.errors()[:3])
        return JSONResponse(error_body("bad_request", text), 400)

    @app.exception_handler(HTTPException)
    async def other(_request: Request, error: HTTPException) -> JSONResponse:
        code = "not_found" if error.status_code == 404 else "bad_request"
        return JSONResponse(error_body(code, str(error.detail)), error.status_code)
