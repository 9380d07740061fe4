"""One click to the Segment Editor, and an explanation where there is none."""

from types import SimpleNamespace

import numpy as np
import slicer

from helpers.scene_helpers import makeVolume
from helpers.scene_sequences import makeSequence, ramp, showFrame
from helpers.section_helpers import makeResult


class Editor:
    """The members of qMRMLSegmentEditorWidget that are used."""

    undoEnabled, segmentation, source = False, None, None

    def setSegmentationNode(self, node) -> None:
        self.segmentation, self.source = node, None  # as the real one, which then forgets the volume

    def setSourceVolumeNode(self, node) -> None:
        self.source = node


def addSegmentEditor(monkeypatch) -> Editor:
    from slicer_bed.application import Module

    editor = Editor()
    module = Module("SegmentEditor")
    module.representation = SimpleNamespace(self=lambda: SimpleNamespace(editor=editor))
    monkeypatch.setitem(slicer.app.moduleManager()._modules, "segmenteditor", module)
    monkeypatch.setattr(slicer.modules, "segmenteditor", module, raising=False)
    return editor


def test_the_segment_editor_opens_on_result_and_volume_with_undo(mainWindow, monkeypatch):
    from ResFormerSegLib.panel.segment_editing import openInSegmentEditor

    editor = addSegmentEditor(monkeypatch)
    volume = makeVolume()
    node = makeResult(volume, np.s_[1:2, 2:4, 2:4]).segmentationNode
    assert openInSegmentEditor(node, volume) == ""
    assert mainWindow.selectedModules == ["SegmentEditor"]
    assert (editor.segmentation, editor.source, editor.undoEnabled) == (node, volume, True)


def test_the_frame_is_shown_whose_contour_is_corrected(mainWindow, monkeypatch):
    from ResFormerSegLib.panel.segment_editing import openInSegmentEditor

    addSegmentEditor(monkeypatch)
    volume, _, browser = makeSequence(ramp())
    node = makeResult(volume, np.s_[1:2, 2:4, 2:4]).segmentationNode
    node.SetAttribute("ResFormerSeg.Frame", "0.05")
    showFrame(browser, 3)
    openInSegmentEditor(node, volume)
    assert browser.GetSelectedItemNumber() == 1


def test_a_result_is_not_corrected_over_another_image(mainWindow, monkeypatch):
    from ResFormerSegLib.panel.segment_editing import openInSegmentEditor
    from ResFormerSegLib.scene.result_display import showVolume

    def shown() -> list:
        return [composite.GetBackgroundVolumeID() for composite in composites]

    addSegmentEditor(monkeypatch)
    composites = [mainWindow.views[name].compositeNode for name in ("Red", "Yellow", "Green")]
    own, other = makeVolume(name="Brown"), makeVolume(name="Smith")
    node = makeResult(own, np.s_[1:2, 2:4, 2:4]).segmentationNode
    showVolume(other)
    openInSegmentEditor(node, own)
    assert shown() == [own.GetID()] * 3
    composites[0].SetBackgroundVolumeID(other.GetID())
    openInSegmentEditor(node, own)  # it can be seen in the other views
    assert shown() == [other.GetID(), own.GetID(), own.GetID()]


def test_a_volume_deleted_meanwhile_is_left_to_the_user(mainWindow, monkeypatch):
    from ResFormerSegLib.panel.segment_editing import openInSegmentEditor

    editor = addSegmentEditor(monkeypatch)
    node = makeResult(makeVolume(), np.s_[1:2, 2:4, 2:4]).segmentationNode
    assert openInSegmentEditor(node, None) == ""
    assert editor.segmentation is node and editor.source is None


def test_what_prevents_it_is_said(scene, monkeypatch):
    from ResFormerSegLib.panel.segment_editing import openInSegmentEditor

    volume = makeVolume()
    node = makeResult(volume, np.s_[1:2, 2:4, 2:4]).segmentationNode
    assert "no Segment Editor" in openInSegmentEditor(node, volume)
    addSegmentEditor(monkeypatch)  # there, but no window to show it in
    assert "main window" in openInSegmentEditor(node, volume)
    assert "no segmentation" in openInSegmentEditor(None, volume)
    scene.RemoveNode(node)
    assert "deleted" in openInSegmentEditor(node, volume)
