"""Recognising images of another kind than those a model was trained on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.generated_dataset import write_discs
from helpers.synthetic_images import oblique_affine
from helpers.tiny_model import save_tiny, tiny_descriptor
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.image.reading import read_image
from resformer_unet.inference.out_of_distribution import (
    ImageSigns,
    OutOfDistributionDetector,
    expected_overlap,
    fit_distribution,
    mean_features,
)
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import load_bundle
from resformer_unet.model.weights import load_network, load_weights
from resformer_unet.preprocessing.letterbox import Letterbox
from resformer_unet.training.finish.reference_statistics import add_reference_statistics


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs"), {"train": 30, "val": 20, "test": 20})


@pytest.fixture(scope="module")
def predictor(tmp_path_factory, dataset) -> Predictor:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_tiny(folder)
    add_reference_statistics(folder, dataset, "cpu")
    return Predictor(load_bundle(folder), "cpu:torch")


def codes(predictor: Predictor, image) -> list[str]:
    return [row["code"] for row in predictor.predict(image).report["warnings"]]


def picture(pixels: np.ndarray):
    return image_from_array(pixels.astype(np.uint8)[None], np.eye(4), "x", has_orientation=False)


def test_images_of_the_models_own_kind_are_in_distribution(predictor, dataset):
    warned = [codes(predictor, read_image(path)) for path in sorted((dataset / "images").glob("test-*"))]
    assert sum("OUT_OF_DISTRIBUTION" in row for row in warned) <= 2


@pytest.mark.parametrize(
    "pixels",
    [
        np.random.default_rng(0).integers(0, 255, (40, 40)),
        np.kron(np.indices((10, 10)).sum(0) % 2, np.full((4, 4), 255)),
        np.tile(np.linspace(0, 255, 40), (40, 1)),
    ],
    ids=["noise", "chessboard", "ramp"],
)
def test_an_image_of_another_kind_is_told_in_plain_words(predictor, pixels):
    report = predictor.predict(picture(pixels)).report
    (warning,) = [row for row in report["warnings"] if row["code"] == "OUT_OF_DISTRIBUTION"]
    assert "its image features are out of distribution for this model" in warning["message"]


@pytest.fixture(scope="module")
def seen_transposed(tmp_path_factory) -> tuple[Path, Path]:
    """A model with transpose test-time augmentation, and pictures of stripes that are all upright in their files."""
    folder = tmp_path_factory.mktemp("stripes")
    stripes = (20 * np.sin(np.arange(40) * 0.9)).astype(np.int16)[:, None]
    data = write_discs(
        folder / "data",
        {"train": 30, "val": 20, "test": 10},
        change=lambda picture, mask: ((picture // 2 + 40 + stripes).astype(np.uint8), mask),
    )
    model = tiny_descriptor()["input"]
    orientation = {"volume": "stored", "picture": "transposed", "transpose_tta": True}
    save_tiny(folder / "tiny", input={**model, "orientation": orientation})
    add_reference_statistics(folder / "tiny", data, "cpu")
    return folder / "tiny", data


@pytest.mark.parametrize("device", ["cpu:torch", "cpu:onnx"])
def test_a_picture_and_its_transpose_are_equally_far_from_the_training_images(seen_transposed, device):
    model, data = seen_transposed
    if device == "cpu:onnx":
        pytest.importorskip("onnxruntime")
        from resformer_unet.training.finish.onnx_export import add_exported_graph

        add_exported_graph(load_bundle(model))
    predictor = Predictor(load_bundle(model), device)
    for path in sorted((data / "images").glob("test-*")):
        pixels = read_image(path).voxels[0, ..., 0]
        one, other = (predictor.predict(picture(x)).out_of_distribution_score for x in (pixels, pixels.T))
        assert one == pytest.approx(other, abs=1e-3)


def test_a_volume_in_the_orientation_of_the_network_is_in_distribution(seen_transposed):
    """The network is given the pictures transposed, so that is how a volume shows such images."""
    model, data = seen_transposed
    predictor = Predictor(load_bundle(model), "cpu:torch")
    slices = [read_image(path).voxels[0, ..., 0] for path in sorted((data / "images").glob("test-*"))]
    as_trained, turned = (image_from_array(np.stack(x), np.eye(4), "x") for x in ([s.T for s in slices], slices))
    assert "OUT_OF_DISTRIBUTION" not in codes(predictor, as_trained)
    assert "OUT_OF_DISTRIBUTION" in codes(predictor, turned)


def test_a_volume_is_judged_by_most_of_its_slices(predictor, dataset):
    of_training = [read_image(dataset / "images" / f"train-{index}.png").voxels[0, ..., 0] for index in range(5)]
    noise = np.random.default_rng(0).integers(0, 255, (40, 40)).astype(np.uint8)
    few, many = np.stack([noise, noise, *of_training]), np.stack([*[noise] * 5, *of_training[:2]])
    assert "OUT_OF_DISTRIBUTION" not in codes(predictor, image_from_array(few, np.eye(4), "x"))
    assert "OUT_OF_DISTRIBUTION" in codes(predictor, image_from_array(many, np.eye(4), "x"))


def test_a_model_without_these_statistics_says_nothing_of_them(tmp_path):
    predictor = Predictor(save_tiny(tmp_path / "tiny"), "cpu:torch")
    assert "OUT_OF_DISTRIBUTION" not in codes(predictor, picture(np.random.default_rng(0).integers(0, 255, (40, 40))))


def test_colours_are_told_to_a_grey_model_and_grey_stored_as_colour_is_not(predictor, dataset):
    grey = read_image(dataset / "images" / "train-0.png")
    threefold = image_from_array(np.repeat(grey.voxels, 3, axis=-1), np.eye(4), "x", has_orientation=False)
    assert "OUT_OF_DISTRIBUTION" not in codes(predictor, threefold)
    threefold.voxels[..., 2] //= 2
    (message,) = [
        row["message"]
        for row in predictor.predict(threefold).report["warnings"]
        if row["code"] == "OUT_OF_DISTRIBUTION"
    ]
    assert "it is a colour image" in message


def test_computed_tomography_is_told_to_a_model_of_another_modality(tmp_path):
    hounsfield = np.full((5, 40, 40), -1000, np.int16)
    hounsfield[:, 10:30, 10:30] = 40
    image = image_from_array(hounsfield, oblique_affine(), "thorax")
    predictor = Predictor(save_tiny(tmp_path / "mr", modality="MR"), "cpu")
    (message,) = [
        row["message"] for row in predictor.predict(image).report["warnings"] if row["code"] == "OUT_OF_DISTRIBUTION"
    ]
    assert "computed tomography" in message
    assert "OUT_OF_DISTRIBUTION" not in codes(Predictor(save_tiny(tmp_path / "ct", modality="CT"), "cpu"), image)


def test_adding_the_statistics_changes_neither_weights_nor_card(tmp_path, dataset):
    before = save_tiny(tmp_path / "tiny")
    weights, card = load_weights(before), (before.folder / "README.md").read_bytes()
    described = add_reference_statistics(before.folder, dataset, "cpu")
    after = load_bundle(before.folder)
    assert after.descriptor["out_of_distribution"] == json.loads(json.dumps(described))
    assert "30 slices" in described["fitted_on"] and "20 cases" in described["fitted_on"]
    kept = load_weights(after)
    assert kept.keys() == weights.keys() and all(torch.equal(kept[name], weights[name]) for name in weights)
    assert (before.folder / "README.md").read_bytes() == card
    load_network(after)


def test_statistics_of_another_network_are_refused(tmp_path, dataset):
    folder = save_tiny(tmp_path / "tiny").folder
    add_reference_statistics(folder, dataset, "cpu")
    bundle = load_bundle(folder)
    bundle.descriptor["out_of_distribution"]["components"] += 1
    with pytest.raises(EngineError) as caught:
        OutOfDistributionDetector.of_bundle(bundle)
    assert caught.value.code == "MODEL_WEIGHTS_MISMATCH"


def test_the_distance_is_mahalanobis_where_the_covariance_is_known():
    random = np.random.default_rng(0)
    deviations = np.linspace(1, 4, 6)
    features = (10 + random.normal(size=(20_000, 6)) * deviations).astype(np.float32)
    others = (10 + random.normal(size=(50, 6)) * 8).astype(np.float32)
    expected = np.sqrt((((others - 10) / deviations) ** 2).mean(1))
    np.testing.assert_allclose(fit_distribution(features).slice_distances(others[None]), expected, rtol=0.05)


def signs(count: int, seed: int = 0) -> list[ImageSigns]:
    random = np.random.default_rng(seed)
    return [ImageSigns(*row) for row in zip(random.normal(1, 0.1, count), random.uniform(0, 0.2, count), strict=True)]


FITTED = fit_distribution(np.random.default_rng(0).normal(size=(200, 30)).astype(np.float32))


def test_the_threshold_lies_above_nearly_all_of_the_validation_cases():
    detector = FITTED.with_threshold(signs(100))
    assert sum(detector.score(case) > detector.threshold for case in signs(100)) == 2


def test_either_sign_alone_can_tell_an_image():
    detector = FITTED.with_threshold(signs(100))
    assert detector.score(ImageSigns(1.0, 0.1)) < detector.threshold
    assert detector.score(ImageSigns(1.6, 0.1)) > detector.threshold
    assert detector.score(ImageSigns(1.0, 0.6)) > detector.threshold


def test_an_empty_segmentation_is_neither_certain_nor_uncertain():
    detector = FITTED.with_threshold(signs(100))
    assert detector.score(ImageSigns(1.0)) == pytest.approx(detector.score(ImageSigns(1.0, detector.uncertainties[0])))


def test_without_any_segmentation_only_the_distance_counts():
    detector = FITTED.with_threshold([ImageSigns(case.distance) for case in signs(100)])
    assert detector.uncertainties is None
    assert detector.score(ImageSigns(1.0, 0.9)) == detector.score(ImageSigns(1.0))


def test_signs_that_never_vary_do_not_decide():
    detector = FITTED.with_threshold([ImageSigns(1.0, 0.1)] * 20)
    assert np.isfinite(detector.score(ImageSigns(1.0, 0.1))) and detector.threshold == pytest.approx(0)


def test_the_expected_overlap_is_the_dice_of_honest_probabilities():
    random = np.random.default_rng(0)
    probabilities = np.clip(random.normal(0.3, 0.3, (1, 1, 200, 200)), 0, 1).astype(np.float32)
    truth = random.uniform(size=probabilities.shape) < probabilities
    mask = probabilities >= 0.5
    ((shared, total),) = expected_overlap(probabilities, exclusive=False)
    assert shared / total == pytest.approx(2 * (truth & mask).sum() / (truth.sum() + mask.sum()), abs=0.01)


def test_the_background_of_exclusive_segments_is_no_segment():
    probabilities = np.array([0.1, 0.7, 0.2], np.float32).reshape(1, 3, 1, 1)
    np.testing.assert_allclose(expected_overlap(probabilities, exclusive=True), [[1.4, 1.9]], rtol=1e-6)
    empty = np.array([0.8, 0.1, 0.1], np.float32).reshape(1, 3, 1, 1)
    assert expected_overlap(empty, exclusive=True).tolist() == [[0, 0]]


def test_slices_without_a_segmentation_leave_the_uncertainty_of_the_others():
    found = ImageSigns.of_slices(np.array([1.0, 5.0, 2.0]), np.array([[0, 0], [3, 4], [3, 4]]))
    assert found == ImageSigns(2.0, 0.25)
    assert ImageSigns.of_slices(np.ones(2), np.zeros((2, 2))).uncertainty is None


def test_a_detector_of_distances_alone_keeps_its_threshold(tmp_path, dataset):
    folder = save_tiny(tmp_path / "tiny").folder
    add_reference_statistics(folder, dataset, "cpu")
    bundle = load_bundle(folder)
    for name in ("distances", "uncertainties"):
        del bundle.descriptor["out_of_distribution"][name]
    assert OutOfDistributionDetector.of_bundle(bundle).score(ImageSigns(1.7, 0.9)) == pytest.approx(1.7)


def test_with_a_single_validation_patient_the_training_patients_say_how_much_patients_differ(tmp_path):
    data = write_discs(tmp_path / "data", {"train": 12, "val": 4})
    table = (data / "labels.csv").read_text("utf-8")
    (data / "labels.csv").write_text(re.sub(r",val,[^,\n]*", ",val,one", table), "utf-8")
    described = add_reference_statistics(save_tiny(tmp_path / "tiny").folder, data, "cpu")
    assert described["fitted_on"].endswith("4 cases, and on the training split by leaving out groups")


def test_the_padding_around_a_picture_does_not_count():
    letterbox = Letterbox.fit(32, 64, 1, 1, (64, 64))  # 16 rows of padding above and below
    level = np.zeros((1, 1, 32, 32), np.float32)
    level[:, :, 8:24] = 1
    (mean,) = mean_features([level], letterbox)
    assert mean.item() == 1


@pytest.mark.parametrize("upright", [False, True], ids=["landscape", "portrait"])
@pytest.mark.parametrize(
    ("length", "content"),
    [(64, slice(16, 48)), (32, slice(8, 24)), (6, slice(1, 5))],
    ids=["as the input", "half as fine", "cut through"],
)
def test_every_row_and_column_with_a_part_of_the_picture_counts_once(upright, length, content):
    letterbox = Letterbox.fit(*((64, 32) if upright else (32, 64)), 1, 1, (64, 64))  # 16 pixels of padding at two sides
    numbers = np.full(length, 1000, np.float32)  # 1000: padding
    numbers[content] = np.arange(content.stop - content.start)
    level = np.broadcast_to(numbers if upright else numbers[:, None], (2, 3, length, length))
    (means,) = mean_features([level], letterbox)
    np.testing.assert_allclose(means, np.full((2, 3), (content.stop - content.start - 1) / 2))
