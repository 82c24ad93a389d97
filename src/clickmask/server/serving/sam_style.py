"""Our own protocol for programs: images by upload or reference, prompts in SAM's style, masks as run lengths or PNG."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from clickmask.core.errors import PromptError
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompt, Prompts
from clickmask.formats.coco import rle_encode, rle_mask
from clickmask.formats.mask_png import encode_binary
from clickmask.server.serving.asking import Proposal
from clickmask.server.serving.deps import TheAsker, TheModels, TheSources

MOST_POINTS = 1000

router = APIRouter(prefix="/api/v1")

Pair = tuple[FiniteFloat, FiniteFloat]


class PredictBody(BaseModel):
    """Body of `/predict`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: Annotated[str, Field(min_length=1)]
    point_coords: Annotated[list[Pair], Field(max_length=MOST_POINTS)] = []
    point_labels: Annotated[list[Literal[0, 1]], Field(max_length=MOST_POINTS)] = []
    box: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    initial_mask: dict[str, Any] | None = None
    multimask_output: bool = False
    output: Literal["rle", "png"] = "rle"


@router.get("/version")
async def version(models: TheModels) -> dict[str, Any]:
    """The model in use and how it is."""
    import clickmask

    status = models.status
    return {"version": clickmask.__version__, "model": status.name, "state": status.state, "problem": status.problem}


@router.post("/images")
async def upload(request: Request, sources: TheSources) -> dict[str, Any]:
    """Send an image, the bytes of its file as the body; its id is taken instead of it from then on."""
    sent = await sources.add(await request.body())
    height, width = sent.frame.size_hw
    return {"id": sent.id, "width": width, "height": height}


@router.post("/predict", response_model=None)
async def predict(body: PredictBody, sources: TheSources, asker: TheAsker) -> Response | dict[str, Any]:
    """Masks for prompts on an image: `image` is an id, a data address, an allowed address or a path below --images."""
    image = await sources.open(body.image)
    reply = await asker.ask(image, prompts_of(body, image.frame.size_hw), body.multimask_output)
    if body.output == "png":
        best = reply.proposals[0]
        headers = {"X-Score": f"{best.score:.4f}", "X-Model": reply.model}
        return Response(encode_binary(best.mask.decode()), media_type="image/png", headers=headers)
    return {
        "image": image.id, "masks": [_mask_json(p) for p in reply.proposals],
        "model": reply.model, "milliseconds": round(reply.milliseconds, 1),
    }  # fmt: skip


def prompts_of(body: PredictBody, size_hw: tuple[int, int]) -> Prompts:
    """Initial mask, box, then the points in their order.

    Raises:
        PromptError: not one label for each point, or an empty box.
        FormatError: the mask is damaged.
    """
    if len(body.point_coords) != len(body.point_labels):
        raise PromptError(
            f"point_labels needs one label for each point: {len(body.point_coords)} points, "
            f"{len(body.point_labels)} labels. 1 is positive, 0 negative."
        )
    found: list[Prompt] = []
    if body.initial_mask is not None:
        found.append(MaskPrompt(rle_mask(body.initial_mask, size_hw, "initial_mask")))
    if body.box is not None:
        found.append(Box(*body.box))
    points = zip(body.point_coords, body.point_labels, strict=True)
    return Prompts((*found, *(Click(x, y, label == 1) for (x, y), label in points)))


def _mask_json(proposal: Proposal) -> dict[str, Any]:
    x0, y0, x1, y1 = proposal.mask.box_xyxy
    return {
        "segmentation": rle_encode(proposal.mask), "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": proposal.mask.area, "score": round(proposal.score, 4),
    }  # fmt: skip
