"""What makes the page feel quick: the mask before the click, the model at work before the button comes up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .annotator import DISC_XY, SQUARE_XY, Annotator

pytestmark = pytest.mark.browser


def listen(annotator: Annotator) -> list[dict[str, Any]]:
    """What the page sends over lines that it opens from now on."""
    sent: list[dict[str, Any]] = []

    def heard(payload: str | bytes) -> None:
        if isinstance(payload, str):
            sent.append(json.loads(payload))

    annotator.page.on("websocket", lambda socket: socket.on("framesent", heard))
    annotator.page.reload()
    annotator.wait_ready()
    return sent


def test_the_mask_is_shown_while_the_pointer_rests_and_goes_with_it(annotator: Annotator) -> None:
    annotator.page.mouse.move(*annotator.screen(DISC_XY))
    annotator.wait_for("s.preview?.mask?.runs.length > 0 || Object.keys(s.preview?.mask?.runs ?? {}).length > 0")
    assert annotator.objects == []
    history = annotator.state["history"]
    assert (history["undo"], history["redo"]) == (None, None)
    annotator.page.mouse.move(*annotator.screen(SQUARE_XY))
    annotator.wait_for("s.preview === null || Math.abs(s.preview.at.x - 240.5) < 2")
    annotator.page.mouse.move(2, 2)
    annotator.wait_for("s.preview === null")


def test_the_question_is_asked_when_the_button_goes_down(annotator: Annotator) -> None:
    sent = listen(annotator)
    annotator.page.keyboard.press("Control+,")
    annotator.page.get_by_label("Mask before the click").select_option("off")
    annotator.page.keyboard.press("Escape")
    annotator.page.mouse.move(*annotator.screen(DISC_XY))
    annotator.page.mouse.down()
    annotator.wait_for("s.preview !== null")
    assert [one["type"] for one in sent] == ["open", "hover"]
    annotator.page.mouse.up()
    annotator.settle()
    hover, click = sent[1], sent[2]
    assert (click["type"], click["x"], click["y"]) == ("click", hover["x"], hover["y"])
    assert len(annotator.objects) == 1


def test_a_drag_calls_the_question_off_and_becomes_a_box(annotator: Annotator) -> None:
    sent = listen(annotator)
    annotator.drag((195, 75), (286, 166))
    kinds = [one["type"] for one in sent]
    assert "cancel" in kinds and kinds[-1] == "box" and "click" not in kinds
    assert annotator.state["preview"] is None


def test_the_marker_is_there_within_one_frame(annotator: Annotator) -> None:
    """Drawn in the first frame after the button comes up, whatever the server does."""
    x, y = annotator.screen(DISC_XY)
    drawn = annotator.page.evaluate(
        """([x, y]) => new Promise((done) => {
            const surface = document.querySelector('canvas.surface')
            const box = surface.getBoundingClientRect()
            Element.prototype.setPointerCapture = () => undefined
            const send = (kind) => surface.dispatchEvent(new PointerEvent(kind, {
                pointerId: 1, button: 0, clientX: x, clientY: y, bubbles: true }))
            send('pointerdown')
            send('pointerup')
            requestAnimationFrame(() => {
                const ratio = devicePixelRatio
                const at = surface.getContext('2d').getImageData((x - box.left) * ratio, (y - box.top) * ratio, 1, 1)
                done([...at.data])
            })
        })""",
        [x, y],
    )
    assert drawn[3] == 255
    annotator.forgive = lambda text: "willReadFrequently" in text


def test_pictures_of_the_neighbours_are_there_before_they_are_wanted(own_annotator: Annotator) -> None:
    page = own_annotator.page
    page.wait_for_load_state("networkidle")  # what the page before asked for does not count
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    own_annotator.wait_ready()
    page.wait_for_load_state("networkidle")
    ahead = [url for url in asked if url.endswith("/display")]
    assert len(ahead) == 2, "the open image and the next one; there is none before it"
    with page.expect_request(lambda request: request.url.endswith("/display") and request.url not in ahead):
        page.keyboard.press("d")
    own_annotator.wait_ready()
    page.wait_for_load_state("networkidle")
    again = [url for url in asked if url.endswith("/display")]
    assert len(again) == len(set(again)) == 3, "nothing is asked for twice"
