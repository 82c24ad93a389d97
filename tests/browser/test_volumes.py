"""A volume in the page: slices, a window, a click that is carried along, and labels as a file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.formats.volumes import nibabel

from clickmask.formats.volume_file import read_labels, read_volume, write_labels
from clickmask.spatial.segments import LabelVolume, Segment

from .annotator import Annotator, Server
from .conftest import opened, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

pytestmark = pytest.mark.browser

SHAPE = (9, 60, 80)
AFFINE = np.array([[-0.5, 0, 0, 10], [0, -1, 0, 20], [0, 0, 3, -30], [0, 0, 0, 1.0]])
TUBE = np.s_[2:7, 20:40, 30:50]


@pytest.fixture
def scans(playwright: Playwright, tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "scans"
    folder.mkdir()
    values = np.full(SHAPE, 60, dtype=np.int16)
    values[TUBE] = 200
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), AFFINE)
    image.header["cal_min"], image.header["cal_max"] = 0, 255
    nibabel.save(image, folder / "scan.nii.gz")
    yield from running(Server(folder, tmp_path / "project"))


@pytest.fixture
def volume(browser: Browser, scans: Server) -> Iterator[Annotator]:
    yield from opened(browser, scans, scans.image_ids()[0])


def slice_of(annotator: Annotator) -> int:
    return int(annotator.state["slice"])


def area(annotator: Annotator, number: int = 1) -> int:
    """Pixels of an object on the slice that is shown."""
    return int(annotator.page.evaluate("n => clickmaskProbe.area(n)", number))


def test_a_click_is_carried_through_the_volume_and_saved(volume: Annotator, tmp_path: Path) -> None:
    page = volume.page
    assert (volume.state["kind"], slice_of(volume)) == ("volume", 4)
    assert volume.state["view"]["aspect"] == pytest.approx(2), "pixels are twice as high as wide"

    volume.click((40.5, 30.5))
    assert area(volume) > 300
    page.keyboard.press("PageDown")
    assert slice_of(volume) == 5 and area(volume) == 0

    page.keyboard.press("PageUp")
    page.get_by_test_id("carry").click()
    volume.wait_for("s.objects[0].prompts.map((p) => p.kind).join() === 'click,mask'")
    total = volume.state["objects"][0]["area"]
    assert total > 4 * 300
    for key, shown in (("PageDown", 5), ("PageDown", 6), ("PageDown", 7)):
        page.keyboard.press(key)
        assert slice_of(volume) == shown and (area(volume) > 300) == (shown < 7)

    page.keyboard.press("Control+z")
    volume.wait_for(f"s.objects[0].area < {total / 4}")
    page.keyboard.press("Control+Shift+z")
    volume.wait_for(f"s.objects[0].area === {total}")

    page.get_by_test_id("window").select_option("full")
    assert volume.state["levels"] is not None
    page.keyboard.press("Enter")
    volume.wait_for("s.objects[0].state === 'finished'")
    with page.expect_download() as download:
        page.get_by_test_id("save-labels").select_option("nifti")
    download.value.save_as(tmp_path / "labels.nii.gz")
    scan = read_volume(volume.server.folder / "scan.nii.gz")
    labels = read_labels(tmp_path / "labels.nii.gz", scan).labels
    assert int((labels > 0).sum()) == total
    truth = np.zeros(SHAPE, bool)
    truth[TUBE] = True
    assert ((labels > 0) & truth).sum() / ((labels > 0) | truth).sum() > 0.9


def exported(volume: Annotator, title: str, target: Path) -> Path:
    """The files of an export through the dialog, unpacked."""
    page = volume.page
    page.get_by_role("button", name="Export", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=title).check()
    dialog.get_by_label("This image only").check()
    dialog.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(target)
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    return target


def test_the_export_dialog_offers_the_formats_of_volumes_and_keeps_the_geometry(
    volume: Annotator, tmp_path: Path
) -> None:
    page = volume.page
    volume.click((40.5, 30.5))
    total = volume.state["objects"][0]["area"]
    page.keyboard.press("Enter")
    volume.wait_for("s.objects[0].state === 'finished'")
    nifti = exported(volume, "Volumes as NIfTI", tmp_path / "nifti")
    written = nibabel.load(nifti / "scan-labels.nii.gz")
    np.testing.assert_array_equal(written.affine, AFFINE)
    labels = np.asarray(written.dataobj).transpose(2, 1, 0)
    assert labels.shape == SHAPE and labels[4, 30, 40] == 1 and int((labels > 0).sum()) == total
    assert not labels[:4].any() and not labels[5:].any()
    nrrd = exported(volume, "Volumes as NRRD", tmp_path / "nrrd")
    found = read_labels(nrrd / "scan-labels.seg.nrrd", read_volume(volume.server.folder / "scan.nii.gz"))
    np.testing.assert_array_equal(found.labels, labels)
    assert [segment.name for segment in found.segments] == ["object"]


def test_a_label_volume_becomes_objects_with_their_classes_that_clicks_correct(
    volume: Annotator, tmp_path: Path
) -> None:
    page = volume.page
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:6, 20:40, 30:45], labels[4, 2:6, 2:6] = 4, 9
    scan = read_volume(volume.server.folder / "scan.nii.gz")
    made = LabelVolume.of(scan, labels, [Segment(4, "kidney"), Segment(9, "speck")])
    write_labels(tmp_path / "from-slicer.seg.nrrd", made)
    page.get_by_role("button", name="Import", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name="Labels as NRRD").check()
    dialog.get_by_label("File (.nrrd, .zip)").set_input_files(tmp_path / "from-slicer.seg.nrrd")
    dialog.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("2 objects on 1 images").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    volume.wait_for("s.objects.length === 2")
    assert [o["area"] for o in volume.state["objects"]] == [3 * 20 * 15, 16]
    assert page.locator(".object-row", has_text="kidney").count() == 1
    assert volume.finished_at((40, 30)) and volume.finished_at((3, 3)) and not volume.finished_at((47, 30))
    page.keyboard.press("v")
    page.mouse.dblclick(*volume.screen((40.5, 30.5)))
    volume.wait_for("s.active !== null")
    volume.click((47.5, 30.5))
    volume.wait_for(f"s.objects[0].area === {3 * 20 * 15 + 20 * 5}")


def test_the_plane_is_chosen_in_the_bar_or_by_key_before_the_first_object(volume: Annotator, tmp_path: Path) -> None:
    page, plane = volume.page, volume.page.get_by_test_id("plane")
    assert plane.input_value() == "axial"
    plane.select_option("coronal")
    volume.wait_for("s.status === 'ready' && s.picture && s.view.aspect === 6")
    assert (plane.input_value(), slice_of(volume)) == ("coronal", 30)
    volume.click((40.5, 8 - 4 + 0.5))
    assert (area(volume), volume.state["objects"][0]["area"]) == (100, 100), "5 slices high, 20 columns wide"
    assert plane.is_disabled() and "before the first object" in str(plane.get_attribute("title"))
    page.reload()
    volume.wait_ready()
    assert plane.input_value() == "coronal" and area(volume) == 100
    page.locator("canvas.surface").first.focus()
    page.keyboard.press("Enter")
    volume.wait_for("s.objects[0].state === 'finished'")
    found = nibabel.load(exported(volume, "Volumes as NIfTI", tmp_path) / "scan-labels.nii.gz")
    labels = np.asarray(found.dataobj).transpose(2, 1, 0)
    assert int(labels.sum()) == 100 and (labels[2:7, 30, 30:50] == 1).all()

    page.locator("canvas.surface").first.focus()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    volume.wait_for("s.objects.length === 0")
    page.keyboard.press("Shift+O")
    volume.wait_for("s.status === 'ready' && s.picture && s.view.aspect === 3")
    assert plane.input_value() == "sagittal"


def test_hints_speak_of_slices(volume: Annotator) -> None:
    hint = volume.page.get_by_role("complementary", name="First steps")
    hint.get_by_text("Go to a slice that shows the thing you want").wait_for()
    volume.click((40.5, 30.5))
    hint.get_by_text("carries the mask to the other slices").wait_for()
    assert "J then carries" in hint.inner_text()


def test_the_wheel_with_shift_and_the_slider_go_through_the_slices(volume: Annotator) -> None:
    page = volume.page
    page.mouse.move(*volume.screen((40, 30)))
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 100)
    page.keyboard.up("Shift")
    volume.wait_for("s.slice === 5")
    page.keyboard.press("End")
    volume.wait_for("s.slice === 8")
    page.reload()
    volume.wait_ready()
    assert slice_of(volume) == 8, "the slice is there again after a reload"
