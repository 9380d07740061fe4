"""Height and weight of a patient from the header of a DICOM series, of a volume and of a sequence."""

import pytest
import slicer

from helpers.scene_helpers import makeVolume


@pytest.fixture
def database(scene, module, tmp_path):
    """`database(size, weight)`: (instance UID, series UID) of a file in the DICOM database with such a header."""
    from pydicom import dcmread

    from helpers.dicom_files import write_report
    from slicer_bed.dicom_database import dicomDatabase

    path = write_report(tmp_path / "header.dcm")
    with dicomDatabase(tmp_path / "database") as opened:

        def make(size, weight):
            data = dcmread(path)
            data.PatientSize, data.PatientWeight = size, weight
            data.save_as(path)
            opened.addFile(path, copy=False)
            return str(data.SOPInstanceUID), str(data.SeriesInstanceUID)

        yield make


@pytest.mark.parametrize(
    ("size", "weight", "body", "words"),
    [
        ("1.76", "74", {"height_cm": 176.0, "weight_kg": 74.0}, ""),
        ("1.76", None, {"height_cm": 176.0}, ""),
        ("0", "0.0", {}, ""),
        ("176", "74", {"weight_kg": 74.0}, "but is 17600."),
        ("0.74", "176", {}, "does not go with a height of 74 cm"),
    ],
    ids=["both", "one", "zeros", "centimetres", "exchanged"],
)
def test_metres_and_kilograms_are_taken_and_what_cannot_be_is_named(database, size, weight, body, words):
    from ResFormerSegLib.scene.dicom_body import bodyInDicom

    volume = makeVolume()
    volume.SetAttribute("DICOM.instanceUIDs", database(size, weight)[0])
    found, problem = bodyInDicom(volume)
    assert found == pytest.approx(body)
    assert words in problem and bool(words) == bool(problem)


def test_a_sequence_is_found_by_its_series_and_others_have_neither(database):
    from ResFormerSegLib.scene.dicom_body import bodyInDicom

    volume, other = makeVolume(), makeVolume()
    series = database("1.8", "80")[1]
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.SetItemUID(hierarchy.GetItemByDataNode(volume), "DICOM", series)
    assert bodyInDicom(volume)[0] == {"height_cm": 180.0, "weight_kg": 80.0}
    assert bodyInDicom(other) == ({}, "") == bodyInDicom(None)


def test_without_the_dicom_module_there_is_neither(scene, module):
    from ResFormerSegLib.scene.dicom_body import bodyInDicom

    volume = makeVolume()
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    assert bodyInDicom(volume) == ({}, "")
