"""The section that compares the result with a reference, with the mouse."""

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import makeVolume, parentItem, sceneState
from helpers.scene_sequences import makeSequence, ramp, showFrame
from helpers.section_helpers import PatientLogic, makeHost, makeResult
from ResFormerSegLib.errors import ResFormerSegError

ROW = {
    "id": "lesion",
    "name": "Lesion",
    "dice": 0.75,
    "jaccard": 0.6,
    "hausdorff95_mm": 3.25,
    "volume_first_ml": 1.2,
    "volume_second_ml": 1.0,
    "volume_difference_ml": 0.2,
}
LESION = np.s_[2:4, 4:10, 4:12]


@pytest.fixture
def comparison(scene):
    """`comparison(logic)`: (section, volume, result) with a result on display."""
    from ResFormerSegLib.panel.comparison_section import ComparisonSection

    made = []

    def make(logic, picture=False):
        volume = makeVolume(shape=(6, 16, 20))
        result = makeResult(volume, LESION)
        if picture:
            result.report["segments"][0]["volume_mm3"] = None
        host = makeHost()
        section = ComparisonSection(host, logic)
        section.showResult(result, volume)
        made.append((section, host))
        return section, volume, result

    yield make
    for section, host in made:
        section.cleanup()
        host.delete()


def labelMapFor(volume, box, value=7):
    labels = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
    labels[box] = value
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Expert")
    node.CopyOrientation(volume)
    slicer.util.updateVolumeFromArray(node, labels)
    return node


def figures(section) -> dict[str, str]:
    table = section.table
    return {table.verticalHeaderItem(row).text(): table.item(row, 0).text() for row in range(table.rowCount)}


def compare(section, logic, click, reference) -> None:
    """Chooses a reference and presses the button; the comparison ends with `ROW`."""
    section.selector.setCurrentNode(reference)
    click(section.compareButton)
    logic.jobs[-1].onFinished([ROW])


def test_the_section_says_what_is_missing_where_it_is_seen(comparison):
    section, volume, result = comparison(PatientLogic())
    assert not section.compareButton.enabled
    assert section.reason.isVisible() and section.reason.text == "Select a reference first."
    section.selector.setCurrentNode(makeResult(volume, LESION).segmentationNode)
    assert section.compareButton.enabled and not section.reason.isVisible()
    section.clear()
    assert "no segmentation" in section.reason.text and section.reason.isVisible()


def test_the_result_is_not_offered_as_its_own_reference(comparison):
    section, volume, result = comparison(PatientLogic())
    other = makeResult(volume, LESION).segmentationNode
    nodes = [section.selector.nodeFromIndex(index) for index in range(section.selector.nodeCount())]
    assert nodes == [other]
    section.showResult(makeResult(volume, LESION), volume)  # the earlier result may be a reference of the new one
    section.selector.setCurrentNode(result.segmentationNode)
    assert section.selector.currentNode() is result.segmentationNode


def test_the_reference_stays_chosen_for_the_next_result_of_the_volume_not_for_another_volumes(comparison):
    section, volume, _result = comparison(PatientLogic())
    reference = makeResult(volume, LESION).segmentationNode
    section.selector.setCurrentNode(reference)
    section.showResult(makeResult(volume, LESION), volume)
    assert section.selector.currentNode() is reference and section.compareButton.enabled
    other = makeVolume(shape=(6, 16, 20), name="Another patient")
    section.showResult(makeResult(other, LESION), other)
    assert section.selector.currentNode() is None


def test_the_figures_are_shown_and_can_be_kept_as_a_table(comparison, click):
    logic = PatientLogic()
    section, volume, result = comparison(logic)
    reference = makeResult(volume, LESION).segmentationNode
    section.selector.setCurrentNode(reference)
    click(section.compareButton)
    assert logic.asked[0][0] == (result.segmentationNode, reference, volume)
    assert not section.compareButton.enabled and section.cancelButton.isVisible()
    logic.jobs[0].onFinished([ROW])
    assert figures(section) == {
        "Dice": "0.750",
        "Jaccard": "0.600",
        "95 % Hausdorff (mm)": "3.2",
        "Volume difference (ml)": "0.20",
        "Volume difference (%)": "20.0",
    }
    click(section.storeButton)
    table = slicer.util.getNode("Result comparison")
    assert slicer.util.arrayFromTableColumn(table, "Dice").tolist() == [0.75]
    assert parentItem(table) == parentItem(result.segmentationNode)


def test_figures_that_are_not_defined_are_dashes(comparison, click):
    logic = PatientLogic()
    section, volume, _result = comparison(logic)
    section.selector.setCurrentNode(makeResult(volume, LESION).segmentationNode)
    click(section.compareButton)
    nothing = {**ROW, "dice": None, "jaccard": None, "hausdorff95_mm": None, "volume_second_ml": 0.0}
    logic.jobs[0].onFinished([nothing])
    assert figures(section)["Dice"] == figures(section)["95 % Hausdorff (mm)"] == "–"
    assert figures(section)["Volume difference (%)"] == "–"
    click(section.storeButton)


def test_a_picture_has_no_millimetres(comparison, click):
    logic = PatientLogic()
    section, volume, _result = comparison(logic, picture=True)
    compare(section, logic, click, makeResult(volume, LESION).segmentationNode)
    assert list(figures(section)) == ["Dice", "Jaccard"]


def test_segments_without_counterpart_are_named(comparison, click):
    logic = PatientLogic()
    section, volume, result = comparison(logic)
    result.segmentationNode.GetSegmentation().AddEmptySegment("edema", "Edema")
    compare(section, logic, click, makeResult(volume, LESION).segmentationNode)
    assert section.status.text == "Not in the reference: Edema"


