"""What a user may choose for one prediction, and what the report then measures and warns of."""

from __future__ import annotations

import json

import numpy as np
import pytest

from helpers.stand_ins import stand_in_bundle, stand_in_predictor
from helpers.synthetic_images import oblique_affine, write_volume
from helpers.tiny_model import save_tiny
from resformer_unet.cli.main import main
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.image.reading import read_image
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.prediction import Prediction
from resformer_unet.model.descriptor import SCHEMA_VERSION
from resformer_unet.postprocessing.cleaning import smooth_masks

SPACING = np.diag([0.5, 0.5, 4.0, 1.0])


def bright(slices: int = 8) -> np.ndarray:
    """A box in slices 2 to 5, rows 10 to 19 and columns 8 to 27 of (slices, 40, 40)."""
    voxels = np.zeros((slices, 40, 40), np.uint8)
    voxels[2:6, 10:20, 8:28] = 255
    return voxels


def predict(monkeypatch, voxels=None, has_orientation=True, segmentation=None, affine=SPACING, **options) -> Prediction:
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle((40, 40), segmentation))
    image = image_from_array(bright() if voxels is None else voxels, affine, "head", has_orientation)
    return predictor.predict(image, options=PredictOptions.from_dict(options))


def warning_codes(prediction: Prediction) -> list[str]:
    return [row["code"] for row in prediction.report["warnings"]]


def test_only_the_chosen_slices_are_run_segmented_and_reported(monkeypatch):
    prediction = predict(monkeypatch, slices=[4, 6])
    assert [row["index"] for row in prediction.report["slices"]] == [4, 5, 6]
    expected = bright() > 127
    expected[:4] = expected[7:] = False
    assert np.array_equal(prediction.layers[0] == 1, expected)
    assert prediction.report["segments"][0]["voxels"] == 2 * 200


def test_a_slice_says_the_same_alone_as_among_the_others(monkeypatch):
    every, alone = predict(monkeypatch), predict(monkeypatch, slices=[3, 3])
    (row,) = alone.report["slices"]
    assert row == every.report["slices"][3]


def test_the_range_counts_along_the_chosen_axis(monkeypatch):
    voxels = bright(40)
    prediction = predict(monkeypatch, voxels, slice_axis="sagittal", slices=[10, 11], affine=np.eye(4))
    expected = np.zeros(voxels.shape, bool)
    expected[..., 10:12] = voxels[..., 10:12] > 127
    assert np.array_equal(prediction.layers[0] == 1, expected)


def test_a_range_that_the_image_does_not_have_is_refused(monkeypatch):
    with pytest.raises(EngineError) as caught:
        predict(monkeypatch, slices=[5, 8])
    assert caught.value.code == "BAD_OPTION"


@pytest.mark.parametrize(("slices", "kept"), [(None, False), ([5, 5], True), ([4, 7], False), ([0, 5], True)])
def test_what_may_go_on_beyond_the_range_need_not_reach_through_enough_slices(monkeypatch, slices, kept):
    voxels = np.zeros((8, 40, 40), np.uint8)
    voxels[5, 10:20, 10:20] = 255
    prediction = predict(monkeypatch, voxels, segmentation={"min_slices": 2}, slices=slices)
    assert prediction.layers.any() == kept


def test_the_smallest_area_replaces_the_models(monkeypatch):
    voxels = bright()
    voxels[3, 30:32, 30:32] = 255  # 1 mm2
    assert predict(monkeypatch, voxels, segmentation={"min_area_mm2": 2}).layers[0, 3, 30, 30] == 0
    assert predict(monkeypatch, voxels, segmentation={"min_area_mm2": 2}, min_area_mm2=0).layers[0, 3, 30, 30] == 1
    assert not predict(monkeypatch, voxels, min_area_mm2=51).layers.any()


def test_smoothing_rounds_corners_and_leaves_straight_edges(monkeypatch):
    smooth = predict(monkeypatch, smoothing_mm=1.0).layers[0, 3]
    assert not smooth[10, 8] and smooth[10, 18] and smooth[15, 8] and not smooth[9, 18]


def test_smoothed_exclusive_segments_do_not_overlap():
    masks = np.zeros((1, 2, 30, 30), bool)
    masks[0, 0, 5:25, 5:15] = masks[0, 1, 5:25, 15:25] = True
    smooth_masks(masks, (2.0, 2.0), exclusive=True)
    assert not masks.all(1).any()
    assert masks[0, 0, 15, 14] and masks[0, 1, 15, 15] and not masks[0, :, 5, 5].any()


