"""All frames of a sequence by the console: what is made, and that nothing is left when it fails."""

import json

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import later, makeVolume, sceneState, segmentArray
from helpers.scene_sequences import makeSequence, ramp, showFrame


@pytest.fixture
def cine(scene):
    return makeSequence(ramp())


def frameMask(result, volume, number):
    showFrame(result.browserNode, number)
    return segmentArray(result.segmentationNode, "tumour", volume)


def test_each_frame_has_its_segmentation_in_the_same_browser(logicWith, cine):
    volume, sequence, browser = cine
    result = logicWith("exclusive").processSequence(volume, "brain-tumor-mr")
    assert result.browserNode is browser and result.volumeNode is volume
    assert browser.GetProxyNode(result.sequenceNode) is result.segmentationNode
    assert result.sequenceNode.GetNumberOfDataNodes() == 4
    values = [[node.GetNthIndexValue(number) for number in range(4)] for node in (sequence, result.sequenceNode)]
    assert values[0] == values[1] and result.sequenceNode.GetIndexUnit() == "s"
    assert [row["time_s"] for row in result.frames] == [0, 0.05, 0.1, 0.15] and result.report["times_known"]
    for number in (3, 0, 2):
        assert frameMask(result, volume, number).sum() == 40  # the left half of the first slice
        assert slicer.util.arrayFromVolume(volume)[0, 0, 0] == 10 * number
        saved = json.loads(result.segmentationNode.GetAttribute("ResFormerSeg.Report"))
        assert saved["case"] == f"Cine, frame {number}"
    assert result.heart is None and result.report["case"] == "Cine" and len(result.frames) == 4


def test_the_table_has_a_row_for_each_frame(logicWith, cine):
    table = logicWith("exclusive").processSequence(cine[0], "brain-tumor-mr", frames=(1, 2)).tableNode
    columns = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    assert columns[:4] == ["Frame", "Time (s)", "P(glioma)", "P(meningioma)"] and "(ml)" in columns[4]
    assert [table.GetCellText(row, 0) for row in range(2)] == ["1", "2"]
    assert float(table.GetCellText(0, 4)) == pytest.approx(40 * 18 / 1000)


def test_chosen_frames_leave_the_others_without_a_segmentation(logicWith, cine):
    result = logicWith("exclusive").processSequence(cine[0], "brain-tumor-mr", frames=(1, 2))
    assert result.sequenceNode.GetNumberOfDataNodes() == 2 and [row["index"] for row in result.frames] == [1, 2]
    assert frameMask(result, cine[0], 2).sum() == 40
    for index in (0, 3):
        showFrame(result.browserNode, index)
        assert not result.segmentationNode.GetSegmentation().GetNumberOfSegments(), index
        assert result.segmentationNode.GetAttribute("ResFormerSeg.Report") is None
    showFrame(result.browserNode, 1)
    assert result.segmentationNode.GetSegmentation().GetNumberOfSegments()


