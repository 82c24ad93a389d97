"""What goes over the wire as JSON: commands and bodies coming in, values going out."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, TypeAdapter, ValidationError

from clickmask.core.errors import InputError
from clickmask.core.prompts import Box, Click, MaskPrompt, Prompt, Scribble
from clickmask.core.words import words_json
from clickmask.formats.levels import level_sizes
from clickmask.server.tiles import TILE, in_tiles
from clickmask.store.values import HistoryEntry, ObjectValue, Policy, Review, StoredClass, StoredImage, StoredObject

ClientName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]
_Whole = Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)]
Points = Annotated[list[tuple[FiniteFloat, FiniteFloat]], Field(min_length=1, max_length=20_000)]
"""A line, [[x, y], ...] in image pixels."""
Loops = Annotated[list[Points], Field(min_length=1, max_length=10_000)]
"""Closed loops, holes among them."""
Place = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
"""x, y, z."""
_Text = Annotated[str, StringConstraints(max_length=500)]


PersonName = Annotated[str, StringConstraints(max_length=40, strip_whitespace=True)]


class _Incoming(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _Command(_Incoming):
    """What every command carries; over REST `seq` and `rev` may be missing."""

    seq: _Whole = 0
    rev: _Whole | None = None


class _ObjectCommand(_Command):
    object_id: _Whole | None = Field(None, validation_alias="object", serialization_alias="object")


Reach = Annotated[float, Field(ge=16, le=2**31, allow_inf_nan=False)]
"""Pixels to look at in each direction of a click."""


class ClickCommand(_ObjectCommand):
    """Add a click."""

    type: Literal["click"]
    x: FiniteFloat
    y: FiniteFloat
    positive: bool = True
    reach: Reach | None = None
    class_id: _Whole | None = Field(None, validation_alias="class", serialization_alias="class")
    t: FiniteFloat | None = None


class BoxCommand(_ObjectCommand):
    """Add a box."""

    type: Literal["box"]
    x0: FiniteFloat
    y0: FiniteFloat
    x1: FiniteFloat
    y1: FiniteFloat
    class_id: _Whole | None = Field(None, validation_alias="class", serialization_alias="class")
    t: FiniteFloat | None = None


class LineCommand(_ObjectCommand):
    """Draw a scribble over something, or a lasso round it."""

    type: Literal["scribble", "lasso"]
    points: Points
    positive: bool = True
    class_id: _Whole | None = Field(None, validation_alias="class", serialization_alias="class")
    t: FiniteFloat | None = None


class AcceptCommand(_ObjectCommand):
    """Take what is proposed, all of it or the part at a point."""

    type: Literal["accept"]
    x: FiniteFloat | None = None
    y: FiniteFloat | None = None

    @property
    def at_xy(self) -> tuple[float, float] | None:
        """The point, None for all."""
        return None if self.x is None or self.y is None else (self.x, self.y)


class ThresholdCommand(_ObjectCommand):
    """Set the probability from which on pixels belong to the object, or only look at it."""

    type: Literal["threshold", "try_threshold"]
    value: Annotated[float, Field(ge=0.01, le=0.99)]


class NextMaskCommand(_ObjectCommand):
    """Take the next of the masks that the prompts may mean."""

    type: Literal["next_mask"]


class PaintCommand(_ObjectCommand):
    """A stroke of the brush, or of the eraser if it is not positive."""

    type: Literal["paint"]
    points: Points
    radius: Annotated[float, Field(ge=0.5, le=500)]
    positive: bool = True
    class_id: _Whole | None = Field(None, validation_alias="class", serialization_alias="class")
    t: FiniteFloat | None = None


class PolygonCommand(_ObjectCommand):
    """A drawn polygon, or (with `before`) an outline whose corners were moved."""

    type: Literal["polygon"]
    loops: Loops
    before: Loops | None = None
    positive: bool = True
    class_id: _Whole | None = Field(None, validation_alias="class", serialization_alias="class")
    t: FiniteFloat | None = None


class SelectCommand(_ObjectCommand):
    """Cells that were chosen one by one, as run lengths."""

    type: Literal["select"]
    runs: Annotated[str, StringConstraints(max_length=64 * 2**20)]
    positive: bool = True
    class_id: _Whole | None = Field(None, validation_alias="class", serialization_alias="class")
    t: FiniteFloat | None = None


class WandCommand(_ObjectCommand):
    """Everything of a similar colour round a point."""

    type: Literal["wand"]
    x: FiniteFloat
    y: FiniteFloat
    tolerance: Annotated[float, Field(ge=0, le=255)] = 24
    positive: bool = True
    class_id: _Whole | None = Field(None, validation_alias="class", serialization_alias="class")
    t: FiniteFloat | None = None


class ShapeCommand(_ObjectCommand):
    """An operation on the shape as a whole; `amount` in pixels."""

    type: Literal["shape"]
    operation: Literal["fill_holes", "keep_largest", "remove_specks", "smooth", "grow", "shrink"]
    amount: Annotated[float, Field(ge=0, le=10_000)] = 1


class SplitCommand(_ObjectCommand):
    """Make several objects of one, by its parts or along a line."""

    type: Literal["split"]
    line: Points | None = None


class CombineCommand(_ObjectCommand):
    """Combine an object with others."""

    type: Literal["combine"]
    operation: Literal["merge", "subtract", "intersect", "exclude"]
    others: Annotated[list[_Whole], Field(min_length=1, max_length=1000)]


class RemovePromptCommand(_ObjectCommand):
    """Take a prompt back."""

    type: Literal["remove_prompt"]
    index: _Whole


class SimpleCommand(_ObjectCommand):
    """A command about an object, without further fields."""

    type: Literal["finish", "discard", "activate", "reopen", "delete"]


class PropagateCommand(_ObjectCommand):
    """Carry the mask of a slice of a volume to its neighbours and on."""

    type: Literal["propagate"]
    slice: _Whole
    direction: Literal["both", "forward", "backward"] = "both"
    to: _Whole | None = None


class StopCommand(_Command):
    """Carry no further."""

    type: Literal["stop"]


class PatchBody(_Incoming):
    """Properties of an object to change; those not given stay."""

    class_id: _Whole | None = Field(None, validation_alias="class", serialization_alias="class")
    colour: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None
    hidden: bool | None = None
    locked: bool | None = None
    ignored: bool | None = None
    review: Review | None = None
    note: _Text | None = None
    z: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None

    def changes(self) -> dict[str, Any]:
        """The given ones, by the names of ObjectValue; null means something for `colour` and `review`."""
        given = {name: getattr(self, name) for name in PatchBody.model_fields if name in self.model_fields_set}
        return {name: value for name, value in given.items() if value is not None or name in ("colour", "review")}


class PatchCommand(PatchBody, _ObjectCommand):
    """Change properties of an object."""

    type: Literal["patch"]


class StepCommand(_Command):
    """Undo or redo."""

    type: Literal["undo", "redo"]


class JumpCommand(_Command):
    """Go to a step of the history."""

    type: Literal["jump"]
    action: _Whole


class PingCommand(_Command):
    """Are you there?"""

    type: Literal["ping"]


Command = (
    ClickCommand
    | BoxCommand
    | LineCommand
    | AcceptCommand
    | ThresholdCommand
    | NextMaskCommand
    | PaintCommand
    | PolygonCommand
    | SelectCommand
    | WandCommand
    | ShapeCommand
    | SplitCommand
    | CombineCommand
    | RemovePromptCommand
    | SimpleCommand
    | PropagateCommand
    | StopCommand
    | PatchCommand
    | StepCommand
    | JumpCommand
    | PingCommand
)
_COMMAND: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="type")])


def command_types() -> frozenset[str]:
    """Types of all commands."""
    return frozenset(
        name for command in get_args(Command) for name in get_args(command.model_fields["type"].annotation)
    )


def json_content(*models: type[BaseModel], **more: Any) -> dict[str, Any]:
    """OpenAPI's description of a JSON body that a route reads by itself: one of `models` with `more` properties."""
    schemas = [m.model_json_schema() for m in models]
    for schema in schemas:
        schema["properties"] = {**schema["properties"], **more}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": schemas}}}}}