def test_smoothing_keeps_what_touches_the_border_there():
    masks = np.zeros((1, 1, 30, 30), bool)
    masks[0, 0, :15] = True
    smooth_masks(masks, (2.0, 2.0), exclusive=False)
    assert np.array_equal(masks[0, 0], np.arange(30)[:, None].repeat(30, 1) < 15)


def test_millimetres_mean_nothing_to_a_picture_and_this_is_told(monkeypatch):
    prediction = predict(monkeypatch, bright()[3:4], has_orientation=False, smoothing_mm=3.0)
    assert "PIXEL_SIZE_UNKNOWN" in warning_codes(prediction)
    assert np.array_equal(prediction.layers[0] == 1, bright()[3:4] > 127)


def test_probability_maps_lie_on_the_images_grid_and_agree_with_the_masks(monkeypatch):
    affine = oblique_affine() @ np.diag([-1, 1, 1, 1])
    prediction = predict(monkeypatch, affine=affine, probability_maps=True, slices=[3, 7])
    maps = prediction.probability_maps
    assert maps.shape == (1, 8, 40, 40) and maps.dtype == np.uint8 and maps.max() == 100
    assert np.array_equal(maps[0] > 50, prediction.layers[0] == 1) and not maps[0, :3].any()
    assert predict(monkeypatch).probability_maps is None


def test_sizes_are_measured_in_each_slice(monkeypatch):
    report = predict(monkeypatch).report
    row = report["slices"][3]
    assert row["area_mm2"] == {"lesion": pytest.approx(10 * 20 * 0.25)}
    assert row["longest_diameter_mm"]["lesion"] == pytest.approx(np.hypot(5, 10), abs=0.3)
    assert report["slices"][0]["longest_diameter_mm"] == {"lesion": 0.0}
    assert report["segments"][0]["longest_diameter_mm"] == row["longest_diameter_mm"]["lesion"]


def test_a_picture_has_no_sizes_in_millimetres(monkeypatch):
    report = predict(monkeypatch, bright()[3:4], has_orientation=False).report
    assert report["slices"][0]["area_mm2"] is None and report["slices"][0]["longest_diameter_mm"] is None
    assert report["segments"][0]["longest_diameter_mm"] is None
    assert report["largest_lesion"]["voxels"] == 200


@pytest.mark.parametrize("axis", ["axial", "coronal", "sagittal"])
def test_the_largest_lesion_is_found_in_the_volume_however_it_is_cut(monkeypatch, axis):
    voxels = bright(40)
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle((40, 40)))
    predictor.bundle.descriptor["input"]["orientation"]["volume"] = "radiological"
    image = image_from_array(voxels, oblique_affine() @ np.diag([-1, -1, -1, 1]), "head")
    report = predictor.predict(image, options=PredictOptions(slice_axis=axis)).report
    largest = report["largest_lesion"]
    i, j, k = largest["center_ijk"]
    assert voxels[k, j, i] == 255 and largest["segment"] == "lesion"
    assert largest["slice"] == (k, j, i)[report["slice_axis"]["array_axis"]]
    np.testing.assert_allclose(largest["center_lps"], (image.affine @ [i, j, k, 1])[:3])


def test_what_touches_the_border_of_the_image_is_told(monkeypatch):
    voxels = bright()
    assert "TOUCHES_BORDER" not in warning_codes(predict(monkeypatch, voxels))
    voxels[3, 39, 20] = 255
    prediction = predict(monkeypatch, voxels)
    (message,) = [row["message"] for row in prediction.report["warnings"] if row["code"] == "TOUCHES_BORDER"]
    assert message.startswith("Lesion reaches the edge of the image")


def border_messages(prediction: Prediction) -> list[str]:
    return [row["message"] for row in prediction.report["warnings"] if row["code"] == "TOUCHES_BORDER"]


@pytest.mark.parametrize(
    ("slices", "words"),
    [
        (None, []),
        ([3, 7], ["the first of the chosen slices"]),
        ([0, 4], ["the last of the chosen slices"]),
        ([3, 4], ["Lesion reaches the first of the chosen slices and the last of the chosen slices: "]),
        ([3, 3], []),
    ],
)
def test_what_reaches_an_end_of_the_slices_is_told_with_the_end(monkeypatch, slices, words):
    messages = border_messages(predict(monkeypatch, slices=slices))
    assert len(messages) == len(words) and all(word in messages[0] for word in words)


