"""What must hold whatever a user does: the invariants of the random actions, and what they are checked against."""

from __future__ import annotations

import hashlib
from pathlib import Path

import slicer
from vtk.util.numpy_support import vtk_to_numpy

from slicer_bed.processes import workers
from slicer_bed.watch import waitFor

PATIENCE = 60.0  # seconds, on a computer that may be busy


class CountedRun:
    """A run with its callbacks: exactly one of them must be called, once."""

    def __init__(self, what: str, onFinished=None, onFailed=None) -> None:
        self.what = what
        self.ends: list[str] = []
        self.job = None
        self._callbacks = {"finished": onFinished, "failed": onFailed}

    def finished(self, result) -> None:
        self._end("finished", result)

    def failed(self, error) -> None:
        self._end(f"failed {getattr(error, 'code', error)}", error)
        if getattr(error, "code", "") == "INTERNAL":
            raise AssertionError(f"{self.what}: {error}\n{error.details}")

    def _end(self, how: str, outcome) -> None:
        self.ends.append(how)
        callback = self._callbacks[how.partition(" ")[0]]
        if callback is not None:
            callback(outcome)


def countRuns(logic, runs: list[CountedRun]) -> None:
    """From now on each run of the logic that does not wait is added to `runs`, the panel's own too."""
    for name in ("process", "processPatient", "explain", "compare", "rankModels"):
        setattr(logic, name, _counted(getattr(logic, name), name, runs))


def _counted(method, name: str, runs: list[CountedRun]):
    def call(*arguments, **options):
        run = CountedRun(name, options.pop("onFinished", None), options.pop("onFailed", None))
        run.job = method(*arguments, onFinished=run.finished, onFailed=run.failed, **options)
        runs.append(run)
        return run.job

    return call


class Images:
    """The images of the scene as they were loaded; none of their voxels may change."""

    def __init__(self) -> None:
        self._hashes: dict[str, str] = {}

    def remember(self, volumeNode) -> None:
        self._hashes[volumeNode.GetName()] = _hash(volumeNode)

    def renamed(self, old: str, new: str) -> None:
        self._hashes[new] = self._hashes.pop(old)

    def nodes(self) -> list:
        """Those that are in the scene."""
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        return [node for node in nodes if node.GetName() in self._hashes]

    def changed(self) -> list[str]:
        return [node.GetName() for node in self.nodes() if _hash(node) != self._hashes[node.GetName()]]


def _hash(volumeNode) -> str:
    scalars = volumeNode.GetImageData().GetPointData().GetScalars()
    return hashlib.sha256(vtk_to_numpy(scalars).tobytes()).hexdigest()


def settle(widget, runs: list[CountedRun]) -> list[str]:
    """Waits until nothing is under way any more; returns how the runs ended."""
    for _round in range(5):  # the panel may ask for something once a run is over
        waitFor(lambda: not widget.logic._keeper._jobs, PATIENCE, "the end of all runs")
        slicer.app.processEvents()
    waitFor(lambda: all(run.job.isOver for run in runs), PATIENCE, "the end of all runs")
    for run in runs:
        few = 1 if run.what in ("process", "processPatient") else 0  # sections of the panel may give a question up
        assert run.job.isOver and few <= len(run.ends) <= 1, f"{run.what} ended {len(run.ends)} times: {run.ends}"
    ends = [f"{run.what} {end}" for run in runs for end in run.ends]
    runs.clear()
    return ends


def checkPanel(widget) -> None:
    """The panel is alive: what it shows is the present state."""
    ui, panel, node = widget.ui, widget.panel, widget._parameterNode
    assert panel is not None and node is not None, "the panel has lost its parameter node"
    assert not panel.run.isRunning, "the panel believes that a run is in progress"
    assert ui.inputSelector.currentNode() is node.inputVolume, "the panel shows another input than the one selected"
    panel.checkCanApply()
    assert ui.applyButton.enabled or ui.applyButton.toolTip, "Apply is disabled without a reason"
    assert not ui.cancelButton.enabled, "there is something to cancel"
    for name in ("resultSegmentation", "resultTable", "resultVolume", "outputSegmentation", "otherVolume"):
        found = getattr(node, name)
        assert found is None or found.GetScene() is slicer.mrmlScene, f"{name} is not in the scene"


def checkTidy(bed) -> None:
    """After the end of the module."""
    waitFor(lambda: not workers(), 10, "the end of all workers")
    left = [path.name for path in Path(bed.temporaryPath).glob("ResFormerSeg-*")]
    assert not left, f"temporary folders were left behind: {left}"


def resultsOverOtherImages() -> list[str]:
    """Segmentations of this module that a slice view shows over another image than their own."""
    shown = {
        view.GetID(): composite.GetBackgroundVolumeID()
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode")
        if view.GetLayoutName() == composite.GetLayoutName() and composite.GetBackgroundVolumeID()
    }
    found = []
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        display, image = node.GetDisplayNode(), _imageOf(node)
        isOurs = any(name.startswith("ResFormerSeg.") for name in node.GetAttributeNames() or ())
        if not isOurs or display is None or not (display.GetVisibility() and display.GetVisibility2D()):
            continue
        if any(display.IsDisplayableInView(view) and volume != image for view, volume in shown.items()):
            found.append(f"{node.GetName()} of {image} over {shown}")
    return found


def _imageOf(segmentationNode) -> str | None:
    return segmentationNode.GetNodeReferenceID(segmentationNode.GetReferenceImageGeometryReferenceRole())
