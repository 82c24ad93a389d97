"""`clickmask segment`: prompts on one image give one mask."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clickmask.cli.models import BackendOption, known_models
from clickmask.cli.points import parse_box, parse_click
from clickmask.cli.segment_cloud import segment_cloud
from clickmask.cli.stages import RefineOption
from clickmask.core.errors import PromptError
from clickmask.core.frames import Image
from clickmask.core.prompts import Box, Click
from clickmask.formats.cloud_file import is_cloud
from clickmask.formats.files import write_atomically
from clickmask.formats.image_file import read_image
from clickmask.formats.volume_file import is_volume

if TYPE_CHECKING:
    from clickmask.predict.predictor import Predictor

OVERLAY_SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


@dataclass(frozen=True)
class Segmentation:
    """What came out, for the outputs.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        prompts: clicks and box.
        figures: JSON values.
    """

    image: Image
    mask: Any
    prompts: Sequence[Click | Box]
    figures: dict[str, Any]


def segment(  # noqa: PLR0913 - each argument is an option of the command
    image: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGE", help="A photograph: JPEG, PNG, WebP, TIFF ... Or a point cloud: PLY, PCD, LAS ..."
        ),
    ],
    positive: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="A click on the object, in image pixels. Repeatable.")
    ] = None,
    negative: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="A click on what is not the object. Repeatable.")
    ] = None,
    box: Annotated[str | None, typer.Option(metavar="X0,Y0,X1,Y1", help="A box round the object, half-open.")] = None,
    initial_mask: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="A mask to correct: the clicks then change only what they touch."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            autocompletion=known_models, help="Name from `clickmask models`, or the folder of an exported model."
        ),
    ] = "default",
    backend: BackendOption = None,
    refine: RefineOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="MASK.png", help="The mask: 255 inside, 0 outside.")
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(metavar="PNG", help="A picture to look at: image, mask and clicks.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, the mask as COCO run lengths.")
    ] = False,
) -> None:
    """Segment one object of one image.

    Coordinates are pixels from the top left corner of the image as you see it (its EXIF orientation applied). The
    box is used first, then the positive clicks, then the negative ones, each in the order given.

    For example:

    clickmask segment cat.jpg --positive 320,240 -o mask.png --overlay look.png

    clickmask segment cat.jpg --positive 320,240 --negative 300,410 -o mask.png

    clickmask segment cat.jpg --initial-mask m.png --negative 30,41 -o new.png

    A click on a point cloud is X,Y,Z in the units of the file, which must be metres; -o is a cloud with labels:

    clickmask segment room.ply --positive 1.2,0.4,0.7 -o labels.ply
    """
    if is_volume(image):
        raise PromptError(f"{image} is a volume of slices, not one image. Use: clickmask segment-volume {image} ...")
    if is_cloud(image):
        if box or initial_mask or refine or overlay:
            raise PromptError(f"{image} is a point cloud: clicks alone are understood. Leave out what is for images.")
        clicks = (tuple(positive or ()), tuple(negative or ()))
        segment_cloud(image, clicks, model, backend.value if backend else None, output, as_json)
        return
    _check_outputs(image, output, overlay, as_json)
    prompts: list[Click | Box] = [
        *([parse_box(box)] if box else []),
        *(parse_click(text, positive=True) for text in positive or ()),
        *(parse_click(text, positive=False) for text in negative or ()),
    ]
    if not prompts:
        raise PromptError(
            "Nothing says where the object is. Give at least one click or a box, for example: --positive 320,240"
        )
    from clickmask.api import load

    loaded = partial(load, model, stages=refine or (), backend=backend.value if backend else None)
    result = _segmented(image, prompts, initial_mask, loaded)
    _write(result, output, overlay)
    if as_json:
        typer.echo(json.dumps({**result.figures, "mask": _text(output), "overlay": _text(overlay)}))
    else:
        typer.echo(_sentence(result.figures, output))


def _segmented(
    path: Path, prompts: Sequence[Click | Box], initial_mask: Path | None, load: Callable[[], Predictor]
) -> Segmentation:
    from clickmask.formats.coco import rle_encode
    from clickmask.formats.mask_png import read_mask

    image = read_image(path)
    predictor = load()
    predictor.set_image(image)
    if initial_mask is not None:
        predictor.set_mask(read_mask(initial_mask, predictor.size_hw))
    for prompt in prompts:
        if isinstance(prompt, Box):
            predictor.add_box(*prompt.xyxy)
        else:
            predictor.add_click(prompt.x, prompt.y, prompt.positive)
    mask = predictor.run_length_mask
    height, width = mask.size_hw
    figures = {
        "image": str(path),
        "width": width,
        "height": height,
        "model": predictor.pipeline.name,
        "area": mask.area,
        "box_xyxy": list(mask.box_xyxy),
        "expected_iou": round(predictor.score, 4),
        "segmentation": rle_encode(mask),
    }
    return Segmentation(image, mask.decode(), prompts, figures)


def _write(result: Segmentation, output: Path | None, overlay: Path | None) -> None:
    from PIL import Image as Pillow

    from clickmask.formats.mask_png import encode_binary
    from clickmask.formats.overlay import draw_overlay

    if output is not None:
        write_atomically(output, encode_binary(result.mask))
    if overlay is not None:
        picture = Pillow.fromarray(draw_overlay(result.image, result.mask, result.prompts))
        buffer = io.BytesIO()
        picture.save(buffer, OVERLAY_SUFFIXES[overlay.suffix.lower()])
        write_atomically(overlay, buffer.getvalue())


def _check_outputs(image: Path, output: Path | None, overlay: Path | None, as_json: bool) -> None:
    """Refuse before any work is done: no output at all, endings that cannot hold it, the photograph itself."""
    if output is None and overlay is None and not as_json:
        raise PromptError("The mask has nowhere to go. Say where to write it, for example: -o mask.png (or --json)")
    if output is not None and output.suffix.lower() != ".png":
        raise PromptError(
            f"The mask is written as PNG, which loses nothing, but -o is {output}. Use -o {output.stem}.png"
        )
    if overlay is not None and overlay.suffix.lower() not in OVERLAY_SUFFIXES:
        raise PromptError(f"--overlay is {overlay}; its ending must be one of {', '.join(OVERLAY_SUFFIXES)}.")
    for target in (output, overlay):
        if target is not None and target.resolve() == image.resolve():
            raise PromptError(f"{target} is the photograph itself; it would be overwritten. Choose another name.")
    if output is not None and overlay is not None and output.resolve() == overlay.resolve():
        raise PromptError(f"-o and --overlay are both {output}. Choose two names.")


def _sentence(figures: dict[str, Any], output: Path | None) -> str:
    share = 100 * figures["area"] / (figures["width"] * figures["height"])
    box = ",".join(str(v) for v in figures["box_xyxy"])
    where = f"{output}: " if output else ""
    return f"{where}{figures['area']} pixels ({share:.1f} % of the image) in the box {box}"


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
