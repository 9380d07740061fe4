"""The panel as delivered: the real worker process, the bundled models, the project's own sample images."""

import numpy as np
import slicer

from helpers.scene_helpers import makeVolume
from helpers.synthetic_samples import headSample, skinSample


def showSample(sample, name: str):
    colour = sample.voxels.ndim == 4
    className = "vtkMRMLVectorVolumeNode" if colour else "vtkMRMLScalarVolumeNode"
    node = makeVolume((1, 1, 1, 3) if colour else (1, 1, 1), sample.voxels.dtype, className, name)
    slicer.util.updateVolumeFromArray(node, sample.voxels)
    node.SetSpacing(*sample.spacing)
    return node


def test_from_opening_the_module_to_segmentation_and_diagnosis(mainWindow, openPanel, click, waitFor):
    """A head and then a picture of the skin, with the worker that stays warm in between."""
    head = showSample(headSample(), "Brain MR")
    widget = openPanel()
    assert widget.ui.inputSelector.currentNode() is head
    assert widget._parameterNode.modelReference == "brain-tumor-mr"
    messages = []
    show = widget.panel.run.progress.show
    widget.panel.run.progress.show = lambda *report: messages.append(report) or show(*report)
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning, timeout=180)
    assert not widget.ui.messageFrame.visible, widget.ui.messageLabel.text
    fractions = [fraction for fraction, _, _ in messages]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    waitFor(lambda: widget.panel.results.explanation._result is not None)
    report = widget.panel.results.explanation._result.report
    assert len(report["slices"]) == head.GetImageData().GetDimensions()[2]
    assert abs(sum(report["diagnosis"]["probabilities"].values()) - 1) < 1e-3
    names = {"Glioma", "Meningioma", "Pituitary tumour"}
    assert {label.text for label in widget.panel.results.card.bars._parts[::3]} == names
    assert "Not for clinical use" in widget.panel.results.card.disclaimer.text
    segmentation = widget._parameterNode.resultSegmentation
    assert segmentation.GetSegmentation().GetNthSegment(0).GetName() == "Brain tumour"

    picture = showSample(skinSample(), "Mole")
    widget.ui.inputSelector.setCurrentNode(picture)
    assert widget._parameterNode.modelReference == "skin-lesion"
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning, timeout=180)
    segmented = slicer.util.arrayFromSegmentBinaryLabelmap(widget._parameterNode.resultSegmentation, "lesion", picture)
    assert np.any(segmented)
    assert "pixels" in widget.panel.results.card.segmented.text


def test_the_engine_tells_its_devices_after_the_module_was_opened(openPanel, waitFor):
    makeVolume()
    widget = openPanel()
    waitFor(lambda: widget.panel.devices._job is not None)
    waitFor(lambda: widget.panel.devices._job is None, timeout=180)
    assert widget.ui.deviceSelector.findData("cpu") == 1
