"""Many cases from the console, by the real worker: rows, files, failures, going on later, and what may go wrong."""

import csv
import json
import zlib

import numpy as np
import pytest
import slicer

from helpers.dicom_files import stored_values, write_slices
from helpers.scene_helpers import makeVolume, sceneState, segmentArray, stateOf


@pytest.fixture
def run(scene, logic, models, tmp_path):
    """`run([volume, path])`: the logic's `cases` with the model "grey", into the folder "results"."""

    def cases(images, model="grey", **options):
        return logic.cases(images, str(models / model), tmp_path / "results", device="cpu", **options)

    return cases


def otherVolume(shift: int, **options):
    volume = makeVolume(**{"shape": (4, 40, 50), **options})
    slicer.util.arrayFromVolume(volume)[:] += shift
    return volume


def checksum(volume) -> str:
    return f"{zlib.crc32(slicer.util.arrayFromVolume(volume).tobytes()):08x}"


def test_volumes_of_the_scene_are_run_and_the_scene_stays_as_it_was(run, tmp_path):
    first, second = otherVolume(0, name="Gehirn 脳"), otherVolume(3, name="Gehirn 脳")
    before, states = sceneState(), [stateOf(node) for node in (first, second)]
    rows = run([first, second])
    assert [row["case"] for row in rows] == ["Gehirn 脳", "Gehirn 脳-2"]
    assert sceneState() == before and [stateOf(node) for node in (first, second)] == states
    for row in rows:
        report = json.loads((tmp_path / "results" / f"{row['case']}.json").read_text("utf-8"))
        assert row["diagnosis"] == report["diagnosis"]["label"] and row["state"] == "done"
        assert row["segments"][0]["volume_mm3"] == report["segments"][0]["volume_mm3"] and 0 < row["uncertainty"] <= 1
        assert (tmp_path / "results" / f"{row['case']}.seg.nrrd").exists()
    with open(tmp_path / "results" / "summary.csv", encoding="utf-8") as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["Gehirn 脳", "Gehirn 脳-2"]
    assert [row["state"] for row in run([second, first])] == ["kept", "kept"]


def test_none_takes_all_volumes_that_the_model_takes(run):
    from ResFormerSegLib.errors import ResFormerSegError

    makeVolume((1, 40, 50, 3), np.uint8, "vtkMRMLVectorVolumeNode", "Photo")
    makeVolume((4, 40, 50), np.uint8, "vtkMRMLLabelMapVolumeNode", "Labels")
    with pytest.raises(ResFormerSegError) as caught:
        run(None)
    assert caught.value.code == "NO_CASES"
    otherVolume(0, name="Brain")
    assert [row["name"] for row in run(None)] == ["Brain"]


def test_a_folder_is_searched_and_a_damaged_file_does_not_stop_the_others(run, tmp_path):
    write_slices(tmp_path / "in" / "a series", stored_values(6, 20, 24))
    (tmp_path / "in" / "broken.nrrd").write_bytes(b"NRRD0004\ntype: int16\n")
    rows = run([tmp_path / "in", otherVolume(0)])
    assert {row["name"]: row["state"] for row in rows} == {"Brain": "done", "a series": "done", "broken": "failed"}
    assert all(bool(row["message"]) == (row["state"] == "failed") for row in rows)


def test_a_volume_that_is_deleted_during_the_run_fails_alone(run):
    volumes = [otherVolume(shift, name=f"V{shift}") for shift in range(3)]

    def onRow(row):
        if row.title == "V0" and row.state == "done":
            slicer.mrmlScene.RemoveNode(volumes[1])

    rows = run(volumes, onRow=onRow)
    assert [row["state"] for row in rows] == ["done", "failed", "done"]
    assert rows[1]["error"] == "INPUT_REMOVED"


def test_a_cancelled_run_keeps_what_is_done_and_goes_on_later(run):
    from ResFormerSegLib.errors import ResFormerSegError

    volumes, done = [otherVolume(shift, name=f"V{shift}") for shift in range(20)], []
    with pytest.raises(ResFormerSegError) as caught:
        run(volumes, onRow=lambda row: done.append(row.state), isCancelled=lambda: "done" in done)
    assert caught.value.code == "CANCELLED"
    states = [row["state"] for row in run(volumes)]
    assert states[0] == "kept" and states[-1] == "done"


def test_an_error_in_the_users_function_ends_the_run_and_reaches_the_user(run):
    def isCancelled() -> bool:
        raise KeyError("mine")

    volumes = [otherVolume(shift, name=f"V{shift}") for shift in range(20)]
    with pytest.raises(KeyError, match="mine"):
        run(volumes, isCancelled=isCancelled)
    assert [row["name"] for row in run(volumes)] == [volume.GetName() for volume in volumes]  # nothing holds the folder