def binary_content(media_type: str) -> dict[str, Any]:
    """OpenAPI's description of a body of bytes."""
    schema = {"type": "string", "format": "binary"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


UPLOAD_CONTENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "format"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "format": {"type": "string"},
                        "image": {"type": "string"},
                    },
                }
            }
        },
    }
}
"""OpenAPI's description of an upload."""


class HoverMessage(_Incoming):
    """What would a click here give? Not a command: it changes nothing and is answered by a preview record alone."""

    type: Literal["hover"]
    seq: _Whole
    x: FiniteFloat
    y: FiniteFloat
    positive: bool = True
    reach: Reach | None = None


class CancelMessage(_Incoming):
    """The answer to the last `hover` is not wanted any more."""

    type: Literal["cancel"]
    seq: _Whole


_PREVIEW: TypeAdapter[HoverMessage | CancelMessage] = TypeAdapter(
    Annotated[HoverMessage | CancelMessage, Field(discriminator="type")]
)


class OpenMessage(_Incoming):
    """First message on a WebSocket."""

    type: Literal["open"]
    client: ClientName
    name: PersonName = ""


class NameMessage(_Incoming):
    """Who works in this window, for the others; empty for nobody in particular. Not a command: it changes no object."""

    type: Literal["name"]
    name: PersonName


