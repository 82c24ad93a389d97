"""Import and export dialogs: every format that the server knows, and files of other tools that become objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from clickmask.formats import FORMATS

from .annotator import Annotator

pytestmark = pytest.mark.browser

CVAT = """<annotations><version>1.1</version>
  <meta><task><labels><label><name>leaf</name><color>#ff8800</color></label></labels></task></meta>
  <image id="0" name="a.png" width="320" height="240">
    <polygon label="leaf" source="manual" occluded="0" z_order="0" points="40.00,40.00;80.00,40.00;80.00,90.00"/>
  </image></annotations>"""


def open_dialog(annotator: Annotator, name: str) -> None:
    annotator.page.get_by_role("button", name=name, exact=True).first.click()
    annotator.page.get_by_role("dialog").wait_for()


def test_every_format_is_offered_both_ways(annotator: Annotator) -> None:
    for way in ("Import", "Export"):
        open_dialog(annotator, way)
        dialog = annotator.page.get_by_role("dialog")
        values = dialog.locator("input[name=format]").evaluate_all("inputs => inputs.map((i) => i.value)")
        assert {v.split("-")[0] for v in values} == set(FORMATS)
        button = dialog.get_by_role("button", name=way, exact=True).bounding_box()
        assert button is not None and button["y"] + button["height"] < 760  # in sight without scrolling
        assert dialog.get_by_role("radio", name="Label Studio").count() == 1
        dialog.get_by_role("radio", name="YOLO segmentation").check()
        assert annotator.axe() == []
        annotator.page.keyboard.press("Escape")


def test_a_file_of_another_tool_becomes_an_object_that_clicks_correct(own_annotator: Annotator, tmp_path: Path) -> None:
    page = own_annotator.page
    (tmp_path / "annotations.xml").write_text(CVAT)
    open_dialog(own_annotator, "Import")
    page.get_by_text("CVAT XML").click()
    field = page.get_by_label("File (.xml, .zip)")
    assert field.get_attribute("accept") == ".xml,.zip"
    field.set_input_files(tmp_path / "annotations.xml")
    page.get_by_role("dialog").get_by_role("button", name="Import").click()
    page.get_by_text("1 objects on 1 images").wait_for()
    page.keyboard.press("Escape")
    own_annotator.settle()
    assert own_annotator.finished_at((72, 60)) and not own_annotator.finished_at((45, 85))
