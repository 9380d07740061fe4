"""Reports on the command line: with a prediction, and later from its JSON file."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from helpers import dicom_studies as studies
from helpers.named_masks import rewrite
from helpers.synthetic_images import write_picture
from helpers.tiny_model import tiny_descriptor, weights_that_segment
from resformer_unet.cli.main import main
from resformer_unet.image.reading import read_image
from resformer_unet.report import write

highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("torch")

VOXELS = np.random.default_rng(5).integers(0, 255, (4, 40, 50)).astype(np.uint16)
ENDS = [".report.html", ".seg.dcm", ".sr.dcm"]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    from resformer_unet.model.saving import save_bundle

    descriptor = tiny_descriptor(segments=("one", "two"))
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_bundle(folder, descriptor, weights_that_segment(descriptor), "# Tiny\n")
    return str(folder)


@pytest.fixture(scope="module")
def predicted(model, tmp_path_factory):
    """A series of an oblique volume, and the folder with its result and both reports."""
    folder = tmp_path_factory.mktemp("prediction")
    series = studies.write_series(folder / "kopf ä", VOXELS, studies.affine_of(35), [3, 1, 0, 2])
    arguments = [str(series), "--model", model, "--output", str(folder / "out"), "--report", "html,dicom"]
    assert main(["predict", *arguments, "--device", "cpu"]) == 0
    return series, folder / "out"


def test_predict_writes_page_and_objects_beside_the_result(predicted):
    series, out = predicted
    assert sorted(file.name for file in out.iterdir()) == sorted(
        f"kopf ä{end}" for end in (".json", ".seg.nrrd", *ENDS)
    )
    assert "kopf ä" not in (out / "kopf ä.report.html").read_text("utf-8")
    volume = highdicom.seg.segread(out / "kopf ä.seg.dcm").get_volume(combine_segments=False)
    labels = read_image(out / "kopf ä.seg.nrrd")
    for number in range(volume.array.shape[-1]):
        ours, theirs = labels.voxels[..., number] == number + 1, volume.array[..., number].astype(bool)
        assert ours.sum() == theirs.sum() > 0
        points = [
            (np.argwhere(mask)[:, order] @ affine[:3, :3].T + affine[:3, 3]).mean(0)
            for mask, order, affine in ((ours, [2, 1, 0], labels.affine), (theirs, [0, 1, 2], volume.affine))
        ]
        assert np.allclose(*points, atol=0.01)


def test_reports_are_made_later_too_with_the_patient_if_wished(predicted, tmp_path):
    _, out = predicted
    options = ["--output", str(tmp_path), "--with-patient"]
    assert main(["report", str(out / "kopf ä.json"), *options]) == 0
    page = (tmp_path / "kopf ä.report.html").read_text("utf-8")
    assert "Müller, Jürgen" in page and "P-1" in page and "1970-02-03" in page and "kopf ä" in page


@pytest.fixture
def result(predicted, tmp_path):
    """A copy of the result with its reports, to be changed."""
    return shutil.copytree(predicted[1], tmp_path / "result") / "kopf ä.json"


def segmented(report) -> list[int]:
    """Voxels of the segments in the DICOM segmentation beside a report."""
    volume = highdicom.seg.segread(report.with_suffix(".seg.dcm")).get_volume(combine_segments=False)
    return [int(np.count_nonzero(volume.array[..., index])) for index in range(volume.array.shape[-1])]


def test_a_segmentation_that_was_changed_since_is_measured_anew(result):
    def drawn(pixels):
        pixels = pixels * 0
        pixels[1, 5:9, 6:12, 0] = 1
        return pixels

    rewrite(result.with_suffix(".seg.nrrd"), drawn)
    assert main(["report", str(result), "--format", "html,dicom"]) == 0
    page = result.with_suffix(".report.html").read_text("utf-8")
    assert "changed after the run" in page and '<td align="right">24</td>' in page
    assert segmented(result) == [24]


@pytest.mark.parametrize("dropped", ["Segment", "_Layer", "_LabelValue", "_ID"])
def test_a_segmentation_that_another_program_saved_without_some_fields_keeps_its_segments(result, dropped):
    before = segmented(result)
    rewrite(
        result.with_suffix(".seg.nrrd"), fields=lambda fields: {k: v for k, v in fields.items() if dropped not in k}
    )
    assert main(["report", str(result), "--format", "html,dicom"]) == 0
    assert segmented(result) == before and len(before) == 2


@pytest.mark.parametrize("named", [True, False])
def test_voxels_of_no_known_segment_are_refused_and_earlier_reports_stay(result, named, capsys):
    def added(pixels):
        pixels[1, :3, :3, 0] = 9
        return pixels

    before = {path.name: path.read_bytes() for path in result.parent.glob("*.dcm")}
    more = {"Segment2_ID": "Segment_1", "Segment2_Name": "Edema", "Segment2_Layer": "0", "Segment2_LabelValue": "9"}
    rewrite(result.with_suffix(".seg.nrrd"), added, lambda fields: {**fields, **more} if named else {})
    assert main(["report", str(result), "--format", "html,dicom"]) == 1
    words = "“Edema”" if named else "voxels of the value 9"
    error = capsys.readouterr().err
    assert "does not fit its report" in error and words in error
    assert {path.name: path.read_bytes() for path in result.parent.glob("*.dcm")} == before


def test_a_segment_that_was_removed_is_left_out(result):
    def without_the_second(fields):
        return {key: value for key, value in fields.items() if not key.startswith("Segment1_")}

    def emptied(pixels):
        pixels[..., 1] = 0
        return pixels

    before = segmented(result)
    rewrite(result.with_suffix(".seg.nrrd"), emptied, without_the_second)
    assert main(["report", str(result), "--format", "html,dicom"]) == 0
    assert segmented(result) == before[:1]


def test_a_source_that_was_moved_is_found_where_it_is_now_or_refused(predicted, tmp_path, capsys):
    series, out = predicted
    moved = series.rename(series.with_name("elsewhere"))
    try:
        result = [str(out / "kopf ä.json"), "--output", str(tmp_path)]
        assert main(["report", *result, "--format", "html,dicom"]) == 1
        assert not list(tmp_path.glob("*.dcm")) and "kopf ä" in capsys.readouterr().err
        assert main(["report", *result]) == 0
        assert "could not be read" in (tmp_path / "kopf ä.report.html").read_text("utf-8")
        assert main(["report", *result, "--format", "dicom", "--source", str(moved)]) == 0
        assert (tmp_path / "kopf ä.sr.dcm").exists()
    finally:
        moved.rename(series)


def test_an_image_that_is_not_dicom_has_a_page_only(model, tmp_path, capsys):
    from PIL import Image

    Image.fromarray((VOXELS[0] % 256).astype(np.uint8)).save(tmp_path / "x.png")
    arguments = [str(tmp_path / "x.png"), "--model", model, "--output", str(tmp_path / "out"), "--device", "cpu"]
    assert main(["predict", *arguments, "--report", "html,dicom"]) == 1
    assert "not DICOM" in capsys.readouterr().err
    files = ["x.json", "x.report.html", "x.seg.nrrd"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files
    assert main(["report", str(tmp_path / "out" / "x.json"), "--format", "dicom"]) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"case": 1}'])
def test_what_is_no_report_is_refused(content, tmp_path, capsys):
    (tmp_path / "x.json").write_text(content)
    assert main(["report", str(tmp_path / "x.json")]) == 1
    assert "is not the report of a prediction" in capsys.readouterr().err


def test_a_full_disk_leaves_the_earlier_files_as_they_were(predicted, tmp_path, monkeypatch, capsys):
    import errno
    from pathlib import Path

    _, out = predicted
    result = [str(out / "kopf ä.json"), "--output", str(tmp_path), "--format", "html,dicom"]
    assert main(["report", *result]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_bytes = Path.write_bytes

    def full(path, content):
        if path.suffix == ".dcm":
            write_bytes(path, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["report", *result]) == 1
    assert "is full" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_formats_that_do_not_exist_are_refused_at_once(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["report", "x.json", "--format", "docx"])
    assert caught.value.code == 2 and "html,dicom" in capsys.readouterr().err
    with pytest.raises(write.EngineError):
        write.check_formats(["docx"])


@pytest.mark.parametrize("moved", [False, True])
def test_another_image_in_the_place_of_the_one_that_was_predicted_is_warned_of(model, tmp_path, capsys, moved):
    pixels = np.random.default_rng(6).integers(0, 255, (40, 50), np.uint8)
    picture = write_picture(tmp_path / "mole.png", pixels)
    assert main(["predict", str(picture), "--model", model, "--output", str(tmp_path / "out"), "--device", "cpu"]) == 0
    report, page = str(tmp_path / "out" / "mole.json"), tmp_path / "out" / "mole.report.html"
    there = shutil.copy2(picture, tmp_path / "copy.png") if moved else picture
    source = ["--source", str(there)] if moved else []
    capsys.readouterr()
    assert main(["report", report, *source]) == 0
    assert "are not as they were" not in capsys.readouterr().err + page.read_text("utf-8")
    write_picture(there, pixels[::-1] // 2)  # of another patient, and of the same size in pixels
    assert main(["report", report, *source]) == 0
    assert "If they hold another image" in capsys.readouterr().err
    assert "If they hold another image" in page.read_text("utf-8")


def test_reports_of_versions_that_did_not_note_the_files_are_believed(result, capsys):
    content = json.loads(result.read_text("utf-8"))
    del content["input_state"]
    result.write_text(json.dumps(content), "utf-8")
    assert main(["report", str(result)]) == 0
    assert "are not as they were" not in capsys.readouterr().err


def test_files_that_are_there_twice_are_one_slice_of_the_objects(predicted, tmp_path):
    series, out = predicted
    copied = shutil.copytree(series, tmp_path / "copied")
    first = sorted(copied.iterdir())[0]
    shutil.copy(first, copied / f"copy of {first.name}")
    options = ["--output", str(tmp_path), "--format", "dicom", "--source", str(copied)]
    assert main(["report", str(out / "kopf ä.json"), *options]) == 0
    written = highdicom.seg.segread(tmp_path / "kopf ä.seg.dcm")
    assert np.array_equal(written.pixel_array, highdicom.seg.segread(out / "kopf ä.seg.dcm").pixel_array)
