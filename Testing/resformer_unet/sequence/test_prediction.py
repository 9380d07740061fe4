"""A model over the frames of a sequence: the files, the figures, failures of single frames, memory."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.sequences import write_nifti, write_ultrasound
from helpers.synthetic_images import write_volume
from helpers.tiny_heart import save_heart
from helpers.tiny_model import tiny_descriptor, weights_that_segment
from resformer_unet.batch.cases import BatchCase
from resformer_unet.cardiac.body import BodySize
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.image.reading import read_image
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.saving import save_bundle
from resformer_unet.sequence.prediction import SequenceOptions, predict_sequence

AFFINE = np.diag([1.5, 1.5, 8.0, 1.0])


def noise(frames: int, slices: int = 3, rows: int = 40, columns: int = 36) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (frames, slices, rows, columns), np.int16)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Predictor]:
    folder = tmp_path_factory.mktemp("models")
    bundles = {
        name: save_bundle(folder / name, descriptor, weights_that_segment(descriptor), "# Untrained\n")
        for name, descriptor in (("lesion", tiny_descriptor()), ("several", tiny_descriptor(("core", "rim"))))
    }
    bundles |= {
        "heart": save_heart(folder / "heart"),
    }
    return {name: Predictor(bundle, "cpu") for name, bundle in bundles.items()}


def run(path: Path, predictor: Predictor, output: Path, choice: SequenceOptions | None = None, **more) -> dict:
    return predict_sequence(BatchCase(path, "cine"), predictor, output, choice or SequenceOptions(), **more)


def rows_of(path: Path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_frame_has_the_figures_and_labels_that_it_has_as_an_image_of_its_own(models, tmp_path):
    frames = noise(4)
    report = run(write_nifti(tmp_path / "x.nii.gz", frames, AFFINE), models["lesion"], tmp_path / "out")
    assert json.loads((tmp_path / "out" / "cine.json").read_text("utf-8")) == report
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "cine.seg.nrrd")))
    lines = rows_of(tmp_path / "out" / "cine.frames.csv")
    for number, (row, line) in enumerate(zip(report["frames"], lines, strict=True)):
        image = read_image(write_volume(tmp_path / "alone.nii.gz", frames[number], AFFINE))
        alone = models["lesion"].predict(image)
        assert np.array_equal(labels[..., number], alone.layers[0])
        assert row["probabilities"] == pytest.approx(alone.report["diagnosis"]["probabilities"], abs=1e-6)
        figures = row["segments"]["lesion"]
        assert figures["voxels"] == alone.report["segments"][0]["voxels"] > 0
        assert figures["volume_mm3"] == pytest.approx(figures["voxels"] * 18)
        assert (row["index"], row["time_s"]) == (number, round(0.04 * number, 6))
        assert line["frame"] == str(number) and line["lesion_voxels"] == str(figures["voxels"])
        assert float(line["probability_benign"]) == pytest.approx(row["probabilities"]["benign"], abs=1e-4)
    assert report["frames_in_input"] == 4 and report["heart"] is None and report["times_known"]
    assert set(report["files"]) == {"cine.seg.nrrd", "cine.frames.csv"}


def test_chosen_frames_keep_their_numbers_and_times(models, tmp_path):
    path = write_nifti(tmp_path / "x.nii.gz", noise(5), AFFINE)
    report = run(path, models["lesion"], tmp_path / "out", SequenceOptions("2-3"))
    assert [(row["index"], row["time_s"]) for row in report["frames"]] == [(2, 0.08), (3, 0.12)]
    assert sitk.ReadImage(str(tmp_path / "out" / "cine.seg.nrrd")).GetMetaData("axis 3 index values") == "0.08 0.12"


def test_segments_that_may_overlap_have_a_file_each(models, tmp_path):
    report = run(write_nifti(tmp_path / "x.nii", noise(3), AFFINE), models["several"], tmp_path / "out")
    assert set(report["files"]) == {"cine.frames.core.seg.nrrd", "cine.frames.rim.seg.nrrd", "cine.frames.csv"}
    rim = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "cine.frames.rim.seg.nrrd")))
    assert np.count_nonzero(rim[..., 1]) == report["frames"][1]["segments"]["rim"]["voxels"]
    assert set(np.unique(rim)) <= {0, 2}


def test_an_ultrasound_cine_has_pixels_and_no_millimetres(models, tmp_path):
    pixels = noise(3, slices=1)[:, 0].astype(np.uint8)
    report = run(write_ultrasound(tmp_path / "us.dcm", pixels), models["lesion"], tmp_path / "out")
    assert report["grid"] is None and report["frames"][2]["segments"]["lesion"]["area_mm2"] is None
    assert [row["time_s"] for row in report["frames"]] == [0, 0.04, 0.08]


def test_frames_that_fail_are_named_and_empty_and_the_others_are_as_always(models, tmp_path):
    frames = noise(5)
    frames[[0, 3]] = 7
    report = run(write_nifti(tmp_path / "x.nii.gz", frames, AFFINE), models["lesion"], tmp_path / "out")
    assert [row["status"] for row in report["frames"]] == ["failed", "done", "done", "failed", "done"]
    assert report["frames"][0]["error"] == "CONSTANT_IMAGE" and report["frames"][0]["probability"] is None
    warning = next(row for row in report["warnings"] if row["code"] == "FRAMES_FAILED")
    assert warning["frames"] == [0, 3] and warning["message"].startswith("Frames 0, 3 could not")
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "cine.seg.nrrd")))
    assert [bool(labels[..., number].any()) for number in range(5)] == [False, True, True, False, True]
    assert rows_of(tmp_path / "out" / "cine.frames.csv")[3]["lesion_voxels"] == ""


def test_a_sequence_of_which_no_frame_can_be_predicted_is_an_error(models, tmp_path):
    with pytest.raises(EngineError) as caught:
        run(write_nifti(tmp_path / "x.nii.gz", 0 * noise(3), AFFINE), models["lesion"], tmp_path / "out")
    assert caught.value.code == "CONSTANT_IMAGE" and not list((tmp_path / "out").iterdir())


def test_a_warning_is_given_once_with_its_frames(models, tmp_path):
    report = run(write_nifti(tmp_path / "x.nii.gz", noise(4), AFFINE), models["lesion"], tmp_path / "out")
    codes = [row["code"] for row in report["warnings"]]
    assert len(codes) == len(set(codes)) and "TOUCHES_BORDER" in codes
    assert next(row for row in report["warnings"] if row["code"] == "TOUCHES_BORDER")["frames"] == [0, 1, 2, 3]


def test_cancelling_leaves_the_earlier_result_and_nothing_else(models, tmp_path):
    path = write_nifti(tmp_path / "x.nii.gz", noise(6), AFFINE)
    run(path, models["lesion"], tmp_path / "out", SequenceOptions("0-1"))
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    done = []
    with pytest.raises(Cancelled):
        run(path, models["lesion"], tmp_path / "out", progress=lambda *step: done.append(step),
            cancelled=lambda: len(done) == 3)  # fmt: skip
    assert done[-1] == ("cine", 3, 6)
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_a_new_result_replaces_all_files_of_the_earlier_one(models, tmp_path):
    path = write_nifti(tmp_path / "x.nii.gz", noise(3), AFFINE)
    run(path, models["several"], tmp_path / "out")
    run(path, models["lesion"], tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"cine.json", "cine.frames.csv", "cine.seg.nrrd"}


def test_a_heart_is_evaluated_over_its_cycle(models, tmp_path):
    path = write_nifti(tmp_path / "x.nii.gz", noise(6), AFFINE)
    report = run(path, models["heart"], tmp_path / "out", SequenceOptions(body=BodySize(170, 60)))
    heart, volumes = report["heart"], [row["segments"]["lv"]["volume_mm3"] / 1000 for row in report["frames"]]
    assert heart["curves"]["lv_ml"] == pytest.approx(volumes)
    assert (heart["end_diastole"], heart["end_systole"]) == (np.argmax(volumes), np.argmin(volumes))
    assert heart["cardiac_function"]["lvedv_ml"] == pytest.approx(max(volumes))
    assert heart["indexed"]["lvedv_ml_m2"] == pytest.approx(max(volumes) / (170 * 60 / 3600) ** 0.5)
    assert heart["diagnosis"]["label"] in ("normal", "dilated")


def test_a_heart_of_unknown_size_is_not_evaluated_and_says_why(models, tmp_path):
    pixels = noise(3, slices=1)[:, 0].astype(np.uint8)
    report = run(write_ultrasound(tmp_path / "us.dcm", pixels), models["heart"], tmp_path / "out")
    assert report["heart"] is None and "HEART_NOT_FOUND" in [row["code"] for row in report["warnings"]]
    with pytest.raises(EngineError):
        run(tmp_path / "us.dcm", models["heart"], tmp_path / "out", SequenceOptions(end_systole=1))


CHOICES_OF_A_HEART = [{"end_diastole": 0}, {"end_systole": 1}, {"body": BodySize(height_cm=170)}]
CHOICES_OF_A_HEART += [{"body": BodySize(weight_kg=60)}]


@pytest.mark.parametrize("chosen", CHOICES_OF_A_HEART)
@pytest.mark.parametrize(("model", "frames", "words"), [("lesion", "all", "segments none"), ("heart", "1", "a single")])
def test_what_means_nothing_but_for_the_cycle_of_a_heart_is_refused(models, tmp_path, chosen, model, frames, words):
    cine = write_nifti(tmp_path / "x.nii.gz", noise(3), AFFINE)
    with pytest.raises(EngineError, match=words) as caught:
        run(cine, models[model], tmp_path / "out", SequenceOptions(frames, **chosen))
    assert caught.value.code == "BAD_OPTION" and not (tmp_path / "out").exists()


def test_probability_maps_of_sequences_are_refused(models, tmp_path):
    with pytest.raises(EngineError) as caught:
        run(tmp_path / "x.nii", models["lesion"], tmp_path / "out", options=PredictOptions(probability_maps=True))
    assert caught.value.code == "BAD_OPTION"


MEASURE = """
import re, sys
from pathlib import Path
from resformer_unet.batch.cases import BatchCase
from resformer_unet.image import guarded_reading
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.catalog import find_model
from resformer_unet.sequence.prediction import SequenceOptions, predict_sequence
def peak(process):
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path(f"/proc/{process}/status").read_text())[1])
predictor = Predictor(find_model(sys.argv[2]), "cpu")
peaks = []
for frames in ("0-19", "all"):
    predict_sequence(BatchCase(Path(sys.argv[1]), frames), predictor, Path(sys.argv[3]), SequenceOptions(frames))
    peaks += [peak("self"), peak(guarded_reading._idle[0]._process.pid)]
print(*peaks)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("kind", ["nifti", "ultrasound"])
def test_500_frames_take_no_more_memory_than_20(models, tmp_path, kind):
    """Neither of the predictor nor of the reader: the voxels of 500 frames would take 66 MB in each."""
    frames = np.tile(noise(10, slices=2, rows=256, columns=256).astype(np.uint8), (50, 1, 1, 1))
    assert frames.nbytes > 60e6
    if kind == "nifti":
        path = write_nifti(tmp_path / "long.nii.gz", frames, AFFINE)
    else:
        path = write_ultrasound(tmp_path / "long.dcm", frames.reshape(500, 512, 256))
    command = [sys.executable, "-c", MEASURE, str(path), str(models["lesion"].bundle.folder), str(tmp_path / "out")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    few, few_reading, many, many_reading = (int(text) / 1000 for text in done.stdout.split())
    print(f"{kind}: {few} and {few_reading} MB for 20 frames, {many} and {many_reading} MB for 500")
    assert many - few < 20 and many_reading - few_reading < 40  # the allocator keeps some of the ultrasound's files
