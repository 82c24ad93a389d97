"""Labels of a DICOM series as a DICOM SEG object, through highdicom (extra `medical`).

Binary segments on the grid of the source images, each frame with a reference to the image that it lies on; patient,
study and frame of reference are the source's. What an object is comes from a person's own words, so it is written as
the label; the coded category and type are the general "Tissue", as 3D Slicer writes for segments without a code.
"""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clickmask.core.errors import FormatError, MissingExtraError
from clickmask.formats.dicom import quiet
from clickmask.spatial.segments import LabelVolume, Segment
from clickmask.spatial.volume import Volume, lps, same_grid

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
SERIES_NUMBER = 1000
LABEL_LENGTH = 64


def serialize(labels: LabelVolume, version: str) -> bytes:
    """A DICOM SEG file of labels on a series that was read from DICOM files.

    Args:
        labels: at least one voxel must be labelled.
        version: of the program, for the record.

    Raises:
        MissingExtraError: highdicom is not installed.
        FormatError: the volume is no DICOM series, nothing is labelled, or the source lacks what SEG demands.
    """
    highdicom = _highdicom()
    heads = labels.volume.source.get("dicom")
    if heads is None:
        raise FormatError(
            "DICOM SEG refers to the images of a DICOM series, and this volume is none. Write .nii.gz or .seg.nrrd."
        )
    present = [segment for segment in labels.segments if (labels.labels == segment.number).any()]
    if not present:
        raise FormatError("No voxel is labelled, and a DICOM SEG object needs at least one. Segment something first.")
    masks = np.stack([labels.labels == segment.number for segment in present], axis=-1).astype(np.uint8)
    uid = highdicom.UID
    try:
        with quiet():
            made = highdicom.seg.Segmentation(
                source_images=list(heads),
                pixel_array=masks,
                segmentation_type="BINARY",
                segment_descriptions=[_description(highdicom, n, s, version) for n, s in enumerate(present, 1)],
                series_instance_uid=uid(),
                series_number=SERIES_NUMBER,
                sop_instance_uid=uid(),
                instance_number=1,
                manufacturer="clickmask",
                manufacturer_model_name="clickmask",
                software_versions=version,
                device_serial_number="0",
                content_label="CLICKMASK",
                series_description="clickmask segmentation",
            )
            buffer = io.BytesIO()
            made.save_as(buffer)
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise FormatError(
            f"The source images lack what DICOM SEG demands of them: {error}. Write .nii.gz or .seg.nrrd instead."
        ) from error
    return buffer.getvalue()


def parse(path: Path, volume: Volume) -> LabelVolume:
    """Labels of a DICOM SEG file on the grid of a volume; where segments overlap the higher number stays.

    Raises:
        MissingExtraError: highdicom is not installed.
        FormatError: no DICOM SEG file, or one of another grid.
    """
    highdicom = _highdicom()
    try:
        with quiet():
            read = highdicom.seg.segread(path)
            names = [str(d.segment_label) for d in map(read.get_segment_description, read.segment_numbers)]
            found = _by_source(read, volume) if "dicom" in volume.source else _by_place(read, volume)
    except Exception as error:  # a damaged file makes the library raise nearly anything
        raise FormatError(f"{path} cannot be read as DICOM SEG: {error}") from error
    if found is None:
        raise FormatError(f"{path} lies on another grid than the volume. Give labels of the same series.")
    labels = np.zeros(volume.shape_zyx, dtype=np.uint16)
    for number in range(1, len(names) + 1):
        labels[found[..., number - 1] > 0] = number
    return LabelVolume.of(volume, labels, [Segment(number, name) for number, name in enumerate(names, 1)])


def _by_source(read: Any, volume: Volume) -> NDArray[Any] | None:
    """(Z, Y, X, segments) of an object by the images that its frames refer to; None if it refers to others."""
    uids = [str(head.SOPInstanceUID) for head in volume.source["dicom"]]
    if not {str(uid) for *_, uid in read.get_source_image_uids()} <= set(uids):
        return None
    found: NDArray[Any] = read.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    return found if found.shape[:3] == volume.shape_zyx else None


def _by_place(read: Any, volume: Volume) -> NDArray[Any] | None:
    """(Z, Y, X, segments) of an object by where its frames lie; None if that is another grid.

    highdicom's axes are (frame, row, column) in LPS; frames may run against the slices, and empty ones are left out.
    """
    stack = read.get_volume(combine_segments=False)
    frames, affine = stack.array, lps(np.asarray(stack.affine))[:, [2, 1, 0, 3]]
    step = volume.affine_ras[:3, 2]
    if float(affine[:3, 2] @ step) < 0:
        affine[:3, 3] += (len(frames) - 1) * affine[:3, 2]
        affine[:3, 2] *= -1
        frames = frames[::-1]
    first = round(float((affine[:3, 3] - volume.affine_ras[:3, 3]) @ step / (step @ step)))
    moved = volume.affine_ras.copy()
    moved[:3, 3] += first * step
    z, y, x = volume.shape_zyx
    if first < 0 or first + len(frames) > z or frames.shape[1:3] != (y, x):
        return None
    if not same_grid(moved, affine, (len(frames), y, x)):
        return None
    whole = np.zeros((z, y, x, frames.shape[3]), dtype=frames.dtype)
    whole[first : first + len(frames)] = frames
    return whole


def _description(highdicom: Any, number: int, segment: Segment, version: str) -> Any:
    code = highdicom.sr.CodedConcept("85756007", "SCT", "Tissue")
    automatic = bool(segment.model)
    identification = None
    if automatic:
        identification = highdicom.AlgorithmIdentificationSequence(
            name=f"clickmask {segment.model}"[:LABEL_LENGTH],
            version=version,
            family=highdicom.sr.CodedConcept("123110", "DCM", "Artificial Intelligence"),
        )
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.label[:LABEL_LENGTH],
        segmented_property_category=code,
        segmented_property_type=code,
        algorithm_type="SEMIAUTOMATIC" if automatic else "MANUAL",
        algorithm_identification=identification,
        display_color=highdicom.color.CIELabColor.from_rgb(*segment.rgb),
    )


def _highdicom() -> Any:
    try:
        return import_module("highdicom")
    except ImportError as error:
        raise MissingExtraError("Reading and writing DICOM SEG files", "medical") from error
