"""The figures of a report, from masks small enough to be counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.stand_ins import stand_in_bundle
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.report import build_report
from resformer_unet.preprocessing.prepare import prepare_image

AFFINE = np.array([[2.0, 0, 0, 10], [0, 3, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]])  # voxels of 24 mm³
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])


def report(
    has_orientation: bool = True, exclusive: bool = False, probabilities: np.ndarray = PROBABILITIES, **known: bool
) -> dict:
    """Of slices 2 to 4 of six. The first segment has a voxel in slice 2 and 2 x 3 in slice 3; the second has none."""
    bundle = stand_in_bundle(segments=("lesion", "edema"), segmentation={"exclusive": exclusive})
    image = image_from_array(np.arange(720).reshape(6, 10, 12), AFFINE, "a", has_orientation)
    image = replace(image, **known)
    prepared = prepare_image(image, bundle.descriptor["input"]).only(range(2, 5))
    masks = np.zeros((3, 2, 10, 12), bool)
    masks[0, 0, 2, 5] = True
    masks[1, 0, 2:4, 5:8] = True
    case = np.array([0.3, 0.7])
    return build_report(
        bundle, image, prepared, masks, probabilities, case, device="cpu", engine="engine 1", warnings=[{"code": "A"}]
    )


def test_a_segment_has_its_volume_and_its_centroid_in_the_patient():
    lesion, edema = report()["segments"]
    assert (lesion["id"], lesion["voxels"], lesion["volume_mm3"]) == ("lesion", 7, pytest.approx(7 * 24))
    assert lesion["center_lps"] == pytest.approx([10 + 2 * 41 / 7, 20 + 3 * 17 / 7, 30 + 4 * (2 + 6 / 7)])
    assert (edema["voxels"], edema["volume_mm3"], edema["center_lps"]) == (0, 0, None)


def test_each_slice_has_its_place_in_the_volume_and_its_own_figures():
    rows = report()["slices"]
    assert [row["index"] for row in rows] == [2, 3, 4]
    assert [row["voxels"] for row in rows] == [{"lesion": count, "edema": 0} for count in (1, 6, 0)]
    assert [row["area_mm2"]["lesion"] for row in rows] == pytest.approx([6, 36, 0])
    assert [list(row["probabilities"].values()) for row in rows] == PROBABILITIES.tolist()


def test_the_longest_diameter_of_a_segment_is_that_of_its_largest_slice():
    found = report()
    diameters = [row["longest_diameter_mm"]["lesion"] for row in found["slices"]]
    assert diameters[2] == 0 < diameters[0] < diameters[1]
    assert found["segments"][0]["longest_diameter_mm"] == diameters[1]


def test_the_diagnosis_is_the_most_probable_class():
    found = report()["diagnosis"]
    assert (found["label"], found["name"], found["probability"]) == ("malignant", "Malignant", 0.7)
    assert found["probabilities"] == {"benign": 0.3, "malignant": 0.7} and found["calibrated"] is False


def test_the_grid_is_that_of_the_whole_image():
    found = report()
    assert found["grid"] == {"size": [12, 10, 6], "affine_lps": AFFINE.tolist()}
    assert (found["device"], found["engine"], found["warnings"]) == ("cpu", "engine 1", [{"code": "A"}])


def test_the_largest_lesion_is_found_in_the_slices_of_the_volume():
    found = report()["largest_lesion"]
    assert (found["segment"], found["voxels"], found["slice"]) == ("lesion", 7, 3)
    i, j, k = found["center_ijk"]
    assert k == 3 and 5 <= i <= 7 and 2 <= j <= 3
    assert found["center_lps"] == pytest.approx([10 + 2 * i, 20 + 3 * j, 42])


def test_a_picture_has_no_millimetres():
    found = report(has_orientation=False)
    assert found["grid"] is None and found["slices"][0]["area_mm2"] is None
    segment = found["segments"][0]
    assert (segment["voxels"], segment["volume_mm3"], segment["center_lps"]) == (7, None, None)


@pytest.mark.parametrize(("exclusive", "layers"), [(False, [0, 1]), (True, [0, 0])])
def test_exclusive_segments_share_a_layer(exclusive, layers):
    assert [row["layer"] for row in report(exclusive=exclusive)["segments"]] == layers


@pytest.mark.parametrize("columns", [1, 3])
def test_probabilities_of_another_number_of_diagnoses_are_never_reported_under_these_names(columns):
    with pytest.raises(ValueError, match="zip"):
        report(probabilities=np.full((3, columns), 1 / columns))


def test_what_the_file_does_not_state_is_not_given_in_millimetres():
    without_distance = report(slice_distance_known=False)
    assert without_distance["segments"][0]["volume_mm3"] is None
    assert without_distance["slices"][0]["area_mm2"]["lesion"] == 6 and without_distance["grid"] is not None
    without_size = report(pixel_size_known=False)
    assert without_size["segments"][0]["volume_mm3"] is None and without_size["segments"][0]["voxels"] == 7
    assert without_size["slices"][0]["area_mm2"] is None
    assert without_size["segments"][0]["longest_diameter_mm"] is None