class ImageBody(_Incoming):
    """What somebody thinks of an image as it is; null takes the judgement back."""

    review: Review | None
    by: PersonName = ""


class JumpBody(_Incoming):
    """Body of a jump."""

    action: _Whole


class ClassBody(_Incoming):
    """A new class."""

    name: _Text
    colour: str | None = None
    key: int | None = None


class ClassChange(_Incoming):
    """What to change about a class; those not given stay."""

    name: _Text | None = None
    colour: str | None = None
    key: int | None = None

    def changes(self) -> dict[str, Any]:
        """The given ones; null means something for `key` alone."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in given.items() if value is not None or name == "key"}


class PlaneBody(_Incoming):
    """The plane that a volume is cut along."""

    plane: Literal["axial", "coronal", "sagittal"]


class WindowBody(_Incoming):
    """A window on the values of a volume."""

    center: FiniteFloat
    width: FiniteFloat


class PickBody(_Incoming):
    """Where a point is looked for: nearest to `xyz`, or along a ray; in the file's coordinates, metres."""

    xyz: Place | None = None
    origin: Place | None = None
    direction: Place | None = None
    radius: Annotated[float, Field(gt=0, le=1e6)] = 0.02


class ExportBody(_Incoming):
    """What to export; all images if `images` is null."""

    format: _Text
    images: list[_Whole] | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class ProjectBody(_Incoming):
    """What to change about the project."""

    policy: Policy


class ModelBody(_Incoming):
    """The model to use."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TrainingBody(_Incoming):
    """How a model is to be taught with the finished objects: its name, the model to begin with, steps."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    start: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "default"
    steps: Annotated[int, Field(ge=1, le=100_000)] = 300


def parse_command(data: Any) -> Command:
    """A command from JSON; InputError says which field is wrong."""
    try:
        return _COMMAND.validate_python(data)
    except ValidationError as error:
        raise InputError(_problem(error)) from error


def parse_preview(data: Any) -> HoverMessage | CancelMessage:
    """A wish to look ahead from JSON; InputError says which field is wrong."""
    try:
        return _PREVIEW.validate_python(data)
    except ValidationError as error:
        raise InputError(_problem(error)) from error


def parse_name(data: Any) -> str:
    """The name in a message that says who works here; InputError says which field is wrong."""
    try:
        return NameMessage.model_validate(data).name
    except ValidationError as error:
        raise InputError(_problem(error)) from error


