"""Prediction with a network whose right output is known: masks voxel for voxel, and a report that agrees with them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from helpers.stand_ins import predict, stand_in_bundle, stand_in_predictor
from helpers.synthetic_images import blocks, oblique_affine
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.prediction import Prediction
from resformer_unet.model.network import ResFormerUNet


def permuted(affine: np.ndarray, order: tuple[int, int, int]) -> np.ndarray:
    return affine[:, [*order, 3]]


ANISOTROPIC = np.diag([0.6, 0.9, 4.0, 1.0])
GRIDS = {
    "as it is": np.eye(4),
    "anisotropic": ANISOTROPIC,
    "oblique": oblique_affine(),
    "flipped in every direction": np.diag([-0.8, -0.8, -3.0, 1.0]),
    "left-handed": np.diag([0.8, -0.8, 3.0, 1.0]),
    "rows and columns exchanged": permuted(ANISOTROPIC, (1, 0, 2)),
    "sagittal": permuted(np.diag([4.0, 0.9, 0.6, 1.0]), (1, 2, 0)),
    "coronal, head down": permuted(np.diag([0.9, 4.0, 0.6, 1.0]), (0, 2, 1)),
    "thick along rows": np.diag([1.0, 5.0, 1.0, 1.0]),
}


@pytest.mark.parametrize("orientation", ["radiological", "stored"])
@pytest.mark.parametrize("axis", ["acquisition", "axial", "sagittal", "stored"])
@pytest.mark.parametrize("grid", GRIDS)
def test_masks_come_back_voxel_for_voxel_on_any_grid(monkeypatch, grid, axis, orientation):
    voxels = blocks(10, 18, 22)
    prediction = predict(monkeypatch, image_from_array(voxels, GRIDS[grid], "x"), orientation, axis)
    assert prediction.layers.shape == (1, *voxels.shape) and prediction.layers.dtype == np.uint8
    assert np.array_equal(prediction.layers[0], voxels > 127)


@pytest.mark.parametrize("shape", [(1, 18, 22), (18, 1, 22), (18, 22, 1)])
@pytest.mark.parametrize("affine", [np.eye(4), oblique_affine()], ids=["straight", "oblique"])
def test_a_volume_of_one_slice_is_segmented_wherever_that_slice_lies(monkeypatch, shape, affine):
    voxels = blocks(1).reshape(shape)
    prediction = predict(monkeypatch, image_from_array(voxels, affine, "x"))
    assert np.array_equal(prediction.layers[0], voxels > 127)
    assert len(prediction.report["slices"]) == 1


def test_a_picture_comes_back_at_its_own_size(monkeypatch):
    picture = np.repeat(blocks(1)[..., None], 3, axis=-1)
    prediction = predict(monkeypatch, image_from_array(picture, np.eye(4), "mole", has_orientation=False))
    assert np.array_equal(prediction.layers[0], picture[..., 0] > 127)


def test_a_large_picture_is_segmented_to_within_a_pixel_of_the_network(monkeypatch):
    picture = np.zeros((1, 500, 700), np.uint8)
    picture[0, 100:300, 200:500] = 255
    image = image_from_array(picture, np.eye(4), "x", has_orientation=False)
    segmented = predict(monkeypatch, image).layers[0] > 0
    wanted = picture > 127
    assert 2 * (segmented & wanted).sum() / (segmented.sum() + wanted.sum()) > 0.97


def test_the_image_itself_is_left_alone(monkeypatch):
    voxels = blocks().astype(np.float32)
    voxels[0, 0, 0] = np.nan
    before = voxels.copy()
    predict(monkeypatch, image_from_array(voxels, oblique_affine(), "x"))
    assert np.array_equal(voxels, before, equal_nan=True)


def test_overlapping_segments_have_a_layer_each(monkeypatch):
    voxels = blocks()
    voxels[:, 3:5, 4:6] = 160  # 0.63 of full brightness: enough for the first segment only
    prediction = predict(monkeypatch, image_from_array(voxels, np.eye(4), "x"), segments=("core", "rim"))
    assert prediction.layers.shape[0] == 2
    assert np.array_equal(prediction.layers[0], voxels > 127)
    assert np.array_equal(prediction.layers[1], 2 * (voxels > 200))
    assert [row["layer"] for row in prediction.report["segments"]] == [0, 1]


def test_exclusive_segments_share_one_layer(monkeypatch):
    image = image_from_array(blocks(), np.eye(4), "x")
    prediction = predict(monkeypatch, image, segments=("core", "rim"), segmentation={"exclusive": True})
    assert prediction.layers.shape == (1, *image.shape)
    assert np.array_equal(prediction.layers[0], blocks() > 127)  # the first segment has the larger logit
    assert [row["layer"] for row in prediction.report["segments"]] == [0, 0]
    assert [row["voxels"] for row in prediction.report["segments"]] == [int((blocks() > 127).sum()), 0]


def test_an_upright_head_and_a_lying_head_give_the_same_prediction(monkeypatch):
    upright = blocks(4)  # rows run to posterior, columns to left
    affine = np.diag([0.7, 0.7, 3.0, 1.0])
    reference = predict(monkeypatch, image_from_array(upright, affine, "upright"), diagnoses=("a", "b", "c", "d"))
    lying = image_from_array(upright.swapaxes(1, 2), permuted(affine, (1, 0, 2)), "lying")
    turned_round = np.diag([-0.7, -0.7, 3.0, 1.0])
    turned_round[:2, 3] = 0.7 * 21, 0.7 * 17
    round_about = image_from_array(upright[:, ::-1, ::-1], turned_round, "round about")
    for image, mask in (
        (lying, reference.layers.swapaxes(2, 3)),
        (round_about, reference.layers[:, :, ::-1, ::-1]),
    ):
        prediction = predict(monkeypatch, image, diagnoses=("a", "b", "c", "d"))
        assert np.array_equal(prediction.layers, mask)
        probabilities = prediction.report["diagnosis"]["probabilities"]
        assert probabilities == pytest.approx(reference.report["diagnosis"]["probabilities"], abs=1e-6)
        as_stored = predict(monkeypatch, image, "stored", diagnoses=("a", "b", "c", "d")).report
        assert as_stored["diagnosis"]["probabilities"] != pytest.approx(probabilities, abs=1e-3)


def test_a_slice_of_a_volume_looks_like_the_lying_picture_that_training_saw(monkeypatch):
    slice_ = blocks(1)
    bundle = stand_in_bundle()
    bundle.descriptor["input"]["orientation"] = {"volume": "radiological", "picture": "transposed"}
    seen = []
    for image in (
        image_from_array(slice_, np.diag([0.7, 0.7, 3.0, 1.0]), "volume"),
        image_from_array(slice_.swapaxes(1, 2), np.eye(4), "picture", has_orientation=False),
    ):
        predictor = stand_in_predictor(monkeypatch, bundle)
        prediction = predictor.predict(image)
        assert np.array_equal(prediction.layers[0], image.voxels[..., 0] > 127)
        seen.append(predictor.runner.backend.network.seen[0])
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-6)


def test_with_transpose_tta_a_picture_and_its_transpose_get_the_same_prediction(monkeypatch):
    bundle = stand_in_bundle((64, 64))
    orientation = {"volume": "stored", "picture": "transposed", "transpose_tta": True}
    bundle.descriptor["input"]["orientation"] = orientation
    torch.manual_seed(1)
    predictor = stand_in_predictor(monkeypatch, bundle, ResFormerUNet)
    torch.nn.init.zeros_(
        predictor.runner.backend.network.segmentation.bias
    )  # some pixels on either side of the threshold
    picture = np.random.default_rng(0).integers(0, 255, (1, 50, 90), np.uint8)

    def predictions() -> tuple[Prediction, Prediction]:
        return tuple(
            predictor.predict(image_from_array(voxels, np.eye(4), "x", has_orientation=False))
            for voxels in (picture, picture.swapaxes(1, 2))
        )

    upright, lying = predictions()
    assert upright.layers.any() and not upright.layers.all()
    assert np.mean(upright.layers != lying.layers.swapaxes(2, 3)) < 1e-3
    assert probabilities_of(lying) == pytest.approx(probabilities_of(upright), abs=1e-6)
    orientation["transpose_tta"] = False
    upright, lying = predictions()
    assert np.mean(upright.layers != lying.layers.swapaxes(2, 3)) > 1e-2
    assert probabilities_of(lying) != pytest.approx(probabilities_of(upright), abs=1e-6)


def test_transpose_tta_is_for_pictures_only(monkeypatch):
    bundle = stand_in_bundle()
    bundle.descriptor["input"]["orientation"] = {"volume": "radiological", "picture": "stored", "transpose_tta": True}
    predictor = stand_in_predictor(monkeypatch, bundle)
    predictor.predict(image_from_array(blocks(), np.eye(4), "volume"))
    assert len(predictor.runner.backend.network.seen) == 1
    predictor.predict(image_from_array(blocks(1), np.eye(4), "picture", has_orientation=False))
    _, as_it_is, turned = predictor.runner.backend.network.seen
    assert torch.equal(turned, as_it_is.swapaxes(2, 3))


def probabilities_of(prediction: Prediction) -> dict[str, float]:
    return prediction.report["diagnosis"]["probabilities"]


def test_the_report_is_complete_and_agrees_with_the_masks(monkeypatch):
    image = image_from_array(blocks(), oblique_affine(), "head")
    seen = []
    prediction = stand_in_predictor(monkeypatch, stand_in_bundle(segments=("core", "rim"))).predict(
        image, progress=lambda *counts: seen.append(counts)
    )
    report = json.loads(json.dumps(prediction.report, allow_nan=False))
    assert report.keys() == {
        "case", "model", "device", "engine", "diagnosis", "segments", "largest_lesion", "grid", "slice_axis", "slices",
        "warnings", "reliable", "reasons", "timing_s", "not_for_clinical_use",
    }  # fmt: skip
    assert report["case"] == "head" and report["device"] == "cpu"
    assert report["model"] == {"id": "tiny", "version": "1.0.0", "sha256": "0" * 64}
    assert report["slice_axis"] == {"plane": "axial", "array_axis": 0}
    for index, (row, value) in enumerate(zip(report["segments"], (1, 2), strict=True)):
        voxels = int((prediction.layers[index] == value).sum())
        assert (row["value"], row["layer"], row["voxels"]) == (value, index, voxels)
        assert row["volume_mm3"] == pytest.approx(voxels * 0.5 * 0.7 * 3.0)
        assert {"id", "name", "color", "terminology"} <= row.keys()
        by_slice = [entry["voxels"][row["id"]] for entry in report["slices"]]
        assert by_slice == (prediction.layers[index] == value).sum((1, 2)).tolist()
    assert [entry["index"] for entry in report["slices"]] == [0, 1, 2, 3, 4]
    assert {"network", "prepare", "postprocess", "total"} == report["timing_s"].keys()
    assert all(seconds >= 0 for seconds in report["timing_s"].values())
    assert seen[-1] == (5, 5)
    assert "not for clinical use" in report["not_for_clinical_use"].lower()


def test_the_diagnosis_follows_from_the_slices_by_the_rule(monkeypatch):
    bundle = stand_in_bundle(diagnoses=("a", "b", "c"))
    bundle.descriptor["diagnosis"]["rule"] = "lesion_area_weighted_mean"
    bundle.descriptor["calibration"] = {"method": "temperature", "temperature": 0.5, "fitted_on": "x"}
    report = stand_in_predictor(monkeypatch, bundle).predict(image_from_array(blocks(), np.eye(4), "x")).report
    each = np.array([[row["probabilities"][name] for name in "abc"] for row in report["slices"]])
    np.testing.assert_allclose(each.sum(1), 1)
    areas = [row["voxels"]["lesion"] for row in report["slices"]]
    expected = np.average(each, axis=0, weights=areas)
    diagnosis = report["diagnosis"]
    assert list(diagnosis["probabilities"].values()) == pytest.approx(expected.tolist())
    assert sum(diagnosis["probabilities"].values()) == pytest.approx(1)
    assert diagnosis["label"] == "abc"[expected.argmax()] and diagnosis["name"] == diagnosis["label"].title()
    assert diagnosis["probability"] == pytest.approx(expected.max())
    assert diagnosis["rule"] == "lesion_area_weighted_mean" and diagnosis["calibrated"] is True


def test_a_picture_has_no_volume(monkeypatch):
    image = image_from_array(blocks(1), np.eye(4), "mole", has_orientation=False)
    report = predict(monkeypatch, image).report
    assert report["segments"][0]["volume_mm3"] is None and report["segments"][0]["voxels"] > 0
    assert report["slice_axis"] == {"plane": "picture", "array_axis": 0}


def test_small_specks_are_judged_in_millimetres_of_the_slices_plane(monkeypatch):
    image = image_from_array(blocks(), ANISOTROPIC, "x")  # a pixel has 0.54 mm2, the specks are one pixel
    segmented = predict(monkeypatch, image, segmentation={"min_area_mm2": 0.6}).layers[0]
    assert not segmented[:, 12].any() and segmented[:, 4].any()
    assert predict(monkeypatch, image, segmentation={"min_area_mm2": 0.5}).layers[0][:, 12].any()


def test_when_nothing_is_segmented_the_report_warns_of_the_diagnosis(monkeypatch):
    faint = blocks() // 4
    faint[0, 0, 0] = 255
    image = image_from_array(faint, np.eye(4), "x")
    report = predict(monkeypatch, image, segmentation={"min_area_mm2": 2}).report
    assert "NOTHING_SEGMENTED" in [row["code"] for row in report["warnings"]]
    assert report["segments"][0]["voxels"] == 0 and report["segments"][0]["volume_mm3"] == 0


@pytest.mark.parametrize(
    ("kind", "slices", "words"),
    [
        ("2d", 5, "trained on 2D images, and this image is a volume of 5 slices"),
        ("2d", 1, None),
        ("volume", 1, "trained on volumes, and this image is a single slice"),
        ("volume", 5, None),
        ("both", 1, None),
        ("both", 5, None),
    ],
)
def test_a_2d_model_on_a_volume_and_the_reverse_come_with_a_warning(monkeypatch, kind, slices, words):
    report = predict(monkeypatch, image_from_array(blocks(slices), np.eye(4), "x"), kind=kind).report
    messages = [row["message"] for row in report["warnings"] if row["code"] == "DIMENSION_MISMATCH"]
    assert len(messages) == (words is not None) and all(words in message for message in messages)


def test_a_model_without_diagnosis_gives_none(monkeypatch):
    report = predict(monkeypatch, image_from_array(blocks(), np.eye(4), "x"), diagnoses=()).report
    assert report["diagnosis"] is None and report["slices"][0]["probabilities"] == {}


def test_a_model_without_segmentation_gives_no_layers(monkeypatch):
    image = image_from_array(blocks(), np.eye(4), "x")
    prediction = predict(monkeypatch, image, segments=())
    assert prediction.layers.shape == (0, *image.shape)
    assert prediction.report["segments"] == [] and prediction.report["largest_lesion"] is None
    assert prediction.report["slices"][0]["voxels"] == {}
    assert prediction.report["diagnosis"]["label"] in ("benign", "malignant")


def test_a_colour_picture_for_a_greyscale_model_is_converted_with_a_warning(monkeypatch):
    colours = np.zeros((1, 18, 22, 3), np.uint8)
    colours[0, 4:9, 4:9] = (240, 230, 250)
    image = image_from_array(colours, np.eye(4), "mole", has_orientation=False)
    prediction = predict(monkeypatch, image)
    assert np.array_equal(prediction.layers[0], colours[..., 0] > 127)
    assert "CONVERTED_TO_GREY" in [row["code"] for row in prediction.report["warnings"]]


def test_the_user_may_choose_the_slice_axis(monkeypatch):
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle())
    image = image_from_array(blocks(10), np.eye(4), "x")
    prediction = predictor.predict(image, options=PredictOptions(slice_axis="sagittal"))
    assert prediction.report["slice_axis"] == {"plane": "sagittal", "array_axis": 2}
    assert len(prediction.report["slices"]) == 22
    assert np.array_equal(prediction.layers[0], blocks(10) > 127)
    with pytest.raises(EngineError) as caught:
        predictor.predict(image, options=PredictOptions(slice_axis="diagonal"))
    assert caught.value.code == "BAD_OPTION"


def test_slices_too_thin_for_the_chosen_axis_are_refused_with_advice(monkeypatch):
    with pytest.raises(EngineError) as caught:
        predict(monkeypatch, image_from_array(blocks(5), np.eye(4), "x"), axis="coronal")
    assert caught.value.code == "IMAGE_TOO_SMALL" and "slice axis" in caught.value.hint
