"""The case that is shown: it comes into the scene on a click and leaves it for the next one, unless it was edited."""

from types import SimpleNamespace

import pytest
import slicer

from helpers.dicom_files import stored_values, write_slices
from helpers.scene_helpers import makeVolume
from helpers.synthetic_images import oblique_affine, write_volume

PATIENCE = 120  # seconds, on a computer that may be busy


@pytest.fixture(scope="module")
def results(logic, models, tmp_path_factory):
    """A folder with the results of three series."""
    folder = tmp_path_factory.mktemp("series")
    for number in range(3):
        write_slices(folder / "in" / f"S{number}", stored_values(6, 20, 24) + 100 * number)
    logic.cases([folder / "in"], str(models / "grey"), folder / "results", device="cpu")
    return folder / "results"


@pytest.fixture
def cases(scene, logic, results, waitFor):
    """Three rows, `click(row)` and what came of it."""
    found = SimpleNamespace(rows=rowsOf(results), results=[], errors=[], edits=[])
    shown = logic.shownCases(
        lambda result, volume: found.results.append(result),
        lambda row, error: found.errors.append(error),
        lambda: found.edits.append(True),
    )

    def click(row) -> None:
        count = len(found.results) + len(found.errors)
        shown.show(row, str(results))
        waitFor(lambda: len(found.results) + len(found.errors) > count and shown.opening is None, PATIENCE)

    found.shown, found.click = shown, click
    yield found
    shown.cleanup()


def rowsOf(folder) -> list:
    from ResFormerSegLib.cases.earlier_results import earlierRows

    steps = earlierRows(str(folder))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def nodes() -> list[str]:
    scene = slicer.mrmlScene
    return sorted(scene.GetNthNode(index).GetClassName() for index in range(scene.GetNumberOfNodes()))


def test_a_case_and_its_image_leave_for_the_next_one(cases):
    cases.click(cases.rows[0])
    before = nodes()
    for row in (*cases.rows, *cases.rows):
        cases.click(row)
        assert nodes() == before
    assert not cases.errors and not cases.edits
    assert cases.results[-1].volumeNode.GetName() == "S2"


def test_an_edited_case_stays_with_its_image_and_comes_back_as_it_is(cases):
    cases.click(cases.rows[0])
    edited = cases.results[-1]
    edited.segmentationNode.GetSegmentation().GetNthSegment(0).SetName("Mine")
    cases.click(cases.rows[1])
    assert cases.shown.isEdited(cases.rows[0].case) and not cases.shown.isEdited(cases.rows[1].case)
    assert edited.segmentationNode.GetScene() and edited.volumeNode.GetScene() and edited.tableNode.GetScene()
    cases.click(cases.rows[0])
    assert cases.results[-1].segmentationNode is edited.segmentationNode
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 1


def test_what_the_user_has_deleted_comes_back_with_a_click(cases):
    for part in ("segmentationNode", "volumeNode"):
        cases.click(cases.rows[0])
        slicer.mrmlScene.RemoveNode(getattr(cases.results[-1], part))
        cases.click(cases.rows[0])
        result = cases.results[-1]
        assert result.segmentationNode.GetScene() and result.volumeNode.GetScene()
        assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 1
    slicer.mrmlScene.Clear(False)
    cases.click(cases.rows[0])
    assert not cases.errors and cases.results[-1].volumeNode.GetScene()


def brighten(volume) -> None:
    slicer.util.arrayFromVolume(volume)[:] += 1
    slicer.util.arrayFromVolumeModified(volume)


@pytest.mark.parametrize("change", [brighten, lambda volume: volume.SetSpacing(9, 9, 9)], ids=["voxels", "spacing"])
def test_a_case_whose_image_was_changed_in_the_scene_is_read_from_its_files_again(cases, change):
    cases.click(cases.rows[0])
    first = cases.results[-1]
    change(first.volumeNode)
    cases.click(cases.rows[0])
    assert not cases.errors and cases.results[-1].volumeNode is not first.volumeNode
    assert cases.results[-1].voxels == first.voxels and cases.results[-1].volumeNode.GetSpacing() != (9, 9, 9)


def test_an_edited_case_whose_image_was_changed_stays_beside_the_new_one(cases):
    cases.click(cases.rows[0])
    edited = cases.results[-1]
    edited.segmentationNode.GetSegmentation().GetNthSegment(0).SetName("Mine")
    brighten(edited.volumeNode)
    cases.click(cases.rows[0])
    assert cases.results[-1].segmentationNode is not edited.segmentationNode
    assert edited.segmentationNode.GetScene() and edited.volumeNode.GetScene()


