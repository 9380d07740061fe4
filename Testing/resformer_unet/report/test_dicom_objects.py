"""DICOM objects of results: valid, read back voxel for voxel, and refused in plain words where they cannot be right."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from helpers import dicom_studies as studies
from helpers.report_cases import drawn_masks, make_case
from resformer_unet.errors import EngineError
from resformer_unet.image.reading import read_image
from resformer_unet.report.dicom_objects import SEGMENTATION, STRUCTURED_REPORT, make_dicom
from resformer_unet.report.source_images import files_of

highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pydicom = pytest.importorskip("pydicom")

VOXELS = np.random.default_rng(1).integers(0, 1000, (6, 20, 24)).astype(np.uint16)
SHUFFLED = [3, 1, 5, 0, 2, 4]


def source(kind: str, folder):
    """The path of a series of that kind."""
    if kind == "enhanced":
        return studies.write_enhanced(folder / "x.dcm", VOXELS, studies.affine_of(35), SHUFFLED)
    if kind == "photograph":
        return studies.write_photograph(folder / "x.dcm", np.repeat(VOXELS[0, ..., None] % 256, 3, -1).astype(np.uint8))
    turn, flipped, order = {
        "axial": (0, False, None),
        "oblique": (35, False, SHUFFLED),
        "reversed": (35, True, None),
    }[kind]
    return studies.write_series(folder / "series", VOXELS, studies.affine_of(turn, flipped), order)


def of_series(kind: str, folder, segments: int = 2, **changes):
    """The case of drawn masks on a series, and the series' files."""
    path = source(kind, folder)
    image = read_image(path)
    return make_case(image, drawn_masks(segments, image.shape), **changes), files_of(path)


