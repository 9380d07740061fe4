"""The page of a result: what it says first, what it never names by itself, and figures after an edit."""

from __future__ import annotations

import html
import io
import re
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from helpers.report_cases import drawn_masks, make_case
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.model.catalog import find_model
from resformer_unet.report import surface_picture
from resformer_unet.report.case import ReportCase, measured_anew
from resformer_unet.report.page import make_page
from resformer_unet.report.picture import draw_picture, draw_slice, png


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    """In three dimensions, which no test here looks at: to save time."""
    monkeypatch.setattr(surface_picture, "SIDE", 80)


def image(shape=(6, 20, 24), oriented=True):
    voxels = np.random.default_rng(2).integers(0, 255, shape).astype(np.uint8)
    return image_from_array(voxels, np.diag([0.9, 1.1, 3, 1.0]), "Müller_Jürgen", oriented)


def case(**changes) -> ReportCase:
    taken = image()
    return make_case(taken, drawn_masks(2, taken.shape), **changes)


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<body>")[2])))


def test_the_page_stands_alone_and_says_what_it_is():
    page = make_page(case())
    assert not re.search(r"(src|href)=[\"'](?!data:)", page) and "<script" not in page
    text = text_of(page)
    assert "Not a medical device" in text and "brain-tumor-mr, version 1.2.1" in text and "ONNX Runtime 1.20" in text


def test_nobody_is_named_unless_it_was_wished():
    message = "“Müller_Jürgen” differs."
    files = "2 DICOM files without a readable image were skipped, the first is Müller-7.dcm."
    warnings = [{"code": "X", "message": message}, {"code": "UNREADABLE_FILES", "message": files}]
    made = case(warnings=warnings)
    page = make_page(made)
    assert "Müller" not in page and "the image differs" in page and "were skipped" in page
    assert "Müller" in make_page(made, [("Patient", "Müller, Jürgen")])


def test_warnings_come_first_and_the_gravest_before_all():
    warnings = [
        {"code": "TOUCHES_BORDER", "message": "It touches."},
        {"code": "OUT_OF_DISTRIBUTION", "message": "OOD!"},
    ]
    text = text_of(make_page(case(warnings=warnings, reliable=False, reasons=["OUT_OF_DISTRIBUTION"])))
    places = [text.index(part) for part in ("not reliable", "OOD!", "It touches.", "None: this result", "Segmentation")]
    assert places[:-1] == sorted(places[:-1]) and "nevertheless: Glioma, probability 90.0 %" in text


def test_probabilities_stand_beside_what_was_measured_of_the_model():
    bundle = find_model("brain-tumor-mr")
    given = case()
    probabilities = {"glioma": 0.9, "meningioma": 0.0995, "pituitary": 0.0005}
    report = {**given.report, "diagnosis": {**given.report["diagnosis"], "probabilities": probabilities}}
    text = text_of(make_page(ReportCase(report, given.masks, given.image, bundle)))
    tested = next(row for row in bundle.descriptor["results"] if row["split"] == "test")
    figures = [tested["metrics"][f"{name}_glioma"] for name in ("sensitivity", "specificity", "auc")]
    assert "Glioma 90.0 % " + " ".join(f"{figure:.2f}" for figure in figures) in text
    assert "Pituitary tumour < 0.1 %" in text and f"accuracy {tested['metrics']['accuracy']:.2f}" in text
    assert bundle.descriptor["limits"][0] in text


def test_a_model_that_is_not_installed_is_said_so():
    text = text_of(make_page(case()))
    assert "not installed where the report was made" in text and "was not measured" in text


def test_what_a_page_shows_is_escaped():
    page = make_page(case(warnings=[{"code": "X", "message": "<script>alert(1)</script>"}]))
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_the_picture_shows_the_contours_of_the_largest_slice():
    taken = image((3, 60, 60))
    masks = np.zeros((1, *taken.shape), bool)
    masks[0, 1, 20:40, 20:40] = True
    pixels = np.asarray(Image.open(io.BytesIO(draw_picture(make_case(taken, masks)))))
    red = (pixels == (230, 70, 60)).all(-1)
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    share = [
        ends / length
        for line, length in ((rows, red.shape[0]), (columns, red.shape[1]))
        for ends in (line[0], line[-1])
    ]
    assert np.allclose(share, [1 / 3, 2 / 3] * 2, atol=0.02)
    assert pixels.shape[0] / pixels.shape[1] == pytest.approx(60 * 1.1 / (60 * 0.9), rel=0.01)  # square pixels


