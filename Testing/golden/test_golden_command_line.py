"""The command line answers as it always did: what lies in the files that it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from golden.cases import PATIENT, GoldenCase, golden_cases
from golden.figures import SegmentShape, differences, figures, patient_differences, patient_figures
from helpers.paths import MODULE_FOLDER


@pytest.fixture(scope="module")
def results_of(tmp_path_factory) -> Callable[[str], Path]:
    """`results_of("skin-lesion")`: the folder with what the command made of all cases of that model, run once."""
    folders: dict[str, Path] = {}

    def run(model: str) -> Path:
        if model not in folders:
            inputs, folders[model] = tmp_path_factory.mktemp("inputs"), tmp_path_factory.mktemp("results")
            cases = [case for case in golden_cases().values() if case.model == model]
            more = ["--patient", "heart"] if model == golden_cases()[PATIENT[0]].model else []
            _predict([case.write(inputs) for case in cases], model, folders[model], more)
        return folders[model]

    return run


def _predict(paths: list[Path], model: str, output: Path, more: list[str]) -> None:
    command = [sys.executable, "-m", "resformer_unet", "predict", *map(str, paths), "--model", model]
    done = subprocess.run(
        [*command, "--output", str(output), "--device", "cpu:onnx", *more],
        env={**os.environ, "PYTHONPATH": str(MODULE_FOLDER)},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("name", golden_cases())
def test_the_files_of_an_image_hold_what_they_held_before(name: str, results_of):
    case = golden_cases()[name]
    folder = results_of(case.model)
    report = json.loads((folder / f"{name}.json").read_text("utf-8"))
    found = differences(figures(_segments(folder / f"{name}.seg.nrrd", case), report), case)
    assert not found, "\n".join(found)


def test_the_file_of_a_patient_holds_what_it_held_before(results_of):
    folder = results_of(golden_cases()[PATIENT[0]].model)
    found = patient_differences(patient_figures(json.loads((folder / "heart.patient.json").read_text("utf-8"))))
    assert not found, "\n".join(found)


def _segments(path: Path, case: GoldenCase) -> dict[str, SegmentShape]:
    """The segments that the header of a segmentation file names, where the file itself says that they lie."""
    import SimpleITK as sitk

    image = sitk.ReadImage(str(path))
    assert image.GetSize() == case.voxels.shape[2::-1]
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    voxels, segments = sitk.GetArrayFromImage(image), {}
    while image.HasMetaDataKey(f"Segment{len(segments)}_ID"):
        key = f"Segment{len(segments)}"
        value = int(image.GetMetaData(f"{key}_LabelValue"))
        segments[image.GetMetaData(f"{key}_ID")] = SegmentShape.of(voxels == value, affine)
    return segments