def volume_of(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """bool (segments, slices, rows, columns) and affine to LPS, as highdicom places the object by itself."""
    volume = highdicom.seg.segread(io.BytesIO(content)).get_volume(combine_segments=False)
    return np.moveaxis(volume.array, -1, 0).astype(bool), volume.affine


def at(affine: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Sorted positions in mm, rounded, of array indices (n, 3)."""
    points = indices @ affine[:3, :3].T + affine[:3, 3]
    return points[np.lexsort(points.round(2).T)]


def refusal(case, files) -> str:
    with pytest.raises(EngineError) as caught:
        make_dicom(case, files)
    assert caught.value.hint or caught.value.code == "NOTHING_TO_REPORT"
    return caught.value.code


@pytest.mark.parametrize("kind", ["axial", "oblique", "reversed", "enhanced", "photograph"])
@pytest.mark.parametrize("segments", [1, 3])
def test_the_objects_are_valid(kind, segments, tmp_path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian: dicom3tools) is not installed")
    case, files = of_series(kind, tmp_path, segments)
    for suffix, content in make_dicom(case, files)[0].items():
        path = tmp_path / f"x{suffix}"
        path.write_bytes(content)
        checked = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace", check=False)
        lines = (checked.stdout + checked.stderr).splitlines()
        assert not [line for line in lines if line.startswith(("Error", "Abort"))]
        assert any(line in ("Segmentation", "ComprehensiveSR") for line in lines), lines


@pytest.mark.parametrize("kind", ["axial", "oblique", "reversed", "enhanced"])
def test_every_voxel_is_read_back_at_its_place_in_the_patient(kind, tmp_path):
    case, files = of_series(kind, tmp_path)
    masks, affine = volume_of(make_dicom(case, files)[0][SEGMENTATION])
    ours = np.array(case.report["grid"]["affine_lps"])
    for read, mask in zip(masks, case.masks, strict=True):
        expected = at(ours, np.argwhere(mask)[:, ::-1])
        assert np.allclose(at(affine, np.argwhere(read)), expected, atol=0.02)


def test_a_grid_that_runs_against_the_series_keeps_every_voxel_at_its_place(tmp_path):
    case, files = of_series("oblique", tmp_path)
    affine = np.array(case.report["grid"]["affine_lps"])
    flipped = affine.copy()
    flipped[:3, 2] *= -1
    flipped[:3, 3] = (affine @ [0, 0, 5, 1])[:3]
    report = {**case.report, "grid": {**case.report["grid"], "affine_lps": flipped.tolist()}}
    turned = replace(case, report=report, masks=case.masks[:, ::-1])
    for one, other in zip(*(volume_of(make_dicom(c, files)[0][SEGMENTATION]) for c in (case, turned)), strict=True):
        assert np.array_equal(one, other)


def test_segments_carry_codes_tracking_and_algorithm_and_refer_to_their_images(tmp_path):
    case, files = of_series("axial", tmp_path)
    made, _ = make_dicom(case, files)
    again, _ = make_dicom(case, files)
    read = highdicom.seg.segread(io.BytesIO(made[SEGMENTATION]))
    described = read.get_segment_description(2)
    assert described.segment_label == "Läsion 1" and described.segmented_property_type.value == "108369006"
    assert described.algorithm_type == highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC
    algorithm = described.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("ResFormer-UNet brain-tumor-mr", "1.2.1")
    other = highdicom.seg.segread(io.BytesIO(again[SEGMENTATION])).get_segment_description(2)
    assert described.tracking_uid == other.tracking_uid != read.get_segment_description(1).tracking_uid
    referred = {item.ReferencedSOPInstanceUID for item in read.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert referred == {pydicom.dcmread(file).SOPInstanceUID for file in files}
    assert (read.StudyInstanceUID, str(read.PatientName)) == (studies.STUDY, "Müller^Jürgen")


def test_the_report_has_sizes_diagnosis_and_probabilities(tmp_path):
    case, files = of_series("axial", tmp_path)
    made, notes = make_dicom(case, files)
    content = highdicom.sr.srread(io.BytesIO(made[STRUCTURED_REPORT])).content
    groups = content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 2 and notes == []
    for group, row in zip(groups, case.report["segments"], strict=True):
        sizes = {item.name.meaning: (item.value, item.unit.value) for item in group.get_measurements()}
        assert sizes["Volume"] == (pytest.approx(row["volume_mm3"]), "mm3")
        assert sizes["Long axis"] == (pytest.approx(row["longest_diameter_mm"]), "mm")
    segmentation = highdicom.seg.segread(io.BytesIO(made[SEGMENTATION]))
    assert groups[1].referenced_segment.referenced_sop_instance_uid == segmentation.SOPInstanceUID
    (diagnosis,) = content.get_image_measurement_groups()
    assert diagnosis.finding_type.value == "393564001"
    values = {item.name.meaning: item.value for item in diagnosis.get_measurements()}
    assert values == {"Probability": 0.9, "Probability of glioma": 0.9, "Probability of other": 0.1}


def test_a_result_that_is_not_reliable_has_no_finding(tmp_path):
    case, files = of_series("axial", tmp_path, reliable=False, reasons=["OUT_OF_DISTRIBUTION"])
    content = highdicom.sr.srread(io.BytesIO(make_dicom(case, files)[0][STRUCTURED_REPORT])).content
    (diagnosis,) = content.get_image_measurement_groups()
    assert diagnosis.finding_type is None
    said = {item.name.meaning: item.value.meaning for item in diagnosis.get_qualitative_evaluations()}
    assert said["Result not reliable"] == "OUT_OF_DISTRIBUTION" and "Glioma" not in said.values()
    assert "Probability" not in [item.name.meaning for item in diagnosis.get_measurements()]


def test_a_class_without_code_is_named_by_a_private_one_and_said_so(tmp_path):
    case, files = of_series("axial", tmp_path)
    case.report["diagnosis"]["code"] = None
    made, notes = make_dicom(case, files)
    content = highdicom.sr.srread(io.BytesIO(made[STRUCTURED_REPORT])).content
    found = content.get_image_measurement_groups()[0].finding_type
    assert (found.scheme_designator, found.value, found.meaning) == ("99RESFORMERSEG", "glioma", "Glioma")
    assert [note["code"] for note in notes] == ["CLASS_WITHOUT_CODE"]


def test_an_edited_segmentation_is_not_called_automatic(tmp_path):
    case, files = of_series("axial", tmp_path)
    made, _ = make_dicom(replace(case, edited=True), files)
    described = highdicom.seg.segread(io.BytesIO(made[SEGMENTATION])).get_segment_description(1)
    assert described.algorithm_type == highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC


def test_an_emptied_segment_is_left_out_and_said_so(tmp_path):
    case, files = of_series("axial", tmp_path)
    case.masks[0] = False
    made, notes = make_dicom(case, files)
    read = highdicom.seg.segread(io.BytesIO(made[SEGMENTATION]))
    assert read.number_of_segments == 1 and read.get_segment_description(1).segment_label == "Läsion 1"
    assert [note["code"] for note in notes] == ["EMPTY_SEGMENT"] and "Läsion 0" in notes[0]["message"]


def test_of_an_emptied_segmentation_only_the_diagnosis_is_reported(tmp_path):
    case, files = of_series("axial", tmp_path)
    case.masks[:] = False
    assert list(make_dicom(case, files)[0]) == [STRUCTURED_REPORT]
    case.report["diagnosis"] = None
    assert refusal(case, files) == "NOTHING_TO_REPORT"


def test_a_segment_without_code_is_refused(tmp_path):
    case, files = of_series("axial", tmp_path)
    case.report["segments"][1]["terminology"] = None
    assert refusal(case, files) == "SEGMENT_WITHOUT_CODE"


def test_a_series_that_is_not_the_one_of_the_result_is_refused(tmp_path):
    case, files = of_series("axial", tmp_path)
    assert refusal(case, files[:-1]) == "SOURCE_MISMATCH"
    assert refusal(case, [tmp_path / "nowhere.dcm", *files]) == "SOURCE_MISSING"
    moved = np.array(case.report["grid"]["affine_lps"])
    moved[1, 3] += 7
    case.report["grid"]["affine_lps"] = moved.tolist()
    assert refusal(case, files) == "SOURCE_MISMATCH"


def test_an_image_that_is_not_dicom_is_refused(tmp_path):
    case, _ = of_series("axial", tmp_path)
    (tmp_path / "x.nrrd").write_bytes(b"NRRD0005\n")
    assert refusal(case, [tmp_path / "x.nrrd"]) == "SOURCE_NOT_DICOM"


def test_a_clip_whose_frames_lie_nowhere_is_refused(tmp_path):
    path = studies.write_clip(tmp_path / "x.dcm", (VOXELS % 256).astype(np.uint8))
    image = read_image(path)
    assert refusal(make_case(image, drawn_masks(1, image.shape)), [path]) == "SOURCE_WITHOUT_POSITIONS"


def test_a_header_without_what_must_be_referred_to_is_refused(tmp_path):
    case, files = of_series("axial", tmp_path)
    for file in files:
        data = pydicom.dcmread(file)
        del data.FrameOfReferenceUID
        data.save_as(file)
    assert refusal(case, files) == "SOURCE_INCOMPLETE"


def test_our_own_objects_are_no_images_to_predict(tmp_path):
    from resformer_unet.image.dicom import holds_images

    case, files = of_series("axial", tmp_path)
    (tmp_path / "results").mkdir()
    for suffix, content in make_dicom(case, files)[0].items():
        (tmp_path / "results" / f"x{suffix}").write_bytes(content)
    assert not holds_images(tmp_path / "results")