def test_figures_of_a_result_of_some_slices_say_that_the_reference_counts_in_all(comparison, click):
    logic = PatientLogic()
    section, volume, result = comparison(logic)
    result.report["slices"] = result.report["slices"][2:4]
    section.showResult(result, volume)
    compare(section, logic, click, makeResult(volume, LESION).segmentationNode)
    assert section.status.text.startswith("Only slices 2 to 3 of 0 to 5 were analysed")
    section.showResult(makeResult(volume, LESION), volume)
    click(section.compareButton)
    logic.jobs[1].onFinished([ROW])
    assert section.table.isVisible() and not section.status.text


def test_an_error_is_shown_in_its_place(comparison, click):
    logic = PatientLogic()
    section, volume, _result = comparison(logic)
    section.selector.setCurrentNode(makeResult(volume, LESION).segmentationNode)
    logic.refuse = ResFormerSegError("NO_SEGMENTS_TO_COMPARE", "They have no segment in common.", "Rename them.")
    click(section.compareButton)
    assert section.status.text == "They have no segment in common. Rename them."
    assert section.compareButton.enabled and not section.table.isVisible()


def test_a_label_map_is_compared_by_the_real_worker_and_nothing_is_left(comparison, click, waitFor, module):
    logic = module.ResFormerSegLogic()
    section, volume, _result = comparison(logic)
    labels = labelMapFor(volume, np.s_[2:4, 4:10, 4:10])
    section.selector.setCurrentNode(labels)
    before = sceneState()
    click(section.compareButton)
    waitFor(lambda: section._job is None, timeout=60)
    assert figures(section)["Dice"] == f"{2 * 6 / (6 + 8):.3f}"
    assert figures(section)["Volume difference (%)"] == f"{100 * 2 / 6:.1f}"
    assert sceneState() == before


def test_the_reference_is_remembered_with_the_result(comparison, click):
    logic = PatientLogic()
    section, volume, result = comparison(logic)
    reference = makeResult(volume, LESION).segmentationNode
    compare(section, logic, click, reference)
    section.clear()
    assert section.selector.currentNode() is None
    section.showResult(result, volume)
    assert section.selector.currentNode() is reference


def test_a_result_deleted_during_the_comparison_does_not_hurt(comparison, click, scene):
    logic = PatientLogic()
    section, volume, result = comparison(logic)
    section.selector.setCurrentNode(makeResult(volume, LESION).segmentationNode)
    click(section.compareButton)
    scene.RemoveNode(result.segmentationNode)
    logic.jobs[0].onFinished([ROW])
    section.store()
    section.clear()


def shrink(node, volume) -> None:
    """Erases a part of it, as in the Segment Editor."""
    if node.IsA("vtkMRMLSegmentationNode"):
        mask = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
        mask[2, 4:6, 4:6] = 1
        name = node.GetSegmentation().GetNthSegmentID(0)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, name, volume)
    else:
        slicer.util.arrayFromVolume(node)[2] = 0
        slicer.util.arrayFromVolumeModified(node)


def move(node, volume) -> None:
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetAndObserveTransformNodeID(transform.GetID())


@pytest.mark.parametrize("change", [shrink, move])
@pytest.mark.parametrize("which", ["result", "segmentation", "label map"])
@pytest.mark.parametrize("isRunning", [False, True])
def test_figures_of_a_segmentation_that_was_changed_since_are_not_shown(comparison, click, change, which, isRunning):
    logic = PatientLogic()
    section, volume, result = comparison(logic)
    isMap = which == "label map"
    reference = labelMapFor(volume, LESION) if isMap else makeResult(volume, LESION).segmentationNode
    section.selector.setCurrentNode(reference)
    click(section.compareButton)
    changed = result.segmentationNode if which == "result" else reference
    if isRunning:
        change(changed, volume)
        logic.jobs[0].onFinished([ROW])
    else:
        logic.jobs[0].onFinished([ROW])
        assert section.table.isVisible()
        change(changed, volume)
    assert not section.table.isVisible() and not section.storeButton.isVisible()
    assert "Press Compare again" in section.status.text and section.compareButton.enabled
    click(section.compareButton)
    logic.jobs[1].onFinished([ROW])
    assert section.table.isVisible() and not section.status.text


def test_figures_of_another_reference_are_not_shown(comparison, click):
    logic = PatientLogic()
    section, volume, result = comparison(logic)
    first, second = (makeResult(volume, LESION).segmentationNode for _ in range(2))
    compare(section, logic, click, first)
    section.selector.setCurrentNode(second)
    assert not section.table.isVisible() and not section.storeButton.isVisible()


def test_colour_and_display_leave_the_figures(comparison, click):
    logic = PatientLogic()
    section, volume, result = comparison(logic)
    reference = makeResult(volume, LESION).segmentationNode
    compare(section, logic, click, reference)
    for node in (result.segmentationNode, reference):
        node.GetSegmentation().GetNthSegment(0).SetColor(0, 1, 0)
        node.CreateDefaultDisplayNodes()
        node.CreateClosedSurfaceRepresentation()
        node.GetDisplayNode().SetVisibility(False)
    assert section.table.isVisible()


def test_the_frame_of_the_result_is_shown_as_the_reference_may_be_of_the_sequence_too(comparison, click):
    section, *_ = comparison(PatientLogic())
    volume, _, browser = makeSequence(ramp())
    result, reference = (makeResult(volume, np.s_[1:2, 2:4, 2:4]) for _ in range(2))
    result.segmentationNode.SetAttribute("ResFormerSeg.Frame", "0.05")
    section.showResult(result, volume)
    section.selector.setCurrentNode(reference.segmentationNode)
    showFrame(browser, 3)
    click(section.compareButton)
    assert browser.GetSelectedItemNumber() == 1