def test_a_scene_that_is_closed_ends_the_run_and_keeps_what_is_done(run, tmp_path):
    from ResFormerSegLib.errors import ResFormerSegError

    volumes = [otherVolume(shift, name=f"V{shift}") for shift in range(3)]

    def onRow(row):
        if row.state == "done":
            slicer.mrmlScene.Clear(False)

    with pytest.raises(ResFormerSegError) as caught:
        run(volumes, onRow=onRow)
    assert caught.value.code == "SCENE_CLOSED" and (tmp_path / "results" / "V0.json").exists()


def test_two_runs_at_a_time_are_refused(run):
    from ResFormerSegLib.errors import ResFormerSegError

    volume = otherVolume(0)
    first = run([volume], wait=False)
    with pytest.raises(ResFormerSegError) as caught:
        run([volume])
    assert caught.value.code == "CASES_RUNNING"
    first.abandon()
    assert run([volume])[0]["state"] in ("done", "kept")


def test_a_read_only_folder_is_a_sentence_before_the_first_case(run, tmp_path):
    from ResFormerSegLib.errors import ResFormerSegError

    (tmp_path / "results").write_text("a file")  # root may write into any folder
    with pytest.raises(ResFormerSegError) as caught:
        run([otherVolume(0)])
    assert caught.value.code == "OUTPUT_NOT_WRITABLE"


def test_a_missing_model_ends_the_run_at_the_first_case(run):
    from ResFormerSegLib.errors import ResFormerSegError

    with pytest.raises(ResFormerSegError) as caught:
        run([otherVolume(0), otherVolume(1)], model="gone")
    assert caught.value.code == "MODEL_NOT_FOUND"


def test_a_case_of_the_scene_is_shown_over_its_volume_and_over_no_other(run, logic, tmp_path):
    from ResFormerSegLib.errors import ResFormerSegError

    volume, other = otherVolume(0, oblique=True), otherVolume(1, oblique=True)
    [row] = run([volume])
    result = logic.showCase(tmp_path / "results", row["case"], volume)
    for segment in row["segments"]:
        name = next(entry["id"] for entry in result.report["segments"] if entry["name"] == segment["name"])
        assert segmentArray(result.segmentationNode, name, volume).sum() == segment["voxels"]
    assert result.volumeNode is volume and result.diagnosis == row["diagnosis"]
    assert result.voxels == checksum(volume)
    with pytest.raises(ResFormerSegError) as caught:
        logic.showCase(tmp_path / "results", row["case"], other)
    assert caught.value.code == "VOLUME_CHANGED"


def test_a_case_of_a_series_is_shown_with_its_image_as_the_engine_reads_it(run, logic, tmp_path):
    write_slices(tmp_path / "series", stored_values(6, 20, 24))
    [row] = run(tmp_path / "series")
    result = logic.showCase(tmp_path / "results", row["case"])
    assert result.voxels == checksum(result.volumeNode) and result.frame is None
    assert np.array_equal(slicer.util.arrayFromVolume(result.volumeNode), stored_values(6, 20, 24))
    assert result.volumeNode.GetSpacing() == pytest.approx((0.9, 1.1, 3.0))
    assert result.volumeNode.GetOrigin() == pytest.approx((10, 20, 5))  # RAS
    assert segmentArray(result.segmentationNode, "lesion", result.volumeNode).sum() == row["segments"][0]["voxels"]


def test_the_page_and_the_table_are_in_the_order_of_the_rows(run, logic, tmp_path):
    rows = run([otherVolume(0, name="A"), otherVolume(1, name="B")])
    logic.casesPage(tmp_path / "results", rows[::-1], tmp_path / "list.html")
    page = (tmp_path / "list.html").read_text("utf-8")
    assert page.index("<td>B") < page.index("<td>A")


def test_a_full_disk_and_one_that_turns_read_only_end_the_run_in_words(scene, logic, models, tmp_path):
    from faults.surroundings import small_disk
    from ResFormerSegLib.errors import ResFormerSegError

    volumes = [otherVolume(shift, name=f"V{shift}") for shift in range(2)]
    with small_disk(tmp_path / "disk") as disk:
        if not disk.isReal:
            pytest.skip("this user may not mount a small disk")
        for make, code in ((lambda: disk.resize(2), "DISK_FULL"), (disk.lock, "OUTPUT_NOT_WRITABLE")):
            make()
            with pytest.raises(ResFormerSegError) as caught:
                logic.cases(volumes, str(models / "grey"), disk.folder / "results", device="cpu")
            assert caught.value.code == code and caught.value.hint
        disk.grow()  # room was made: the same call goes on
        rows = logic.cases(volumes, str(models / "grey"), disk.folder / "results", device="cpu")
        assert [row["state"] for row in rows] == ["done", "done"]