def test_a_frame_that_was_corrected_keeps_its_correction(logicWith, cine):
    result = logicWith("exclusive").processSequence(cine[0], "brain-tumor-mr")
    showFrame(result.browserNode, 1)
    everywhere = np.ones_like(slicer.util.arrayFromVolume(cine[0]), np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(everywhere, result.segmentationNode, "tumour", cine[0])
    for index, voxels in ((2, 40), (1, everywhere.size), (0, 40)):
        showFrame(result.browserNode, index)
        assert segmentArray(result.segmentationNode, "tumour", cine[0]).sum() == voxels


def test_a_sequence_without_times_is_numbered(logicWith, scene):
    volume, _, _ = makeSequence(ramp(), unit="")
    result = logicWith("exclusive").processSequence(volume, "brain-tumor-mr")
    assert not result.report["times_known"] and [row["time_s"] for row in result.frames] == [None] * 4


def test_the_result_is_read_back_from_its_table(logicWith, cine):
    from ResFormerSegLib.runs.sequence_results import restoreSequenceResult

    result = logicWith("exclusive").processSequence(cine[0], "brain-tumor-mr")
    again = restoreSequenceResult(result.tableNode)
    assert again.segmentationNode is result.segmentationNode and again.sequenceNode is result.sequenceNode
    assert again.report == result.report and again.browserNode is result.browserNode
    assert again.reliable == result.reliable and "frames: 4" in repr(again)


def test_a_colour_cine_of_pictures_is_run_frame_by_frame(logicWith, scene):
    pixels = np.random.default_rng(0).integers(0, 255, (3, 1, 8, 10, 3), np.uint8)
    volume, _, _ = makeSequence(pixels, className="vtkMRMLVectorVolumeNode", spacing=(1, 1, 1))
    result = logicWith("exclusive").processSequence(volume, "brain-tumor-mr")
    assert len(result.frames) == 3 and not result.segmentationNode.GetDisplayNode().GetVisibility2DFill()


@pytest.mark.parametrize("frames", [(2, 9), (-1, 2), (3, 1), 2, ("a", "b")])
def test_frames_that_are_not_there_are_refused(module, logicWith, cine, frames):
    before = sceneState()
    with pytest.raises(Exception) as caught:
        logicWith("exclusive").processSequence(cine[0], "brain-tumor-mr", frames=frames)
    assert caught.value.code == "BAD_FRAMES" and sceneState() == before


def test_an_ordinary_volume_is_no_sequence_and_the_hint_of_a_sequence_names_its_volume(logicWith, cine):
    logic = logicWith("exclusive")
    with pytest.raises(Exception) as caught:
        logic.processSequence(makeVolume(), "brain-tumor-mr")
    assert caught.value.code == "NOT_A_SEQUENCE"
    with pytest.raises(Exception) as caught:
        logic.processSequence(cine[1], "brain-tumor-mr")
    assert caught.value.code == "VOLUME_4D" and "shows of it" in caught.value.hint


def test_a_single_frame_is_an_ordinary_result(logicWith, cine):
    volume, _, browser = cine
    showFrame(browser, 2)
    result = logicWith("exclusive").process(volume, "brain-tumor-mr")
    assert (
        result.report["case"] == "Cine, frame 2" and segmentArray(result.segmentationNode, "tumour", volume).sum() == 40
    )


def test_cancelling_in_the_midst_leaves_the_scene_as_it_was(logicWith, scene):
    volume, _, browser = makeSequence(np.random.default_rng(0).integers(0, 255, (60, 2, 8, 10)).astype(np.int16))
    before, seen = sceneState(), []
    with pytest.raises(Exception) as caught:
        logicWith("exclusive").processSequence(
            volume, "brain-tumor-mr", progress=lambda share, text: seen.append(share),
            isCancelled=lambda: any(share > 0.1 for share in seen),
        )  # fmt: skip
    assert caught.value.code == "CANCELLED" and sceneState() == before
    assert browser.GetNumberOfSynchronizedSequenceNodes(True) == 1


@pytest.mark.parametrize("which", [0, 1, 2], ids=["volume", "sequence", "browser"])
def test_deleting_a_node_of_the_sequence_in_mid_run_ends_it(logicWith, cine, which):
    later(150, lambda: slicer.mrmlScene.RemoveNode(cine[which]))
    with pytest.raises(Exception) as caught:
        logicWith("slow").processSequence(cine[0], "brain-tumor-mr")
    assert caught.value.code in ("INPUT_REMOVED", "SEQUENCE_CHANGED")
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert not slicer.util.getNodesByClass("vtkMRMLTableNode")


def test_closing_the_scene_in_mid_run_ends_it(logicWith, cine):
    later(150, lambda: slicer.mrmlScene.Clear(False))
    with pytest.raises(Exception) as caught:
        logicWith("slow").processSequence(cine[0], "brain-tumor-mr")
    assert caught.value.code == "INPUT_REMOVED" and not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


def test_a_frame_that_changes_in_mid_run_is_noticed_and_one_that_is_only_shown_is_not(logicWith, cine):
    volume, sequence, browser = cine

    def change(share, text):
        showFrame(browser, 1)  # the user looks around meanwhile
        if share > 0.6 and isChanging:
            slicer.util.arrayFromVolume(sequence.GetNthDataNode(0))[0, 0, 0] += 1
            sequence.GetNthDataNode(0).GetImageData().Modified()

    logic, isChanging = logicWith("exclusive"), False
    logic.processSequence(volume, "brain-tumor-mr", progress=change)
    isChanging = True
    with pytest.raises(Exception) as caught:
        logic.processSequence(volume, "brain-tumor-mr", progress=change)
    assert caught.value.code == "SEQUENCE_CHANGED"


def test_frames_of_different_sizes_are_refused(logicWith, scene):
    volume, sequence, _ = makeSequence(ramp())
    slicer.util.updateVolumeFromArray(sequence.GetNthDataNode(2), np.zeros((3, 9, 10), np.int16))
    before = sceneState()
    with pytest.raises(Exception) as caught:
        logicWith("exclusive").processSequence(volume, "brain-tumor-mr")
    assert caught.value.code == "FRAMES_DIFFER" and sceneState() == before


def test_when_the_import_fails_the_scene_is_as_before(logicWith, cine, monkeypatch, loggedErrors):
    from ResFormerSegLib.runs import sequence_import

    def fail(*arguments):
        raise RuntimeError("no memory")

    monkeypatch.setattr(sequence_import, "fillFrameTable", fail)
    before = sceneState()
    with pytest.raises(Exception) as caught:
        logicWith("exclusive").processSequence(cine[0], "brain-tumor-mr")
    assert caught.value.code == "RESULT_NOT_IMPORTED" and sceneState() == before
    assert cine[2].GetNumberOfSynchronizedSequenceNodes(True) == 1


def emptySegments(node) -> list[bool]:
    segments = [
        node.GetSegmentation().GetNthSegment(index) for index in range(node.GetSegmentation().GetNumberOfSegments())
    ]
    images = [segment.GetRepresentation("Binary labelmap") for segment in segments]
    return [image is None or image.IsEmpty() for image in images]


@pytest.mark.parametrize("kind", ["refused by the engine", "without voxels"])
def test_a_frame_that_fails_is_marked_and_the_others_are_kept(logicWith, cine, kind):
    volume, sequence, _ = cine
    if kind == "without voxels":
        sequence.GetNthDataNode(1).SetAndObserveImageData(None)
    result = logicWith("error at the second" if kind[0] == "r" else "exclusive").processSequence(
        volume, "brain-tumor-mr"
    )
    assert [row["status"] for row in result.frames] == ["done", "failed", "done", "done"]
    assert result.frames[1]["error"] == ("CONSTANT_IMAGE" if kind[0] == "r" else "FRAME_EMPTY")
    table = result.tableNode
    column = table.GetNumberOfColumns() - 1
    assert table.GetColumnName(column) == "Failed"
    assert [bool(table.GetCellText(row, column)) for row in range(4)] == [False, True, False, False]
    assert result.frames[1]["message"] == table.GetCellText(1, column) and "nan" in table.GetCellText(1, 2)
    assert result.report["diagnosis_counts"] == {"glioma": 3} and result.reliable
    (failed,) = [warning for warning in result.warnings if warning["code"] == "FRAMES_FAILED"]
    assert failed["frames"] == [1]
    assert result.sequenceNode.GetNumberOfDataNodes() == 4
    for number in (0, 1, 3):
        showFrame(result.browserNode, number)
        assert emptySegments(result.segmentationNode) == [number == 1] * 2
        assert (result.segmentationNode.GetAttribute("ResFormerSeg.Report") is None) == (number == 1)
    assert frameMask(result, volume, 2).sum() == 40


def test_when_all_frames_fail_so_does_the_run(logicWith, cine):
    before = sceneState()
    with pytest.raises(Exception) as caught:
        logicWith("error").processSequence(cine[0], "brain-tumor-mr")
    assert caught.value.code == "CONSTANT_IMAGE" and sceneState() == before


def test_an_error_that_is_not_of_one_frame_ends_the_run(logicWith, cine):
    before = sceneState()
    with pytest.raises(Exception) as caught:
        logicWith("segfault at the second").processSequence(cine[0], "brain-tumor-mr")
    assert caught.value.code.startswith("ENGINE_") and sceneState() == before