def test_the_ends_of_a_volume_count_unless_its_models_stacks_end_inside(monkeypatch):
    cut = bright()[2:]
    (message,) = border_messages(predict(monkeypatch, cut))
    assert message.startswith("Lesion reaches the first slice of the volume: ")
    assert border_messages(predict(monkeypatch, cut, segmentation={"ends_inside": True})) == []


def test_the_edge_of_the_part_that_the_model_looks_at_is_told(monkeypatch):
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle((40, 40)))
    image = image_from_array(bright(), SPACING, "head")
    predictor.bundle.descriptor["input"]["field_of_view_mm"] = [19, 19]  # rows 1 to 38
    assert border_messages(predictor.predict(image)) == []
    predictor.bundle.descriptor["input"]["field_of_view_mm"] = [16, 10]  # rows 4 to 35, columns 10 to 29
    (message,) = border_messages(predictor.predict(image))
    assert message.startswith(
        "Lesion reaches the edge of the model's field of view, the central 16 × 10 mm of a slice: "
    )


@pytest.mark.parametrize(("of_nothing", "segmented", "code", "words"), [
    (None, True, None, ""),
    (None, False, "NOTHING_SEGMENTED", "no segmented lesion"),
    ("benign", True, "DIAGNOSIS_MISMATCH", "Lesion was segmented, but the diagnosis is Benign"),
    ("benign", False, None, ""),
    ("malignant", True, None, ""),
    ("malignant", False, "NOTHING_SEGMENTED", "Nothing was segmented, but the diagnosis is Benign"),
])  # fmt: skip
def test_a_segmentation_is_expected_of_some_diagnoses_only(monkeypatch, of_nothing, segmented, code, words):
    bundle = stand_in_bundle((40, 40))
    for row in bundle.descriptor["diagnosis"]["classes"]:
        row["empty_segmentation"] = row["id"] == of_nothing
    voxels = np.full((1, 40, 40), 20, np.uint8)
    voxels[:, :20] = 60  # the upper half is brighter: benign
    voxels[:, 5:10, 5:10] = 255 if segmented else 100
    report = stand_in_predictor(monkeypatch, bundle).predict(image_from_array(voxels, SPACING, "x")).report
    assert report["diagnosis"]["label"] == "benign"
    found = [row for row in report["warnings"] if row["code"] in ("NOTHING_SEGMENTED", "DIAGNOSIS_MISMATCH")]
    assert [row["code"] for row in found] == ([code] if code else []) and all(words in row["message"] for row in found)


def test_the_recipes_say_which_diagnoses_mean_that_nothing_is_segmented():
    from resformer_unet.training.setup.recipe import load_recipe

    for name, expected in {"breast-ultrasound": ["normal"], "retina-oct": ["no_fluid"], "brain-tumor-mr": []}.items():
        classes = load_recipe(name).descriptor["diagnosis"]["classes"]
        assert [row["id"] for row in classes if row.get("empty_segmentation")] == expected