def parse_open(data: Any) -> OpenMessage:
    """The first message from JSON; InputError says which field is wrong."""
    try:
        return OpenMessage.model_validate(data)
    except ValidationError as error:
        raise InputError(_problem(error)) from error


def _problem(error: ValidationError) -> str:
    return "; ".join(problem_text(e["loc"], e["msg"]) for e in error.errors()[:3])


def problem_text(place: tuple[int | str, ...], text: str) -> str:
    """One validation problem as a sentence."""
    where = ".".join(str(part) for part in place) or "message"
    return f"{where}: {text}. See docs/annotator-protocol.md for the accepted fields."


def image_json(image: StoredImage) -> dict[str, Any]:
    """Image as in the protocol, section 3."""
    height, width = image.facts.size_hw if image.facts is not None else (None, None)
    return {
        "id": image.id, "name": image.path, "kind": image.kind, "status": image.status, "problem": image.problem,
        "width": width, "height": height, "tiles": _tiles_json(image), "rev": image.rev,
        "finished": image.finished, "in_progress": image.in_progress, "accepted": image.accepted,
        "rejected": image.rejected, "review": image.review, "reviewer": image.reviewer,
    }  # fmt: skip


def _tiles_json(image: StoredImage) -> dict[str, int] | None:
    if image.facts is None or not in_tiles(image):
        return None
    return {"side": TILE, "levels": len(level_sizes(image.facts.size_hw))}


def object_json(stored: StoredObject) -> dict[str, Any]:
    """Object as in the protocol, section 3."""
    value: ObjectValue = stored.value
    return {
        "id": stored.id, "image": stored.image_id, "class": value.class_id, "colour": value.colour,
        "hidden": value.hidden, "locked": value.locked, "z": value.z,
        "state": value.phase, "rev": stored.rev, "settled": value.settled,
        "area": value.mask.area, "box": list(value.mask.box_xyxy), "prompts": [_prompt_json(p) for p in value.prompts],
        "ghosts": 0 if value.ghosts is None else value.ghosts.area, "waiting": value.waiting,
        "threshold": value.threshold, "ignored": value.ignored,
        "review": value.review, "reviewer": value.reviewer, "note": value.note,
    }  # fmt: skip


def class_json(stored: StoredClass) -> dict[str, Any]:
    """Class as in the protocol, section 3."""
    return {
        "id": stored.id, "name": stored.name, "colour": stored.colour, "key": stored.key, "objects": stored.objects
    }  # fmt: skip


def entry_json(entry: HistoryEntry) -> dict[str, Any]:
    """One line of the history."""
    return {
        "action": entry.action, "kind": entry.kind, "label": entry.label, "words": words_json(entry.label),
        "at": entry.at, "applied": entry.applied, "by": entry.by,
    }  # fmt: skip


def history_json(undo: str | None, redo: str | None) -> dict[str, Any]:
    """What undo and redo would do, in English and as words of the catalogues."""
    said = {"undo": None if undo is None else words_json(undo), "redo": None if redo is None else words_json(redo)}
    return {"undo": undo, "redo": redo, "words": said}


def _prompt_json(prompt: Prompt) -> dict[str, Any]:
    if isinstance(prompt, Click):
        reach = {} if prompt.reach is None else {"reach": prompt.reach}
        return {"kind": "click", "x": prompt.x, "y": prompt.y, "positive": prompt.positive, **reach}
    if isinstance(prompt, Box):
        return {"kind": "box", "x0": prompt.x0, "y0": prompt.y0, "x1": prompt.x1, "y1": prompt.y1}
    if isinstance(prompt, MaskPrompt):
        return {"kind": "mask", "painted": prompt.painted}
    kind = "scribble" if isinstance(prompt, Scribble) else "lasso"
    return {"kind": kind, "positive": prompt.positive, "points": [list(p) for p in prompt.points_xy]}