def test_an_image_that_was_only_touched_is_no_other_one(cases):
    cases.click(cases.rows[0])
    slicer.util.arrayFromVolumeModified(cases.results[-1].volumeNode)
    cases.click(cases.rows[0])
    assert cases.results[-1].volumeNode is cases.results[0].volumeNode


def test_a_volume_of_the_scene_that_was_changed_is_refused_also_while_its_result_is_in_the_scene(
    scene, logic, models, tmp_path, waitFor
):
    volume = makeVolume((4, 40, 50))
    logic.cases([volume], str(models / "grey"), tmp_path, device="cpu")
    [row], seen = rowsOf(tmp_path), []
    shown = logic.shownCases(
        lambda result, node: seen.append(result.voxels), lambda row, error: seen.append(error.code), lambda: None
    )
    for number in range(3):
        shown.show(row, str(tmp_path))
        waitFor(lambda number=number: len(seen) > number and shown.opening is None, PATIENCE)
        if number == 1:
            brighten(volume)
    assert seen[0] == seen[1] and seen[2] == "VOLUME_CHANGED"
    shown.cleanup()


def test_an_image_that_is_used_elsewhere_stays(cases):
    cases.click(cases.rows[0])
    volume = cases.results[-1].volumeNode
    own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "My own")
    own.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    cases.click(cases.rows[1])
    assert volume.GetScene() is slicer.mrmlScene and own.GetScene() is slicer.mrmlScene


def test_of_two_quick_clicks_the_last_counts(cases, waitFor, results):
    cases.shown.show(cases.rows[0], str(results))
    cases.shown.show(cases.rows[1], str(results))
    waitFor(lambda: cases.results and cases.shown.opening is None, PATIENCE)
    assert [result.volumeNode.GetName() for result in cases.results] == ["S1"] and not cases.errors


def test_a_result_that_was_computed_anew_replaces_the_one_in_the_scene(cases):
    cases.click(cases.rows[0])
    old = cases.results[-1].segmentationNode
    cases.shown.outdate(cases.rows[0].case)
    cases.click(cases.rows[0])
    assert old.GetScene() is None and cases.results[-1].segmentationNode.GetScene()


def test_a_volume_of_the_scene_is_found_again_in_another_session_by_its_voxels(scene, logic, models, waitFor, tmp_path):
    def volumes() -> list:
        made = [makeVolume((4, 40, 50), name="Brain") for _index in range(2)]
        slicer.util.arrayFromVolume(made[1])[:] += 5
        return made

    logic.cases(volumes(), str(models / "grey"), tmp_path / "results", device="cpu")
    slicer.mrmlScene.Clear(False)
    rows = rowsOf(tmp_path / "results")
    shown, errors = [], []
    clicks = logic.shownCases(lambda *found: shown.append(found), lambda row, error: errors.append(error), lambda: None)
    clicks.show(rows[1], str(tmp_path / "results"))
    assert errors.pop().code == "VOLUME_NOT_FOUND"
    first, second = volumes()
    assert [row.case for row in rows] == ["Brain", "Brain-2"]
    for row, volume in ((rows[1], second), (rows[0], first)):
        clicks.show(row, str(tmp_path / "results"))
        waitFor(lambda: shown and clicks.opening is None, PATIENCE)
        assert shown.pop()[1] is volume and not errors
    clicks.cleanup()


def test_an_oblique_image_comes_back_where_it_was(scene, logic, models, tmp_path):
    import numpy as np
    import vtk

    affine = oblique_affine()
    voxels = np.random.default_rng(1).integers(0, 99, (5, 18, 22), np.int16)
    write_volume(tmp_path / "oblique.nrrd", voxels, affine)
    [row] = logic.cases([tmp_path / "oblique.nrrd"], str(models / "grey"), tmp_path / "results", device="cpu")
    volume = logic.showCase(tmp_path / "results", row["case"]).volumeNode
    toRas = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRas)
    found = [[toRas.GetElement(i, j) for j in range(4)] for i in range(4)]
    assert np.allclose(found, np.diag([-1, -1, 1, 1]) @ affine, atol=1e-4)
    assert np.array_equal(slicer.util.arrayFromVolume(volume), voxels)
