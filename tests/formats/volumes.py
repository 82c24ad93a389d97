"""Made-up DICOM series and NIfTI files."""

import warnings

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom")
nibabel = pytest.importorskip("nibabel")

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"


def dicom_slice(values, place, series="1.2.3.4", **changes):
    """One CT image; `changes` are attributes, None removes one."""
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CT_IMAGE, pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = CT_IMAGE, meta.MediaStorageSOPInstanceUID
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "Doe^Jane", "7", "", "F"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = "1.2.3", series, "1.2.9"
    data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = "20200101", "101010", "1", ""
    data.ReferringPhysicianName, data.Manufacturer = "", "made up"
    data.Modality, data.SeriesDescription, data.SeriesNumber, data.InstanceNumber = "CT", "made up", 1, 1
    data.Rows, data.Columns = values.shape
    data.PixelSpacing, data.SliceThickness = [0.75, 0.5], 2.5
    data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], list(place)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelRepresentation = int(values.dtype.kind == "i")
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.WindowCenter, data.WindowWidth = [40, 500], [400, 2000]
    data.PixelData = np.ascontiguousarray(values).tobytes()
    for name, value in changes.items():
        if value is None:
            del data[name]
        else:
            setattr(data, name, value)
    return data


def write_series(folder, voxels, step=(0.0, 0.0, 2.5), names=None, **changes):
    """A series of (Z, Y, X) stored values, one file a slice; the files' names run against the slices' order."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, values in enumerate(voxels):
        place = np.array([-10.0, 20.0, 5.0]) + number * np.array(step)
        name = f"{len(voxels) - number:03}.dcm" if names is None else names[number]
        write_dicom(folder / name, dicom_slice(values, place.tolist(), InstanceNumber=number + 1, **changes))
    return folder


def write_dicom(path, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.save_as(path)
    return path


def stored(shape=(4, 6, 5), seed=0):
    return np.random.default_rng(seed).integers(0, 2000, shape).astype(np.uint16)


def nifti_bytes(array, affine, change=lambda header: None, kind=nibabel.Nifti1Image):
    """A .nii file whose header is changed after nibabel wrote it: writing would put it right again."""
    data = bytearray(kind(array, affine).to_bytes())
    length = kind.header_class.sizeof_hdr
    header = kind.header_class(bytes(data[:length]), check=False)
    change(header)
    data[:length] = header.binaryblock
    return bytes(data)
