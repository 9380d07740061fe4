"""The report of a patient's heart on the command line: one page and one structured report on both phases."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from helpers import dicom_studies as studies
from helpers.tiny_heart import save_heart
from resformer_unet.cli.main import main
from resformer_unet.image.reading import read_image

highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("torch")

SERIES = [f"{studies.STUDY}.{number}" for number in (71, 72)]
OBJECTS = ["Jo.patient.ed.seg.dcm", "Jo.patient.es.seg.dcm", "Jo.patient.sr.dcm"]


@pytest.fixture(scope="module")
def predicted(tmp_path_factory) -> Path:
    """A folder with two series of noise, in which the untrained model segments something, and the results in `out`."""
    folder = tmp_path_factory.mktemp("patient")
    model = save_heart(folder / "heart").folder
    affine = studies.affine_of(35) @ np.diag([1.5, 1.5, 3, 1])
    for name, seed, series in zip(("Mia-A", "Mia-B"), (0, 1), SERIES, strict=True):
        voxels = np.random.default_rng(seed).integers(0, 255, (4, 40, 40)).astype(np.uint16)
        studies.write_series(folder / name, voxels, affine, [2, 0, 1, 3], series=series)
    inputs = [str(folder / "Mia-A"), str(folder / "Mia-B")]
    arguments = ["--model", str(model), "--device", "cpu", "--output", str(folder / "out"), "--report", "html,dicom"]
    assert main(["predict", *inputs, *arguments, "--patient", "Jo"]) == 0
    return folder


@pytest.fixture
def out(predicted, tmp_path) -> Path:
    """A copy of the results, to be changed."""
    return Path(shutil.copytree(predicted / "out", tmp_path / "out"))


def patient_in(folder: Path) -> dict:
    return json.loads((folder / "Jo.patient.json").read_text("utf-8"))


def report(folder: Path, *more: str) -> int:
    return main(["report", str(folder / "Jo.patient.json"), *more])


def without_pictures(page: str) -> str:
    return re.sub(r"data:image/png;base64,[^\"]*", "", page)


def test_one_page_and_one_structured_report_are_on_both_phases(predicted):
    out = predicted / "out"
    files = ["Jo.patient.json", "Jo.patient.report.html", *OBJECTS]
    files += [f"{name}{end}" for name in ("Mia-A", "Mia-B") for end in (".json", ".seg.nrrd")]
    assert sorted(path.name for path in out.iterdir()) == sorted(files)
    patient, page = patient_in(out), (out / "Jo.patient.report.html").read_text("utf-8")
    function = patient["cardiac_function"]
    for text in (f"{function['lvedv_ml']:.0f} ml", f"{100 * function['rvef']:.0f} %", f"{function['lv_mass_g']:.0f} g"):
        assert f">{text}<" in page
    assert page.count("<img ") == 4 and page.index(">End-diastole<") < page.index(">End-systole<")
    assert patient["diagnosis"]["name"] in page and "Mia" not in without_pictures(page)


def test_each_phase_has_its_segmentation_and_the_report_refers_to_both(predicted):
    out = predicted / "out"
    patient = patient_in(out)
    made = [highdicom.seg.segread(out / name) for name in OBJECTS[:2]]
    for case, segmentation in zip(patient["cases"], made, strict=True):
        labels = read_image(out / f"{case}.seg.nrrd").voxels
        rows = json.loads((out / f"{case}.json").read_text("utf-8"))["segments"]
        read = segmentation.get_volume(combine_segments=False).array
        counts = [int((labels[..., row["layer"]] == row["value"]).sum()) for row in rows]
        assert [int(read[..., number].sum()) for number in range(len(rows))] == counts
        series = SERIES[("Mia-A", "Mia-B").index(case)]
        assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == series
    content = highdicom.sr.srread(out / OBJECTS[2]).content
    groups = content.get_volumetric_roi_measurement_groups()
    referred = [group.referenced_segment.referenced_sop_instance_uid for group in groups]
    assert referred == [made[0].SOPInstanceUID] * 3 + [made[1].SOPInstanceUID] * 3
    said = [{item.name.meaning: item.value.meaning for item in group.get_qualitative_evaluations()} for group in groups]
    phases = [evaluations["Cardiac cycle phase"] for evaluations in said]
    assert phases == ["End diastole"] * 3 + ["End Systole"] * 3
    assert len({group.tracking_uid for group in groups}) == 6
    left, right, diagnosis = content.get_image_measurement_groups()
    function = patient["cardiac_function"]
    for group, side, site in ((left, "lv", "87878005"), (right, "rv", "53085002")):
        assert group.finding_sites[0].value.value == site
        values = {item.name.value: (item.value, item.unit.value) for item in group.get_measurements()}
        assert values["70822001"] == (pytest.approx(100 * function[f"{side}ef"]), "%")
        assert values[{"lv": "8821-1", "rv": "8822-9"}[side]] == (pytest.approx(function[f"{side}edv_ml"]), "mL")
    assert {item.name.meaning: item.value for item in left.get_measurements()}["Left Ventricle Mass"] == pytest.approx(
        function["lv_mass_g"]
    )
    found = {item.name.value: item.value for item in diagnosis.get_measurements()}
    for label, probability in patient["diagnosis"]["probabilities"].items():
        assert found[f"probability-{label}"] == pytest.approx(probability)


@pytest.mark.parametrize("name", OBJECTS)
def test_the_objects_are_valid(predicted, name):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian: dicom3tools) is not installed")
    command = ["dciodvfy", predicted / "out" / name]
    checked = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    lines = (checked.stdout + checked.stderr).splitlines()
    assert lines and not [line for line in lines if line.startswith(("Error", "Abort"))]


def test_after_an_edit_the_function_is_measured_anew_and_the_diagnosis_is_that_of_the_run(out):
    import SimpleITK as sitk

    patient = patient_in(out)
    file = out / f"{patient['cases'][1]}.seg.nrrd"
    read = sitk.ReadImage(str(file))
    pixels = sitk.GetArrayFromImage(read)
    left = next(row for row in json.loads(file.with_name(f"{patient['cases'][1]}.json").read_text("utf-8"))["segments"]
                if row["id"] == "lv")  # fmt: skip
    mine = pixels[..., left["layer"]] if pixels.ndim == 4 else pixels
    columns = np.nonzero(mine == left["value"])
    mine[tuple(index[: len(index) // 2] for index in columns)] = 0  # half of the left ventricle at end-systole
    changed = sitk.GetImageFromArray(pixels, isVector=pixels.ndim == 4)
    changed.CopyInformation(read)
    for key in read.GetMetaDataKeys():
        changed.SetMetaData(key, read.GetMetaData(key))
    sitk.WriteImage(changed, str(file), useCompression=True)
    assert report(out, "--format", "html") == 0
    page = (out / "Jo.patient.report.html").read_text("utf-8")
    function = patient["cardiac_function"]
    assert "changed after the run" in page and patient["diagnosis"]["name"] in page
    assert f">{function['lvedv_ml']:.0f} ml<" in page
    assert f">{100 * (1 - function['lvesv_ml'] / 2 / function['lvedv_ml']):.0f} %<" in page


def test_a_phase_that_was_predicted_again_since_is_refused(out, capsys):
    file = out / "Mia-B.json"
    again = json.loads(file.read_text("utf-8"))
    for row in again["segments"]:
        row["volume_mm3"] *= 1.2
    file.write_text(json.dumps(again), "utf-8")
    assert report(out) == 1
    assert "Diagnose the patient again" in capsys.readouterr().err


def test_images_that_were_moved_are_found_by_their_folder(predicted, out, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("Mia-A", "Mia-B"):
        shutil.move(predicted / name, moved / name)
    try:
        (out / OBJECTS[2]).unlink()
        assert report(out, "--format", "dicom") == 1 and not (out / OBJECTS[2]).exists()
        assert report(out, "--format", "html,dicom", "--source", str(moved), "--with-patient") == 0
        page = (out / "Jo.patient.report.html").read_text("utf-8")
        assert (out / OBJECTS[2]).exists() and "Müller, Jürgen" in page and "Mia-A" in page
    finally:
        for name in ("Mia-A", "Mia-B"):
            shutil.move(moved / name, predicted / name)


def test_phases_of_two_studies_have_a_page_and_no_dicom_report(predicted, out, tmp_path, capsys):
    import pydicom

    copied = tmp_path / "copied"
    for name in ("Mia-A", "Mia-B"):
        shutil.copytree(predicted / name, copied / name)
    for file in (copied / "Mia-B").iterdir():
        data = pydicom.dcmread(file)
        data.StudyInstanceUID = f"{studies.STUDY}.9"
        data.save_as(file)
    (out / "Jo.patient.report.html").unlink()
    assert report(out, "--format", "html,dicom", "--source", str(copied)) == 1
    assert "different patients or studies" in capsys.readouterr().err
    assert (out / "Jo.patient.report.html").exists()


def test_a_ventricle_that_was_removed_has_no_function_and_the_page_says_so(predicted):
    from dataclasses import replace

    from resformer_unet.report.case import measured_anew
    from resformer_unet.report.patient_case import make_patient_case
    from resformer_unet.report.patient_page import make_patient_page
    from resformer_unet.report.saved_patient import read_saved_patient

    saved = read_saved_patient(predicted / "out" / "Jo.patient.json").case
    first = saved.phases[0]
    masks = first.masks & False
    edited = replace(
        first, masks=masks, report=measured_anew(first.report, masks, first.report["segments"]), edited=True
    )
    page = make_patient_page(make_patient_case(saved.patient, [saved.phases[1], edited]))
    assert "cannot be calculated" in page and "Nothing is segmented" in page and "Mia" not in without_pictures(page)