def test_each_segment_has_its_centre_in_the_volumes_own_frame(monkeypatch):
    affine = oblique_affine() @ np.diag([-1, 1, -1, 1])
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle((40, 40)))
    predictor.bundle.descriptor["input"]["orientation"]["volume"] = "radiological"
    report = predictor.predict(image_from_array(bright(), affine, "head"), options=PredictOptions(slices=(1, 7))).report
    np.testing.assert_allclose(report["segments"][0]["center_lps"], (affine @ [17.5, 14.5, 3.5, 1])[:3], atol=1e-6)
    assert report["grid"]["size"] == [40, 40, 8]
    np.testing.assert_allclose(report["grid"]["affine_lps"], affine)
    assert predict(monkeypatch, np.maximum(bright() // 4, 1)).report["segments"][0]["center_lps"] is None
    picture = predict(monkeypatch, bright()[3:4], has_orientation=False).report
    assert picture["segments"][0]["center_lps"] is None and picture["grid"] is None


@pytest.mark.parametrize(("brightness", "unsure"), [(0, True), (15, True), (250, False)])
def test_an_unsure_diagnosis_is_told_with_both_probabilities(monkeypatch, brightness, unsure):
    voxels = np.full((1, 40, 40), 1, np.uint8)
    voxels[:, :20] = 5 + brightness  # the stand-in's first diagnosis is the brightness of the upper half
    report = predict(monkeypatch, voxels).report
    messages = [row["message"] for row in report["warnings"] if row["code"] == "LOW_CONFIDENCE"]
    assert len(messages) == unsure
    if unsure:
        assert "Benign" in messages[0] and "Malignant" in messages[0] and "%" in messages[0]


def test_a_newer_version_of_the_model_is_pointed_out(tmp_path, monkeypatch):
    from resformer_unet.inference.predictor import Predictor

    old = save_tiny(tmp_path / "old")
    monkeypatch.setenv("RESFORMER_UNET_MODELS", str(tmp_path))
    image = image_from_array(bright(), SPACING, "head")
    assert "MODEL_OUTDATED" not in warning_codes(Predictor(old, "cpu").predict(image))
    save_tiny(tmp_path / "new", version="1.10.0")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.json").write_text('{"id": "tiny", "version": "new"}')
    report = Predictor(old, "cpu").predict(image).report
    (message,) = [row["message"] for row in report["warnings"] if row["code"] == "MODEL_OUTDATED"]
    assert "1.10.0" in message and "1.0.0" in message


def test_a_model_of_an_older_format_is_pointed_out(monkeypatch):
    monkeypatch.setattr("resformer_unet.inference.result_warnings.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    assert "MODEL_OUTDATED" in warning_codes(predict(monkeypatch))


@pytest.fixture
def model(tmp_path):
    return save_tiny(tmp_path / "models" / "tiny", segments=("core", "rim of it")).folder


def run(model, image, folder, *options: str) -> int:
    return main(["predict", str(image), "--model", str(model), "--output", str(folder), "--device", "cpu", *options])


def test_the_command_line_takes_each_option(model, tmp_path):
    image = write_volume(tmp_path / "head.nrrd", bright(), SPACING)
    out = tmp_path / "out"
    assert run(model, image, out, "--slices", "2-4", "--min-area", "3", "--smoothing", "1", "--probability-maps") == 0
    maps = ["head.probability.core.nrrd", "head.probability.rim_of_it.nrrd"]
    assert sorted(file.name for file in out.iterdir()) == ["head.json", *maps, "head.seg.nrrd"]
    report = json.loads((out / "head.json").read_text("utf-8"))
    assert [row["index"] for row in report["slices"]] == [2, 3, 4]
    written = read_image(out / maps[0])
    assert written.voxels.dtype == np.uint8 and written.voxels.max() <= 100 and not written.voxels[:2].any()
    np.testing.assert_allclose(written.affine, SPACING)


def test_maps_of_an_earlier_prediction_do_not_stay_beside_a_new_report(model, tmp_path):
    image = write_volume(tmp_path / "head.nrrd", bright(), SPACING)
    run(model, image, tmp_path / "out", "--probability-maps")
    assert run(model, image, tmp_path / "out", "--slices", "3") == 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["head.json", "head.seg.nrrd"]


def test_a_file_that_is_named_like_a_map_is_not_replaced(model, tmp_path):
    image = write_volume(tmp_path / "head.nrrd", bright(), SPACING)
    (tmp_path / "out").mkdir()
    foreign = tmp_path / "out" / "head.probability.core.nrrd"
    foreign.write_text("somebody's work")
    assert run(model, image, tmp_path / "out", "--probability-maps") == 0
    assert foreign.read_text() == "somebody's work" and (tmp_path / "out" / "head-2.json").exists()


def test_when_one_file_cannot_be_written_none_appears(model, tmp_path, monkeypatch):
    image = write_volume(tmp_path / "head.nrrd", bright(), SPACING)

    def full(*arguments):
        raise EngineError("DISK_FULL", "The disk is full.")

    monkeypatch.setattr("resformer_unet.batch.case_files.atomic_file", full)
    assert run(model, image, tmp_path / "out", "--probability-maps") == 1
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "options", [("--slices", "5-2"), ("--slices", "a-b"), ("--min-area", "-1"), ("--smoothing", "x")]
)
def test_options_that_mean_nothing_are_wrong_usage(model, tmp_path, options):
    with pytest.raises(SystemExit) as caught:
        run(model, tmp_path / "head.nrrd", tmp_path / "out", *options)
    assert caught.value.code == 2