def test_without_image_or_lesion_there_is_no_picture_but_a_reason():
    given = case()
    assert "could not be read" in text_of(make_page(ReportCase(given.report, given.masks)))
    given = make_case(image(), np.zeros((1, 6, 20, 24), bool))
    assert draw_picture(given) is None and "Nothing is segmented" in text_of(make_page(given))


def test_pictures_have_pixels_and_no_millimetres():
    taken = image((1, 20, 24), oriented=False)
    text = text_of(make_page(make_case(taken, drawn_masks(1, taken.shape))))
    assert "Pixels" in text and " mm" not in text and " ml" not in text


def test_a_png_is_read_back_as_it_was():
    pixels = np.random.default_rng(3).integers(0, 255, (7, 5, 3)).astype(np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(pixels)))), pixels)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_masks_that_were_not_changed_are_measured_as_the_run_did(axis, tmp_path):
    from helpers.tiny_model import tiny_descriptor, weights_that_segment
    from resformer_unet.inference.options import PredictOptions
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.model.saving import save_bundle

    pytest.importorskip("torch")
    descriptor = tiny_descriptor(segments=("one", "two"))
    bundle = save_bundle(tmp_path / "tiny", descriptor, weights_that_segment(descriptor), "# Tiny\n")
    affine = np.diag([0.9, 1.1, 3, 1.0])
    taken = image_from_array(np.random.default_rng(4).random((12, 20, 24)).astype(np.float32) * 255, affine, "x")
    predicted = Predictor(bundle, "cpu").predict(taken, options=PredictOptions(slice_axis=f"axis{axis}"))
    masks = np.array([layer == row["value"] for layer, row in zip(predicted.layers, bundle.segments, strict=True)])
    assert masks.any()
    report = predicted.report
    anew = measured_anew(report, masks, report["segments"])
    for ours, given in zip(anew["segments"], report["segments"], strict=True):
        assert ours == {**given, "volume_mm3": pytest.approx(given["volume_mm3"])}
    assert [row["voxels"] for row in anew["slices"]] == [row["voxels"] for row in report["slices"]]
    for ours, given in zip(anew["slices"], report["slices"], strict=True):
        assert ours["area_mm2"] == pytest.approx(given["area_mm2"])
        assert ours["longest_diameter_mm"] == pytest.approx(given["longest_diameter_mm"])
    for entry in ("segment", "voxels", "slice"):
        assert anew["largest_lesion"][entry] == report["largest_lesion"][entry]


def test_the_picture_of_a_huge_slice_takes_no_multiple_of_its_memory():
    pixels, mask = np.zeros((1, 3000, 2400, 3), np.uint8), np.zeros((1, 1, 3000, 2400), bool)
    pixels[0, 1000:2000, 600:1800], mask[0, 0, 1000:2000, 600:1800] = 255, True
    huge = image_from_array(pixels, np.eye(4), "huge", has_orientation=False)
    tracemalloc.start()
    try:
        content = draw_slice(huge, mask, [{"color": [255, 0, 0]}], {"array_axis": 0}, 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200e6  # as for any larger one; 24 bytes a pixel and channel are 520 MB
    shown = np.asarray(Image.open(io.BytesIO(content))).astype(int)
    red = np.argwhere((shown == (255, 0, 0)).all(-1)) / 520
    assert shown.shape == (520, 416, 3)
    assert np.allclose([red.min(0), red.max(0)], [(1 / 3, 0.2), (2 / 3, 0.6)], atol=3 / 520)
    assert (shown[260, 208] == 255).all() and (shown[40, 40] == 0).all()
