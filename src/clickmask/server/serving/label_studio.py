"""Label Studio's ML backend: health, setup, predictions for smart keypoints and rectangles, webhooks.

A request for an interactive prediction brings one task and all smart regions of the object in `params.context`. Without
a context, or with several tasks, each task gets an empty answer: clickmask guesses nothing that nobody clicked at.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from clickmask.core.errors import InputError, PromptError
from clickmask.core.masks import RunLengthMask
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompt, Prompts
from clickmask.formats import fields, rle_label_studio
from clickmask.formats.label_studio import brush_value
from clickmask.formats.polygons import box_ring, edge_rings
from clickmask.formats.xml_text import parsed
from clickmask.server.serving.asking import Proposal
from clickmask.server.serving.deps import TheAsker, TheModels, TheSources, json_body
from clickmask.server.serving.sources import Sent, Sources

EVENTS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATION_DELETED", "ANNOTATIONS_DELETED", "START_TRAINING")
PROJECTS_REMEMBERED = 1000
_TAGS = {"BrushLabels": "brushlabels", "PolygonLabels": "polygonlabels"}

router = APIRouter()


@dataclass(frozen=True)
class OutputTag:
    """Where an answer goes: the control tag of a label configuration.

    Attributes:
        kind: brushlabels or polygonlabels.
        name: of the control tag.
        to_name: of the image tag.
        image_key: of a task's data.
        labels: of the control tag.
    """

    kind: str
    name: str
    to_name: str
    image_key: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Host:
    """A Label Studio: its address and the token that opens its files."""

    address: str
    token: str


class Projects:
    """What `/setup` told about projects, the newest ones."""

    def __init__(self) -> None:
        self._hosts: OrderedDict[str, Host] = OrderedDict()

    def remember(self, project: str, host: Host) -> None:
        """Keep the host of a project."""
        self._hosts[project] = host
        self._hosts.move_to_end(project)
        if len(self._hosts) > PROJECTS_REMEMBERED:
            self._hosts.popitem(last=False)

    def host(self, project: str) -> Host | None:
        """The host of a project, None if it was never set up."""
        return self._hosts.get(project)


@router.get("/health")
@router.get("/")
async def health(models: TheModels) -> dict[str, Any]:
    """At once, also while the model is loading: Label Studio waits one second."""
    return {"status": "UP", "model_class": "clickmask", "model": models.status.name, "state": models.status.state}


@router.get("/metrics")
async def metrics() -> dict[str, Any]:
    """Nothing is measured."""
    return {}


@router.get("/versions")
@router.post("/versions")
async def versions(models: TheModels) -> dict[str, Any]:
    """The one model in use."""
    return {"versions": [models.status.name]}


@router.post("/setup")
async def setup(request: Request, models: TheModels) -> dict[str, Any]:
    """A project connects: where its files are is remembered."""
    body = await json_body(request)
    host = Host(str(body.get("hostname") or ""), str(body.get("access_token") or ""))
    projects: Projects = request.app.state.projects
    projects.remember(str(body.get("project")), host)
    if body.get("schema"):
        output_tag(str(body["schema"]))
    return {"model_version": models.status.name}


@router.post("/predict")
async def predict(request: Request, sources: TheSources, asker: TheAsker, models: TheModels) -> dict[str, Any]:
    """One answer for each task."""
    body = await json_body(request)
    tasks = [fields.mapping(t, f"tasks[{i}]") for i, t in enumerate(fields.items(body.get("tasks"), "'tasks'"))]
    params = fields.mapping(body.get("params") or {}, "'params'")
    context = fields.mapping(params.get("context") or {}, "'params.context'")
    regions = fields.items(context.get("result") or [], "'context.result'")
    if len(tasks) != 1 or not regions:
        nothing = {"result": [], "score": 0.0, "model_version": models.status.name}
        return {"results": [nothing for _ in tasks], "model_version": models.status.name}
    tag = output_tag(fields.text(body, "label_config", "The request"))
    data = fields.mapping(tasks[0].get("data"), "tasks[0].data")
    projects: Projects = request.app.state.projects
    host = projects.host(str(body.get("project")))
    image = await _image(fields.text(data, tag.image_key, "tasks[0].data"), host, sources)
    size_hw = image.frame.size_hw
    reply = await asker.ask(image, prompts_of(regions, size_hw))
    best = reply.proposals[0]
    result = regions_of(best, tag, label_of(regions, tag)) if best.mask else []
    answer = {"result": result, "score": best.score, "model_version": reply.model}
    return {"results": [answer], "model_version": reply.model}


@router.post("/webhook")
async def webhook(request: Request) -> JSONResponse:
    """Events are acknowledged and nothing is kept of them."""
    body = await json_body(request)
    if body.get("action") in EVENTS:
        return JSONResponse({"result": {}, "status": "ok"}, 201)
    return JSONResponse({"status": "Unknown event"}, 200)


@router.post("/validate")
@router.post("/train")
@router.post("/job_status")
@router.post("/delete")
@router.post("/duplicate_model")
async def older() -> dict[str, Any]:
    """What older servers ask; there is nothing to do."""
    return {}


def output_tag(config: str) -> OutputTag:
    """The first BrushLabels, else PolygonLabels, that belongs to an image.

    Raises:
        FormatError: no XML, or XML with a document type.
        InputError: no such tag.
    """
    root = parsed(config, "The label configuration")
    images = {e.get("name", ""): e.get("value", "").removeprefix("$") for e in root.iter("Image")}
    for tag, kind in _TAGS.items():
        for control in root.iter(tag):
            target = next((n for n in control.get("toName", "").split(",") if n in images), None)
            if target is not None:
                labels = tuple(e.get("value", "") for e in control.iter("Label"))
                return OutputTag(kind, control.get("name", ""), target, images[target], labels)
    raise InputError(
        "The label configuration has no <BrushLabels> or <PolygonLabels> for an <Image>, so a mask has no place to go. "
        "Add one; docs/servers.md has a configuration to copy."
    )


def prompts_of(regions: list[Any], size_hw: tuple[int, int]) -> Prompts:
    """Prompts from smart regions, in their order, in pixels of the image.

    Keypoints are clicks (negative where `is_positive` is false or 0), rectangles boxes, brush masks initial masks.

    Raises:
        FormatError: a region is damaged.
        PromptError: there is no usable region.
    """
    found: list[Prompt] = []
    for position, value in enumerate(regions):
        where = f"context.result[{position}]"
        region = fields.mapping(value, where)
        kind = str(region.get("type", "")).removesuffix("labels")
        geometry = fields.mapping(region.get("value"), f"{where}.value")
        if kind == "keypoint":
            found.append(_click(region, geometry, size_hw, where))
        elif kind == "rectangle":
            found.append(_box(geometry, size_hw, where))
        elif kind == "brush" and geometry.get("rle"):
            data = fields.items(geometry["rle"], f"{where}.value.rle")
            found.append(MaskPrompt(RunLengthMask.encode(rle_label_studio.decode(data, size_hw))))
    if not found:
        raise PromptError("The context holds no keypoint, rectangle or brush, so there is nothing to answer.")
    return Prompts(tuple(found))


def label_of(regions: list[Any], tag: OutputTag) -> str:
    """The label of the newest region that has one of the tag's, else the tag's first."""
    for region in reversed(regions):
        values = region.get("value", {})
        named = values.get(str(region.get("type"))) or values.get("labels") or []
        for label in named if isinstance(named, list) else []:
            if label in tag.labels:
                return str(label)
    return tag.labels[0] if tag.labels else ""


def regions_of(proposal: Proposal, tag: OutputTag, label: str) -> list[dict[str, Any]]:
    """Regions of an answer: one brush mask, or a polygon for each part."""
    height, width = proposal.mask.size_hw
    if tag.kind == "brushlabels":
        values = [brush_value(proposal.mask)]
    else:
        x0, y0, _, _ = proposal.mask.box_xyxy
        rings = edge_rings(proposal.mask.decode_crop()).outer
        percent = [(np.add(ring, (x0, y0)) / (width, height) * 100).tolist() for ring in rings]
        values = [{"points": points, "closed": True} for points in percent]
    return [
        {
            "id": secrets.token_hex(5), "from_name": tag.name, "to_name": tag.to_name, "type": tag.kind,
            "origin": "manual", "original_width": width, "original_height": height, "image_rotation": 0,
            "value": {**value, tag.kind: [label]}, "score": proposal.score, "readonly": False,
        }
        for value in values
    ]  # fmt: skip


def _click(region: Mapping[str, Any], value: Mapping[str, Any], size_hw: tuple[int, int], where: str) -> Click:
    height, width = size_hw
    x, y = fields.number(value, "x", where) * width / 100, fields.number(value, "y", where) * height / 100
    return Click(x, y, region.get("is_positive", True) not in (0, "0", "false"))


def _box(value: Mapping[str, Any], size_hw: tuple[int, int], where: str) -> Box:
    x, y, w, h = (fields.number(value, key, where) for key in ("x", "y", "width", "height"))
    turn = fields.number(value, "rotation", where) if value.get("rotation") else 0.0
    corners = box_ring(x, y, x + w, y + h, 0.0) * (size_hw[1] / 100, size_hw[0] / 100)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    turned = box_ring(left, top, right, bottom, turn, about_corner=True)
    return Box(*turned.min(axis=0).tolist(), *turned.max(axis=0).tolist())


async def _image(reference: str, host: Host | None, sources: Sources) -> Sent:
    """The image of a task: from its own address, from Label Studio if that is allowed, else from the folder."""
    if not reference.startswith("/data/"):
        return await sources.open(reference, _token_for(reference, host))
    if host is not None and sources.allows(urljoin(host.address, reference)):
        return await sources.open(urljoin(host.address, reference), _token_for(host.address, host))
    local = parse_qs(urlsplit(reference).query).get("d", [""])[0]
    try:
        return await sources.open(local or reference.removeprefix("/data/"))
    except InputError as error:
        text = "Label Studio keeps this image. Start the server with --allow-host HOST:PORT of Label Studio, or give "
        raise type(error)(f"{error} {text}the folder of its files with --images.") from error


def _token_for(address: str, host: Host | None) -> dict[str, str]:
    """The token goes to the Label Studio that gave it, and to nobody else."""
    if host is None or not host.token or urlsplit(address).netloc != urlsplit(host.address).netloc:
        return {}
    return {"Authorization": f"Token {host.token}"}
